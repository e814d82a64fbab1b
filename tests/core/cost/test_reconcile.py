"""Published coefficients beside the formula: what the issue trackers ask about most."""

from __future__ import annotations

import math
from typing import Any

import pytest

from effnet_core.architecture.families import EDGE, LITE, V2_BASE
from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.cost.reconcile import depth_jumps, reconcilable, reconcile
from effnet_core.cost.report import summarize
from effnet_core.errors import InvalidInput


def test_b1_is_not_phi_1() -> None:
    result = reconcile("b1")
    depth, width, resolution = result.axes
    assert result.nominal_phi == 1
    assert width.implied_phi == 0 and width.formula_ratio == pytest.approx(1.1)
    assert depth.implied_phi == pytest.approx(0.5228, abs=1e-4)  # log 1.1 / log 1.2
    assert resolution.implied_phi == pytest.approx(0.4936, abs=1e-4)  # log(240/224) / log 1.15
    assert result.formula is not None
    assert result.formula.params == summarize(variant("b2")).params


def test_rounding_is_shown_stage_by_stage() -> None:
    stage = reconcile("b3").stages[0]
    assert stage.exact_channels == pytest.approx(19.2) and stage.channels == 24
    assert stage.exact_repeats == pytest.approx(1.4) and stage.repeats == 2


@pytest.mark.parametrize("name", reconcilable())
def test_twin_is_the_nearest_in_multiply_adds(name: str) -> None:
    result = reconcile(name)
    if name == "l2":
        assert result.twin_phi is None and result.twin is None
        return
    assert result.twin is not None and result.twin_phi is not None
    phi, wanted = result.twin_phi, result.published.mult_adds
    distance = abs(result.twin.mult_adds - wanted)
    if not name.startswith(("lite", "v2")):
        for beside in (phi - 0.3, phi - 0.05, phi + 0.05, phi + 0.3):
            assert abs(summarize(scaled(max(0.0, beside))).mult_adds - wanted) >= distance


def test_l2_has_no_nominal_phi_and_v2_s_no_comparison() -> None:
    assert reconcile("l2").nominal_phi is None
    assert reconcile("l2").formula is None
    with pytest.raises(InvalidInput, match="table of its own"):
        reconcile("v2-s")


@pytest.mark.parametrize("repeats", ["ceil", "nearest"])
def test_jumps_are_all_the_changes(repeats: str) -> None:
    jumps = depth_jumps(0, 3, repeats=repeats)  # type: ignore[arg-type]
    blocks = {
        step: len(scaled(step / 50 + 0.003, repeats=repeats).blocks)  # type: ignore[arg-type]
        for step in range(148)
    }
    for step in range(147):
        low, high = step / 50 + 0.003, (step + 1) / 50 + 0.003
        inside = [jump for jump in jumps if low <= jump.phi < high]
        change = sum(jump.blocks_above - jump.blocks_below for jump in inside)
        assert blocks[step + 1] - blocks[step] == change


def test_first_jump_is_at_zero() -> None:
    jump = depth_jumps(0, 1)[0]
    assert (jump.phi, jump.blocks_below, jump.blocks_above) == (0.0, 16, 23)
    assert jump.params_above == summarize(variant("b1")).params


def test_constant_depth_never_jumps() -> None:
    assert depth_jumps(-6, 10, rule=ScalingRule(1.0, 1.2, 1.2)) == ()


@pytest.mark.parametrize("name", reconcilable())
def test_reconciliation_holds_the_jumps_around_its_phis(name: str) -> None:
    result = reconcile(name)
    named = [result.nominal_phi, result.twin_phi, *(axis.implied_phi for axis in result.axes)]
    known = [min(phi, 10) for phi in named if phi is not None]
    low, high = math.floor(min(known)), math.ceil(max(known))
    families = {"lite": LITE, "v2-b": V2_BASE} | {f"edge-{size}": EDGE for size in "sml"}
    baseline = families.get(name.rstrip("0123456789"))
    other: dict[str, Any] = {} if baseline is None else {"family": baseline}
    assert result.jumps == depth_jumps(low, max(high, low + 1), **other)
    assert result.jumps


def test_jumps_of_b0_and_b1_are_the_one_at_zero() -> None:
    assert reconcile("b0").jumps == reconcile("b1").jumps == depth_jumps(0, 1)


def test_jumps_are_those_of_the_variants_own_baseline() -> None:
    lite, v2 = reconcile("lite0").jumps[0], reconcile("v2-b0").jumps[0]
    # Lite's first and last stage do not deepen: two blocks fewer than the 7 of B0.
    assert (lite.blocks_below, lite.blocks_above) == (16, 21)
    assert lite.params_below == summarize(variant("lite0")).params
    # Stages of 1, 2, 2, 3, 5 and 8 repeats: every one gains a block.
    assert (v2.blocks_below, v2.blocks_above) == (21, 27)
    assert v2.params_below == summarize(variant("v2-b0")).params


def test_a_rule_that_does_not_widen_has_its_jumps_all_the_same() -> None:
    result = reconcile("b1", ScalingRule(1.2, 1.0, 1.15))
    assert math.isnan(result.axes[1].implied_phi)
    assert result.jumps[0].phi == 0
