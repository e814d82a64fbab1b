"""Every accepted name leads to the right table and conventions."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.models import list_models

from effnet_core.architecture.aliases import named, timm_names
from effnet_core.architecture.names import VARIANTS, architecture, scaled, variant
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.data.tables import NOT_BUILT_FILE, read
from effnet_core.errors import InvalidInput

SCRIPT = Path(__file__).parents[3] / "scripts" / "not_built_from_libraries.py"


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
        ("efficientnet_b8", "b8", 1e-5, "symmetric"),
        ("tf_efficientnet_b8", "b8", 1e-3, "same"),
        ("efficientnet_l2", "l2", 1e-5, "symmetric"),
        ("efficientnet_b5", "b5", 1e-3, "symmetric"),
        ("efficientnet_b5.sw_in12k", "b5", 1e-5, "symmetric"),
        ("efficientnetv2_s", "v2-s", 1e-5, "symmetric"),
        ("tf_efficientnetv2_xl.in21k", "v2-xl", 1e-3, "same"),
        ("efficientnetv2_rw_t", "v2-rw-t", 1e-5, "symmetric"),
        ("efficientnet_es", "edge-s", 1e-5, "symmetric"),
        ("efficientnet_el_pruned.in1k", "edge-l", 1e-5, "symmetric"),
        ("tf_efficientnet_em", "edge-m", 1e-3, "same"),
        ("efficientnet-b0", "b0", 1e-3, "same"),
        ("google/efficientnet-b7", "b7", 1e-3, "same"),
    ],
)
def test_names(name: str, own: str, eps: float, padding: str) -> None:
    spec = architecture(name)
    assert (spec.name, spec.bn_eps, spec.padding) == (own, eps, padding)


def test_every_variant_expands_and_is_its_own_name() -> None:
    assert len(VARIANTS) == 29
    for name in VARIANTS:
        assert variant(name).name == name == architecture(name).name


@pytest.mark.parametrize("name", ["b9", "resnet50", "", "lite5", "../b0", "efficientnet_"])
def test_unknown_names_are_a_sentence(name: str) -> None:
    with pytest.raises(InvalidInput, match="No EfficientNet is called"):
        architecture(name)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("b2.5", "b2?"),
        ("b0.9", "b0?"),
        ("v2-s.5", "v2-s?"),
        ("efficientnet_b0.bogus_tag", "efficientnet_b0.ra_in1k or efficientnet_b0.ra4"),
        ("b0.ra_in1k", "b0?"),
        ("tf_efficientnet_b0.", "tf_efficientnet_b0."),
        ("tf_efficientnet_b9", "tf_efficientnet_b8"),
    ],
)
def test_a_tag_that_nobody_has_is_refused_and_near_names_are_offered(name: str, near: str) -> None:
    with pytest.raises(InvalidInput, match="No EfficientNet is called") as caught:
        architecture(name)
    assert f"did you mean {near}" in str(caught.value)


@pytest.mark.parametrize("start", ["b0", "tf_efficientnet_b0", "efficientnetv2_s", "lite", "v2-s"])
def test_names_offered_side_by_side_never_differ_in_conventions_alone(start: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        architecture(f"{start}x")
    offered = str(caught.value).partition("did you mean ")[2].removesuffix("?").split(" or ")
    assert offered and len({named(name).variant for name in offered}) == len(offered)


@settings(max_examples=200)
@given(
    name=st.sampled_from([*VARIANTS, *sorted(timm_names())]),
    tag=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12),
)
def test_only_listed_tags_are_taken(name: str, tag: str) -> None:
    asked = f"{name.partition('.')[0]}.{tag}"
    if asked.lower() in timm_names():
        assert named(asked).library == "timm"
        return
    with pytest.raises(InvalidInput):
        named(asked)


def test_what_exists_elsewhere_is_refused_as_what_it_is() -> None:
    for name, what in (
        ("mixnet_s.ft_in1k", "mixnet_s exists in timm but is not built here: it is a MixNet"),
        ("efficientnet_b0_gn", "it is normalised by groups of channels"),
        ("tf_efficientnet_cc_b0_4e", "a CondConv network"),
        ("mobilenet_v2", "exists in torchvision but is not built here: it is a MobileNet"),
    ):
        with pytest.raises(InvalidInput, match=what):
            architecture(name)


def test_the_list_of_what_is_not_built_is_what_the_libraries_have_now() -> None:
    assert list(read(NOT_BUILT_FILE)) == runpy.run_path(str(SCRIPT))["table"]()


def test_every_efficientnet_of_timm_is_built_or_listed() -> None:
    listed = {row["name"] for row in read(NOT_BUILT_FILE)}
    assert listed.isdisjoint(timm_names())
    assert listed | timm_names() >= set(list_models("*efficientnet*"))


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
