"""The free depth, width and resolution with the most multiply-adds, beside every one tried."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from effnet_core.architecture.families import V1
from effnet_core.architecture.rounding import Rounding
from effnet_core.architecture.scaling import ScalingCoefficients, ScalingRule
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.arrays import free_costs
from effnet_core.cost.budget import (
    QUANTITIES,
    Bounds,
    Candidate,
    Limits,
    Setting,
    best_free,
    device,
    largest_phi,
)
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.errors import InvalidInput

SMALL = Bounds(depth=(0.94, 1.06), width=(0.5, 0.6), resolution=(32, 96))
Point = tuple[float, float, int]


def spec_at(depth: float, width: float, side: int) -> ArchitectureSpec:
    return expand(V1, ScalingCoefficients(depth, width, side, 0.2), name="free")


def used(totals: CostTotals) -> dict[str, int]:
    weights, peak = totals.weight_bytes, totals.peak_activation_bytes
    return {
        "params": totals.params,
        "mult_adds": totals.mult_adds,
        "weight_bytes": weights,
        "peak_bytes": peak,
        "memory_bytes": weights + peak,
    }


@pytest.fixture(scope="module")
def every_point() -> dict[Point, dict[str, int]]:
    """Every network within SMALL, counted layer by layer."""
    depths, widths = (np.arange(94, 107) / 100, np.arange(50, 61) / 100)
    grid = itertools.product(map(float, depths), map(float, widths), range(32, 97, 8))
    return {point: used(summarize(spec_at(*point))) for point in grid}


def far(point: Point, rule: ScalingRule | None = None, base: int = 224) -> float:
    """Distance from the rule's line, by the cross product."""
    rule = rule or ScalingRule()
    line = np.log([rule.alpha, rule.beta, rule.gamma])
    at = np.log([point[0], point[1], point[2] / base])
    return float(np.linalg.norm(np.cross(at, line)) / np.linalg.norm(line))


def point_of(network: Candidate) -> Point:
    return network.depth, network.width, network.resolution


@settings(max_examples=40, deadline=None)
@given(
    shares=st.dictionaries(
        st.sampled_from(QUANTITIES[:5]), st.floats(0, 1.05), min_size=1, max_size=3
    ),
    tie=st.sampled_from([0.0, 0.01, 0.2]),
)
def test_the_best_is_that_of_every_network_tried(
    every_point: dict[Point, dict[str, int]], shares: dict[str, float], tie: float
) -> None:
    spans = {
        name: (
            min(u[name] for u in every_point.values()),
            max(u[name] for u in every_point.values()),
        )
        for name in shares
    }
    limits = Limits(
        **{name: low + share * (high - low) for (name, (low, high)), share in
           zip(spans.items(), shares.values(), strict=True)}
    )  # fmt: skip
    fitting = {
        point: costs
        for point, costs in every_point.items()
        if all(costs[name] <= limit for name, limit in limits.given.items())
    }
    answer = best_free(limits, bounds=SMALL, tie=tie)
    assert answer.fits == bool(fitting)
    found = point_of(answer.network)
    if not fitting:
        assert found == (0.94, 0.5, 32)
        return
    most = max(costs["mult_adds"] for costs in fitting.values())
    equals = [p for p, costs in fitting.items() if costs["mult_adds"] >= (1 - tie) * most]
    assert found in equals
    assert far(found) == pytest.approx(min(map(far, equals)), abs=1e-9)
    assert {n: getattr(answer.network, n) for n in QUANTITIES[:5]} == every_point[found]
    for room in answer.rooms:
        assert room.left == room.limit - every_point[found][room.name] >= 0


def test_nothing_counted_falls_when_only_the_resolution_grows() -> None:
    """What lets the search halve its way to the largest resolution, on 300 shapes."""
    draw = np.random.default_rng(3)
    sides = np.arange(32, 1025, 8)
    for depth, width in draw.uniform((0.25, 0.25), (6.25, 2.75), (300, 2)).round(2):
        costs = free_costs(np.full(len(sides), depth), np.full(len(sides), width), sides)
        assert (np.diff(costs.mult_adds) > 0).all()
        assert (np.diff(costs.peak_activation_bytes) >= 0).all()
        assert len(np.unique(costs.params)) == len(np.unique(costs.weight_bytes)) == 1


@pytest.mark.parametrize(
    "limits",
    [
        Limits(mult_adds=4e8),
        Limits(params=5e6, peak_bytes=8e6),
        Limits(memory_bytes=5e7, mult_adds=2e9),
        device("mcu").limits,
    ],
)
@pytest.mark.parametrize("setting", [Setting(), Setting(dtype="int8", num_classes=10, batch=2)])
def test_free_coefficients_reach_what_the_formula_reaches(limits: Limits, setting: Setting) -> None:
    formula, free = largest_phi(limits, setting), best_free(limits, setting)
    assert free.fits >= formula.fits
    if formula.fits:
        assert free.network.mult_adds >= formula.network.mult_adds


