"""The free depth, width and resolution under a limit in milliseconds, beside every one tried."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from effnet_core.architecture.families import V1
from effnet_core.architecture.scaling import ScalingCoefficients
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.budget import Bounds, Limits, Setting, best_free
from effnet_core.cost.report import summarize
from effnet_core.latency import PredictedLatency

SMALL = Bounds(depth=(0.94, 1.06), width=(0.5, 0.6), resolution=(32, 96))
Point = tuple[float, float, int]


def spec_at(depth: float, width: float, side: int) -> ArchitectureSpec:
    return expand(V1, ScalingCoefficients(depth, width, side, 0.2), name="free")


# Milliseconds that grow with work and with the number of blocks, known to a tenth.
def clock(spec: ArchitectureSpec, batch: int) -> PredictedLatency:
    totals = summarize(spec)
    ms = batch * (totals.mult_adds / 1e7 + 0.1 * totals.blocks)
    return PredictedLatency(low_ms=0.9 * ms, ms=ms, high_ms=1.1 * ms)


def far(point: Point) -> float:
    """Distance from the paper's rule, by the cross product."""
    line, at = np.log([1.2, 1.1, 1.15]), np.log([point[0], point[1], point[2] / 224])
    return float(np.linalg.norm(np.cross(at, line)) / np.linalg.norm(line))


@pytest.mark.parametrize("limits", [Limits(latency_ms=4), Limits(latency_ms=5, params=1.8e6)])
def test_milliseconds_beside_every_network_tried(limits: Limits) -> None:
    """Within one coarse step of width, where all of its fine steps are searched."""
    bounds = Bounds(depth=(0.9, 1.1), width=(0.5, 0.55), resolution=(32, 96))
    depths, widths = (np.arange(90, 111) / 100, np.arange(50, 56) / 100)
    fitting = {}
    for point in itertools.product(map(float, depths), map(float, widths), range(32, 97, 8)):
        spec = spec_at(*point)
        totals, ms = summarize(spec), clock(spec, 1).high_ms
        if ms <= limits.given["latency_ms"] and totals.params <= (limits.params or 1e9):
            fitting[point] = totals.mult_adds
    answer = best_free(limits, bounds=bounds, latency=clock)
    most = max(fitting.values())
    assert answer.network.mult_adds == most
    found = (answer.network.depth, answer.network.width, answer.network.resolution)
    equals = [point for point, mult_adds in fitting.items() if mult_adds == most]
    assert found in equals
    assert all(0.5 < width < 0.55 for _, width, _ in equals)  # no coarse step
    assert far(found) == pytest.approx(min(map(far, equals)), abs=1e-9)
    assert answer.network.latency == clock(spec_at(*found), 1)
    assert answer.rooms[-1].name == "latency_ms"
    assert answer.rooms[-1].used == answer.network.latency.high_ms
    assert "in steps of 0.05 and, near the best, of 0.01" in answer.searched


@settings(max_examples=10, deadline=None)
@given(phi=st.floats(-6, 3).map(lambda phi: round(phi, 2)), exact_pixels=st.booleans())
@example(phi=0.3, exact_pixels=False)
@example(phi=-3.07, exact_pixels=True)
def test_what_a_network_of_the_formula_takes_buys_at_least_that_network(
    phi: float, exact_pixels: bool
) -> None:
    """Its depth and width are no multiples of a step, and its exact pixels none of 8."""
    setting = Setting(exact_pixels=exact_pixels)
    spec = setting.network(phi)
    totals, ms = summarize(spec), clock(spec, 1).high_ms
    peak = totals.peak_activation_bytes
    limits = Limits(latency_ms=ms, params=totals.params, peak_bytes=peak)
    answer = best_free(limits, setting, latency=clock)
    assert answer.fits and answer.network.mult_adds >= totals.mult_adds
    assert clock(answer.network.spec(setting), 1).high_ms <= ms


def test_a_clock_that_favours_large_images_still_gives_a_network_that_is_fast_enough() -> None:
    def odd(spec: ArchitectureSpec, batch: int) -> PredictedLatency:
        ms = 5.0 + 5.0 * (spec.resolution // 8 % 2)
        return PredictedLatency(low_ms=ms, ms=ms, high_ms=ms)

    answer = best_free(Limits(latency_ms=7), bounds=SMALL, latency=odd)
    assert answer.fits and answer.network.resolution // 8 % 2 == 0


def test_nothing_is_fast_enough() -> None:
    answer = best_free(Limits(latency_ms=0.01), bounds=SMALL, latency=clock)
    assert not answer.fits
    assert answer.binding == ("latency_ms",)
    assert answer.rooms[0].left < 0
