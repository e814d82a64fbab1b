"""Expansion of stage tables, and specs that survive JSON and refuse what is damaged."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effnet_core.architecture.families import BASELINES, LITE, V1
from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.scaling import ScalingCoefficients
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.errors import InvalidInput
from effnet_core.limits import MAX_BLOCKS


def test_b0_reads_like_table_1() -> None:
    spec = variant("b0")
    rows = [(len(s), s[-1].out_channels, s[0].kernel, s[0].stride) for s in spec.stages]
    assert rows == [
        (1, 16, 3, 1),
        (2, 24, 3, 2),
        (2, 40, 5, 2),
        (3, 80, 3, 2),
        (3, 112, 5, 1),
        (4, 192, 5, 2),
        (1, 320, 3, 1),
    ]
    assert (spec.stem_channels, spec.head_channels) == (32, 1280)
    first = spec.blocks[0]
    assert not first.expands and not first.skip and first.squeeze_channels == 8


def test_blocks_chain_and_drop_path_grows_linearly() -> None:
    for baseline in BASELINES:
        spec = expand(baseline, ScalingCoefficients(1.4, 1.3, 224, 0.2), name="x")
        inputs = spec.stem_channels
        for position, block in enumerate(spec.blocks):
            assert block.in_channels == inputs
            assert block.drop_path == pytest.approx(0.2 * position / len(spec.blocks))
            inputs = block.out_channels


def test_lite_keeps_its_ends() -> None:
    spec = expand(LITE, ScalingCoefficients(3.0, 2.0, 224, 0.2), name="x")
    assert (spec.stem_channels, spec.head_channels) == (32, 1280)
    assert (len(spec.stages[0]), len(spec.stages[-1])) == (1, 1)
    assert len(spec.stages[1]) == 6
    assert all(block.squeeze_channels == 0 for block in spec.blocks)


def test_v2_base_rounds_without_the_guard() -> None:
    # 16 · 1.2 = 19.2 rounds to 16, which is under 90 %: the guard of V1 lifts it to 24.
    assert variant("v2-b3").stages[0][0].out_channels == 16
    assert variant("b3").stages[0][0].out_channels == 24


@settings(max_examples=40, deadline=None)
@given(st.floats(-6, 8), st.sampled_from(["ceil", "nearest"]), st.integers(1, 5000))
def test_json_round_trip(phi: float, rounding: str, classes: int) -> None:
    spec = scaled(phi, repeats=rounding, num_classes=classes)  # type: ignore[arg-type]
    assert ArchitectureSpec.from_json(spec.to_json()) == spec


@given(st.text(max_size=200))
def test_any_other_text_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidInput):
        ArchitectureSpec.from_json(text)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([f.name for f in dataclasses.fields(ArchitectureSpec)]),
    st.one_of(st.none(), st.text(max_size=5), st.floats(), st.lists(st.integers()), st.just(-3)),
)
def test_damaged_fields_raise_only_invalid_input(field: str, value: object) -> None:
    fields = json.loads(variant("b0").to_json())
    fields[field] = value
    try:
        spec = ArchitectureSpec.from_json(json.dumps(fields))
    except InvalidInput:
        return
    assert spec == ArchitectureSpec.from_json(spec.to_json())


def test_blocks_that_do_not_chain_are_refused() -> None:
    fields = json.loads(variant("b0").to_json())
    fields["blocks"][3]["in_channels"] += 8
    with pytest.raises(InvalidInput, match="does not follow"):
        ArchitectureSpec.from_json(json.dumps(fields))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dropout", 5),
        ("dropout", -1),
        ("dropout", 1.0),
        ("stochastic_depth", 1),
        ("bn_eps", -1),
        ("bn_eps", 0),
        ("bn_momentum", 2),
        ("num_classes", 0),
        ("num_classes", True),
        ("stem_channels", 0),
        ("resolution", 8),
        ("phi", 11),
    ],
)
def test_values_that_would_fail_later_are_refused(field: str, value: object) -> None:
    fields = json.loads(variant("b0").to_json())
    fields[field] = value
    with pytest.raises(InvalidInput):
        ArchitectureSpec.from_json(json.dumps(fields))


@pytest.mark.parametrize(
    ("field", "value"),
    [("kernel", 4), ("kernel", 999_999), ("stride", 3), ("drop_path", 3.0), ("in_channels", 0)],
)
def test_blocks_that_would_fail_later_are_refused(field: str, value: object) -> None:
    fields = json.loads(variant("v2-b0").to_json())
    fields["blocks"][0][field] = value
    with pytest.raises(InvalidInput):
        ArchitectureSpec.from_json(json.dumps(fields))


def test_a_fused_block_has_no_squeeze_and_excitation() -> None:
    fields = json.loads(variant("v2-b0").to_json())
    fields["blocks"][0]["squeeze_channels"] = 8
    with pytest.raises(InvalidInput, match="unusable shape"):
        ArchitectureSpec.from_json(json.dumps(fields))


def test_cap_on_blocks_is_stated() -> None:
    with pytest.raises(InvalidInput, match=f"{MAX_BLOCKS:,} blocks"):
        scaled(10, strategy="depth")
    for classes in (0, 2.5, 2_000_000):
        with pytest.raises(InvalidInput, match="number of classes"):
            expand(V1, ScalingCoefficients(1.0, 1.0, 224, 0.2), name="x", num_classes=classes)  # type: ignore[arg-type]
