"""The rule, its rounding and its bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effnet_core.architecture.families import PUBLISHED
from effnet_core.architecture.rounding import round_channels, round_repeats, round_resolution
from effnet_core.architecture.scaling import (
    FAST_COMPOUND_RULE,
    PAPER_RULE,
    STRATEGIES,
    ScalingRule,
    dropout_for,
)
from effnet_core.errors import InvalidInput

phis = st.floats(-6, 10)


def test_paper_rule_at_one() -> None:
    coefficients = PAPER_RULE.coefficients(1)
    assert (coefficients.depth, coefficients.width) == (1.2, 1.1)
    assert coefficients.resolution == 256  # 224 · 1.15 = 257.6, half up to a multiple of 8
    assert PAPER_RULE.cost_factor == pytest.approx(1.2 * 1.21 * 1.3225)


def test_exact_pixels() -> None:
    assert PAPER_RULE.coefficients(1, exact_pixels=True).resolution == 258


def test_fast_compound_doubles() -> None:
    assert FAST_COMPOUND_RULE.cost_factor == pytest.approx(2.0)


@pytest.mark.parametrize("rule", [PAPER_RULE, FAST_COMPOUND_RULE, ScalingRule(2.19, 1.0, 1.0)])
def test_a_rule_near_two_has_no_warning(rule: ScalingRule) -> None:
    assert rule.warning is None


@pytest.mark.parametrize(
    ("rule", "number"),
    [(ScalingRule(3, 3, 1.15), "35.71"), (ScalingRule(1.79, 1.0, 1.0), "1.79")],
)
def test_a_rule_far_from_two_is_warned_of_with_its_number(rule: ScalingRule, number: str) -> None:
    assert rule.warning is not None
    assert rule.warning.count(number) == 2


@given(phis)
def test_strategies_have_equal_nominal_cost(phi: float) -> None:
    nominal = PAPER_RULE.cost_factor**phi
    for strategy in STRATEGIES:
        depth, width, resolution = PAPER_RULE.ratios(phi, strategy)
        assert depth * width**2 * resolution**2 == pytest.approx(nominal, rel=1e-9)


@given(phis)
def test_dropout_is_clamped_and_linear(phi: float) -> None:
    rate = dropout_for(phi)
    assert 0.0 <= rate <= 0.5
    if 0 <= phi <= 7:
        assert rate == pytest.approx(0.2 + 0.3 * phi / 7)


@given(st.floats(1, 10000))
def test_guarded_channels(channels: float) -> None:
    rounded = round_channels(channels)
    assert rounded % 8 == 0
    assert rounded >= 0.9 * channels
    assert rounded - channels <= 8


@given(st.floats(1, 10000))
def test_unguarded_channels_are_the_nearest_multiple(channels: float) -> None:
    rounded = round_channels(channels, keep=0.0)
    assert rounded == max(8, math.floor(channels / 8 + 0.5) * 8)


def test_guard_shows_where_it_acts() -> None:
    # 11 rounds to 8, which is under 90 % of 11: the guard lifts it to 16.
    assert round_channels(11) == 16
    assert round_channels(11, keep=0.0) == 8


def test_repeats() -> None:
    assert [round_repeats(x) for x in (0.2, 1.0, 1.1, 2.0, 2.4)] == [1, 1, 2, 2, 3]
    assert [round_repeats(x, "nearest") for x in (0.2, 1.4, 1.5, 2.5)] == [1, 1, 2, 3]
    assert round_repeats(5 * 1.2) == 6
    assert round_repeats(3.0000000000000004) == 3


@given(st.floats(8, 5000))
def test_resolution_rounds_half_up(pixels: float) -> None:
    rounded = round_resolution(pixels)
    assert rounded % 8 == 0
    assert -4 < rounded - pixels <= 4 or rounded == 8


@pytest.mark.parametrize("phi", [-6.01, 10.01, math.nan, math.inf, "two", "1.5", None])
def test_phi_out_of_range_is_a_sentence(phi: object) -> None:
    with pytest.raises(InvalidInput, match="φ must"):
        PAPER_RULE.coefficients(phi)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0.0, -1.0, 3.5, math.nan])
def test_factors_out_of_range(value: float) -> None:
    with pytest.raises(InvalidInput, match="α must lie between"):
        ScalingRule(alpha=value)


def test_unknown_strategy() -> None:
    with pytest.raises(InvalidInput, match="compound, depth, width, resolution"):
        PAPER_RULE.coefficients(1, strategy="height")  # type: ignore[arg-type]


def test_published_rows() -> None:
    assert len(PUBLISHED) == 22
    b7 = PUBLISHED["b7"]
    assert (b7.width, b7.depth, b7.test_resolution, b7.dropout) == (2.0, 3.1, 600, 0.5)
    assert PUBLISHED["v2-b0"].train_resolution == 192
    assert all(row.source for row in PUBLISHED.values())
