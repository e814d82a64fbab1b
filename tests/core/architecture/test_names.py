"""Every accepted name leads to the right table and conventions."""

from __future__ import annotations

from pathlib import Path

import pytest

from effnet_core.architecture.names import VARIANTS, architecture, scaled, variant
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.errors import InvalidInput


@pytest.mark.parametrize(
    ("name", "own", "eps", "padding"),
    [
        ("b0", "b0", 1e-5, "symmetric"),
        ("b5", "b5", 1e-3, "symmetric"),
        ("efficientnet_b4", "b4", 1e-5, "symmetric"),
        ("EfficientNet-B7", "b7", 1e-3, "symmetric"),
        ("efficientnet_v2_s", "v2-s", 1e-3, "symmetric"),
        ("tf_efficientnet_b0", "b0", 1e-3, "same"),
        ("tf_efficientnet_b0.ns_jft_in1k", "b0", 1e-3, "same"),
        ("tf_efficientnetv2_b0", "v2-b0", 1e-3, "same"),
        ("v2-b3", "v2-b3", 1e-3, "same"),
        ("efficientnet_lite0", "lite0", 1e-5, "symmetric"),
        ("tf_efficientnet_lite0", "lite0", 1e-3, "same"),
        ("b8", "b8", 1e-3, "same"),
    ],
)
def test_names(name: str, own: str, eps: float, padding: str) -> None:
    spec = architecture(name)
    assert (spec.name, spec.bn_eps, spec.padding) == (own, eps, padding)


def test_every_variant_expands_and_is_its_own_name() -> None:
    assert len(VARIANTS) == 22
    for name in VARIANTS:
        assert variant(name).name == name == architecture(name).name


@pytest.mark.parametrize("name", ["b9", "resnet50", "", "lite5", "../b0", "efficientnet_"])
def test_unknown_names_are_a_sentence(name: str) -> None:
    with pytest.raises(InvalidInput, match="No EfficientNet is called"):
        architecture(name)


def test_spec_file(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    spec = scaled(0.5, num_classes=7)
    path.write_text(spec.to_json(), encoding="utf-8")
    assert architecture(str(path)) == spec
    assert architecture(str(path), resolution=96).resolution == 96
    with pytest.raises(InvalidInput, match="cannot be read"):
        architecture(str(tmp_path / "absent.json"))


def test_phi_just_above_zero_jumps_to_23_blocks() -> None:
    assert len(scaled(0).blocks) == 16
    assert len(scaled(0.01).blocks) == 23
    assert len(scaled(0.01, repeats="nearest").blocks) == 16
    assert scaled(0).blocks == variant("b0").blocks


def test_another_rule_is_named() -> None:
    assert scaled(2).name == "compound φ=2"
    assert scaled(2, rule=ScalingRule(1.3, 1.1, 1.1)).name == "compound φ=2 α=1.3 β=1.1 γ=1.1"


def test_given_resolution_is_taken_as_it_is() -> None:
    assert scaled(1, resolution=251).resolution == 251
    assert variant("b0", resolution=97).resolution == 97
    with pytest.raises(InvalidInput, match="Resolution must"):
        variant("b0", resolution=16)
