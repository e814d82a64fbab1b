"""The duel: the four networks it finds are the closest that rounding allows."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from effnet_core.architecture.families import V1
from effnet_core.architecture.names import scaled
from effnet_core.architecture.scaling import (
    PAPER_RULE,
    STRATEGIES,
    ScalingCoefficients,
    dropout_for,
)
from effnet_core.architecture.spec import expand
from effnet_core.cost.report import analyze, summarize
from effnet_core.errors import InvalidInput
from effnet_core.training.family.duel import duel, network

ROOT = Path(__file__).resolve().parents[4]
LISTS = ROOT / "assets" / "family"
BASE = PAPER_RULE.coefficients(-2, base_resolution=128)


def cost(depth: float, width: float, resolution: int) -> int:
    coefficients = ScalingCoefficients(depth, width, resolution, 0.0)
    return summarize(expand(V1, coefficients, name="", num_classes=100)).mult_adds


def reachable() -> list[list[int]]:
    """What each of the four can cost within 10 % of 190 M: compound, depth, width, resolution."""
    hundredths = [number / 100 for number in range(1, 500)]
    rules = (
        PAPER_RULE.coefficients(-2 + step, base_resolution=128) for step in hundredths if step < 2.5
    )
    every = (
        [cost(rule.depth, rule.width, rule.resolution) for rule in rules],
        [cost(depth, BASE.width, 96) for depth in hundredths if BASE.depth < depth < 4],
        [cost(BASE.depth, width, 96) for width in hundredths if BASE.width < width < 2],
        [cost(BASE.depth, BASE.width, side) for side in range(104, 264, 8)],
    )
    return [sorted({one for one in costs if 171e6 <= one <= 209e6}) for costs in every]


def closest(lists: list[list[int]]) -> float:
    """The least spread of a choice from each list, by moving up its cheapest until a list ends."""
    places, best = [0] * len(lists), math.inf
    while True:
        costs = [one[place] for one, place in zip(lists, places, strict=True)]
        best = min(best, max(costs) / min(costs) - 1)
        cheapest = costs.index(min(costs))
        places[cheapest] += 1
        if places[cheapest] == len(lists[cheapest]):
            return best


def built(one: Any) -> int:
    """The contender's multiply-adds, layer by layer."""
    report = analyze(network(one.coefficients, name=one.name, num_classes=100))
    return sum(layer.mult_adds for layer in report.layers)


def test_all_four_reach_one_cost_and_none_could_be_closer() -> None:
    found = duel()
    assert tuple(one.strategy for one in found.contenders) == STRATEGIES
    costs = [built(one) for one in found.contenders]
    assert [one.mult_adds for one in found.contenders] == costs
    assert all(abs(one / 190e6 - 1) <= 0.1 for one in costs)
    assert found.spread == max(costs) / min(costs) - 1 <= 0.03
    assert found.spread == pytest.approx(closest(reachable()), abs=1e-12)
    assert found.contenders == duel().contenders


def test_each_grows_along_its_own_axis_alone() -> None:
    compound, depth, width, resolution = (one.coefficients for one in duel().contenders)
    base = dataclasses.replace(
        BASE, depth=round(BASE.depth, 6), width=round(BASE.width, 6), dropout=compound.dropout
    )
    assert depth == dataclasses.replace(base, depth=depth.depth)
    assert width == dataclasses.replace(base, width=width.width)
    assert resolution == dataclasses.replace(base, resolution=resolution.resolution)
    assert depth.depth > 2 * base.depth and width.width > 2 * base.width
    assert resolution.resolution % 8 == 0 and resolution.resolution > 96


def test_compound_is_the_formula_at_its_phi_and_lends_all_its_dropout() -> None:
    found = duel()
    (compound,) = (one for one in found.contenders if one.phi is not None)
    assert compound.strategy == "compound" and compound.phi is not None
    formula = scaled(compound.phi, base_resolution=128, num_classes=100)
    spec = network(compound.coefficients, name=formula.name, num_classes=100, phi=compound.phi)
    assert (spec.blocks, spec.resolution) == (formula.blocks, formula.resolution)
    rates = {one.coefficients.dropout for one in found.contenders}
    assert rates == {dropout_for(compound.phi)} == {formula.dropout}


@pytest.mark.parametrize(
    ("name", "base_phi", "around"), [("device", -2.0, 190e6), ("processor", -4.5, 10.5e6)]
)
def test_the_lists_state_what_is_computed(name: str, base_phi: float, around: float) -> None:
    stated = json.loads((LISTS / f"{name}.json").read_text(encoding="utf-8"))
    base, classes = stated["base_resolution"], stated["num_classes"]
    found = duel(base_phi, around=around, base_resolution=base, num_classes=classes)
    assert set(stated["networks"]) == set(STRATEGIES)
    for one in found.contenders:
        fields = stated["networks"][one.strategy]
        own = ScalingCoefficients(
            fields["depth"], fields["width"], fields["resolution"], fields["dropout"]
        )
        assert own == one.coefficients
        assert (fields["phi"], fields["base_phi"]) == (one.phi, found.base_phi)
        spec = expand(V1, own, name="", num_classes=classes)
        assert summarize(spec).mult_adds == one.mult_adds


def test_another_base_and_cost() -> None:
    found = duel(-3.0, 0.01, around=100e6)
    assert found.spread <= 0.01
    for one in found.contenders:
        assert one.mult_adds == built(one)
        assert abs(one.mult_adds / 100e6 - 1) <= 0.1


@pytest.mark.parametrize(("tolerance", "around"), [(0.001, 190e6), (0.03, 1e6), (0.03, 40e6)])
def test_no_common_cost_is_a_sentence(tolerance: float, around: float) -> None:
    with pytest.raises(InvalidInput, match=r"have no common cost near [0-9]+ M multiply-adds"):
        duel(-2.0, tolerance, around=around)