@settings(max_examples=25, deadline=None)
@given(
    phi=st.floats(-6, 8).map(lambda phi: round(phi, 2)),
    names=st.sets(st.sampled_from(QUANTITIES[:5]), min_size=1),
    exact_pixels=st.booleans(),
    repeats=st.sampled_from(["ceil", "nearest"]),
)
@example(phi=-0.22, names={"mult_adds"}, exact_pixels=True, repeats="ceil")
@example(phi=0.49, names={"mult_adds"}, exact_pixels=False, repeats="ceil")
def test_the_costs_of_a_network_of_the_formula_buy_at_least_that_network(
    phi: float, names: set[str], exact_pixels: bool, repeats: Rounding
) -> None:
    """Its depth and width are no multiples of a step, and its exact pixels none of 8."""
    setting = Setting(exact_pixels=exact_pixels, repeats=repeats)
    costs = used(summarize(setting.network(phi)))
    limits = Limits(**{name: costs[name] for name in names})
    answer = best_free(limits, setting)
    assert answer.fits and answer.network.mult_adds >= costs["mult_adds"]
    assert "; also the depth, width and pixels of the largest φ" in answer.searched
    found = summarize(answer.network.spec(setting))
    assert {name: getattr(answer.network, name) for name in costs} == used(found)


def test_what_stops_it_is_what_the_next_step_breaks() -> None:
    limits = Limits(params=5e6, mult_adds=4e8, peak_bytes=1e9)
    answer = best_free(limits, tie=0.01)
    network = answer.network
    assert answer.ends == ()
    steps = {
        "depth": [(d / 100, network.width, network.resolution) for d in range(25, 626)],
        "width": [(network.depth, w / 100, network.resolution) for w in range(25, 276)],
        "resolution": [(network.depth, network.width, r) for r in range(32, 1025, 8)],
    }
    broken = set()
    for points in steps.values():
        above = (used(summarize(spec_at(*p))) for p in points if p > point_of(network))
        after = next(costs for costs in above if costs["mult_adds"] > network.mult_adds)
        broken |= {name for name, limit in limits.given.items() if after[name] > limit}
    assert set(answer.binding) == broken != set()


def test_bounds_end_the_search_where_no_limit_does() -> None:
    answer = best_free(Limits(params=1e12))
    assert (answer.network.width, answer.network.resolution) == (2.75, 1024)
    assert answer.ends == ("depth", "width", "resolution") and answer.binding == ()
    params = best_free(Limits(params=5e6))
    assert params.network.resolution == 1024
    assert "resolution" in params.ends and params.binding == ("params",)
    assert "from 32 to 1024" in params.searched and "in steps of 0.01" in params.searched


def test_the_rule_and_base_decide_between_ties() -> None:
    limits = Limits(mult_adds=4e8)
    deep = Setting(rule=ScalingRule(2.0, 1.0, 1.0), base_resolution=128)
    paper = best_free(limits, tie=0.05).network
    other = best_free(limits, deep, tie=0.05).network
    assert far(point_of(paper)) < far(point_of(other))
    assert far(point_of(other), deep.rule, 128) < far(point_of(paper), deep.rule, 128)
    flat = best_free(limits, Setting(rule=ScalingRule(1, 1, 1)), tie=0.05).network
    assert math.dist(np.log(point_of(flat)[:2]), (0, 0)) < math.dist(
        np.log(point_of(other)[:2]), (0, 0)
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"depth": (2, 1)}, "Depth is searched between two ratios"),
        ({"width": (0, 1)}, "Width is searched between two ratios"),
        ({"width": (1, math.nan)}, "Width is searched between two ratios"),
        ({"resolution": (16, 64)}, "Resolution must lie between"),
        ({"resolution": (128, 64)}, "from small to large; got 128 and 64"),
        ({"depth": (1.001, 1.002)}, "holds no multiple of 0.01"),
        ({"resolution": (33, 39)}, "holds no multiple of 8"),
    ],
)
def test_unusable_bounds_are_sentences(options: dict[str, tuple[float, float]], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        best_free(Limits(params=1e6), bounds=Bounds(**options))  # type: ignore[arg-type]


def test_contradictions_are_sentences() -> None:
    with pytest.raises(InvalidInput, match="needs at least one limit"):
        best_free(Limits())
    with pytest.raises(InvalidInput, match="needs a prediction of latency"):
        best_free(Limits(latency_ms=5))
    with pytest.raises(InvalidInput, match=r"tie must lie in \[0, 1\)"):
        best_free(Limits(params=1e6), tie=1.0)
