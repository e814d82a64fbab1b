"""The largest φ within a budget, beside every φ tried one by one; limits, devices and int8."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from effnet_core.architecture.names import scaled
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.budget import (
    BUDGET_DTYPES,
    QUANTITIES,
    Answer,
    Limits,
    Setting,
    best_free,
    device,
    devices,
    largest_phi,
)
from effnet_core.cost.report import CostTotals, analyze, summarize
from effnet_core.errors import InvalidInput
from effnet_core.latency import PredictedLatency

PHIS = [step / 100 for step in range(-600, 1001)]
SHRINKING = ScalingRule(0.8, 1.12, 1.2)
"""Depth falls while φ grows, and parameters fall and rise by rounding."""


@pytest.fixture(scope="module")
def every_phi() -> list[CostTotals]:
    """Every network of the paper's rule, counted layer by layer."""
    return [summarize(scaled(phi)) for phi in PHIS]


def used(totals: CostTotals) -> dict[str, int]:
    weights, peak = totals.weight_bytes, totals.peak_activation_bytes
    return {
        "params": totals.params,
        "mult_adds": totals.mult_adds,
        "weight_bytes": weights,
        "peak_bytes": peak,
        "memory_bytes": weights + peak,
    }


def by_hand(every: list[CostTotals], limits: Limits) -> float | None:
    def fits(totals: CostTotals) -> bool:
        return all(used(totals)[name] <= limit for name, limit in limits.given.items())

    return max((phi for phi, totals in zip(PHIS, every, strict=True) if fits(totals)), default=None)


def require_consistent(answer: Answer, limits: Limits, totals: CostTotals) -> None:
    assert [room.name for room in answer.rooms] == list(limits.given)
    for room in answer.rooms:
        assert room.used == used(totals)[room.name] == getattr(answer.network, room.name)
        assert room.left == room.limit - room.used
    assert answer.fits == all(room.left >= 0 for room in answer.rooms)


@settings(max_examples=40, deadline=None)
@given(
    exponents=st.dictionaries(
        st.sampled_from(QUANTITIES[:5]), st.floats(5, 10.5), min_size=1, max_size=3
    )
)
def test_the_largest_phi_is_that_of_every_phi_tried(
    every_phi: list[CostTotals], exponents: dict[str, float]
) -> None:
    limits = Limits(**{name: 10**power for name, power in exponents.items()})
    answer = largest_phi(limits)
    expected = by_hand(every_phi, limits)
    assert answer.fits == (expected is not None)
    assert answer.network.phi == (-6.0 if expected is None else expected)
    totals = every_phi[PHIS.index(answer.network.phi)]
    require_consistent(answer, limits, totals)
    assert answer.network.blocks == totals.blocks
    if expected is None:
        missed = [room.name for room in answer.rooms if room.left < 0]
        assert list(answer.binding) == missed != []
    elif expected < 10:
        above = used(every_phi[PHIS.index(expected) + 1])
        assert answer.binding == tuple(n for n, limit in limits.given.items() if above[n] > limit)
        assert answer.binding and answer.ends == ()


def test_a_limit_that_is_just_met_is_met(every_phi: list[CostTotals]) -> None:
    params = every_phi[PHIS.index(1.0)].params
    assert largest_phi(Limits(params=params)).network.params == params
    assert largest_phi(Limits(params=params - 1)).network.params < params


def test_a_rule_that_shrinks_an_axis_leaves_gaps_and_the_largest_phi_is_still_found() -> None:
    params = np.array([summarize(scaled(phi, rule=SHRINKING)).params for phi in PHIS])
    limit = int(np.quantile(params, 0.5))
    fitting = np.flatnonzero(params <= limit)
    assert (np.diff(fitting) > 1).any()  # smaller φ that do not fit lie between
    answer = largest_phi(Limits(params=limit), Setting(rule=SHRINKING))
    assert answer.network.phi == PHIS[fitting[-1]]


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "width"},
        {"repeats": "nearest", "num_classes": 10},
        {"base_resolution": 128, "exact_pixels": True},
        {"batch": 32, "dtype": "float16"},
    ],
)
def test_the_setting_is_that_of_the_networks(options: dict[str, Any]) -> None:
    setting = Setting(**options)
    limits = Limits(params=4_000_000, peak_bytes=60_000_000)
    answer = largest_phi(limits, setting)
    phi = answer.network.phi
    assert phi is not None
    spec = setting.network(phi)
    dtype, batch = setting.dtype, setting.batch
    require_consistent(answer, limits, summarize(spec, batch=batch, dtype=dtype))
    assert answer.network.resolution == spec.resolution
    assert answer.network.spec(setting) == spec
    after = setting.network(phi + 0.01)
    above = used(summarize(after, batch=batch, dtype=dtype))
    assert set(answer.binding) == {n for n, limit in limits.given.items() if above[n] > limit}


def test_a_budget_that_everything_meets_ends_at_the_search() -> None:
    answer = largest_phi(Limits(params=1e12))
    assert (answer.network.phi, answer.binding, answer.ends) == (10.0, (), ("phi",))


def test_the_cap_on_blocks_ends_the_search_too() -> None:
    answer = largest_phi(Limits(params=1e12), Setting(strategy="depth"))
    assert answer.network.phi is not None and answer.network.phi < 10
    assert (answer.binding, answer.ends) == ((), ("phi",))
    with pytest.raises(InvalidInput, match="2,000 blocks"):
        Setting(strategy="depth").network(answer.network.phi + 0.01)


# Milliseconds: 1 for every 10 million multiply-adds, known to a fifth.
def clock(spec: ArchitectureSpec, batch: int) -> PredictedLatency:
    ms = batch * summarize(spec).mult_adds / 1e7
    return PredictedLatency(low_ms=0.8 * ms, ms=ms, high_ms=1.2 * ms)


def test_the_slow_edge_of_the_band_is_held_to_the_limit(every_phi: list[CostTotals]) -> None:
    limits = Limits(latency_ms=50)
    answer = largest_phi(limits, latency=clock)
    fitting = [
        phi
        for phi, totals in zip(PHIS, every_phi, strict=True)
        if 1.2 * totals.mult_adds / 1e7 <= 50
    ]
    assert answer.network.phi == max(fitting)
    assert answer.network.latency == clock(answer.network.spec(Setting()), 1)
    (room,) = answer.rooms
    assert room.used == answer.network.latency.high_ms <= 50
    assert answer.binding == ("latency_ms",)


def test_the_batch_is_timed_and_counts_limit_beside_it() -> None:
    one = largest_phi(Limits(latency_ms=50), latency=clock)
    ten = largest_phi(Limits(latency_ms=500), Setting(batch=10), latency=clock)
    assert one.network.phi == ten.network.phi
    both = largest_phi(Limits(latency_ms=50, params=3_000_000), latency=clock)
    assert both.network.params <= 3_000_000
    assert both.binding == ("params",)


def test_no_network_is_fast_enough() -> None:
    answer = largest_phi(Limits(latency_ms=0.01, params=1e9), latency=clock)
    assert not answer.fits
    assert answer.network.phi == -6
    assert answer.binding == ("latency_ms",)
    assert answer.rooms[1].left == 0.01 - 1.2 * answer.network.mult_adds / 1e7


def test_latency_is_not_asked_where_nothing_limits_it() -> None:
    def never(spec: ArchitectureSpec, batch: int) -> PredictedLatency:
        raise AssertionError("asked")

    assert largest_phi(Limits(params=4e6), latency=never).network.latency is None


@settings(max_examples=15, deadline=None)
@given(
    phi=st.floats(-6, 3).map(lambda phi: round(phi, 2)),
    classes=st.integers(1, 2000),
    batch=st.integers(1, 4),
)
def test_int8_is_one_byte_for_each_value_and_no_counters(
    phi: float, classes: int, batch: int
) -> None:
    spec = scaled(phi, num_classes=classes)
    layers = analyze(spec).layers
    values = sum(layer.params + layer.buffers for layer in layers)
    wide = summarize(spec, batch=batch)
    limits = Limits(weight_bytes=values, peak_bytes=wide.peak_activation_bytes // 4)
    setting = Setting(dtype="int8", num_classes=classes, batch=batch)
    answer = largest_phi(limits, setting)
    assert answer.fits and answer.network.phi is not None and answer.network.phi >= phi
    at_phi = largest_phi(Limits(params=wide.params), setting).network
    assume(at_phi.params == wide.params and at_phi.resolution == spec.resolution)
    assert at_phi.weight_bytes == values
    assert at_phi.peak_bytes == wide.peak_activation_bytes // 4


def test_devices_have_a_source_and_limit_something() -> None:
    assert [one.key for one in devices()] == ["mcu", "phone", "sbc", "gpu16"]
    for one in devices():
        assert one.limits.given and one.title and one.why and one.source
        assert one.url.startswith("https://")
        assert one.dtype is None or one.dtype in BUDGET_DTYPES
        assert device(one.key) is one
    with pytest.raises(InvalidInput, match="No device is called 'toaster'; known: mcu, phone"):
        device("toaster")


def test_of_the_formula_only_int8_with_few_classes_fits_the_microcontroller() -> None:
    limits = device("mcu").limits
    assert limits == Limits(weight_bytes=2**20, peak_bytes=2**19)
    kinds = [(dtype, classes) for dtype in BUDGET_DTYPES for classes in (10, 1000)]
    settings_ = {kind: Setting(dtype=kind[0], num_classes=kind[1]) for kind in kinds}
    fits = [kind for kind in kinds if largest_phi(limits, settings_[kind]).fits]
    assert fits == [("int8", 10)]
    # a free shape may be smaller than any of the formula
    free = [kind for kind in kinds if best_free(limits, settings_[kind]).fits]
    assert set(kinds) - set(free) == {("float32", 1000), ("float64", 10), ("float64", 1000)}


@pytest.mark.parametrize("value", [0, -5, math.nan, math.inf, "many"])
@pytest.mark.parametrize("name", QUANTITIES)
def test_a_limit_is_a_number_above_zero(name: str, value: object) -> None:
    with pytest.raises(InvalidInput, match="must be a number above 0; got"):
        Limits(**{name: value})  # type: ignore[arg-type]


def test_contradictions_are_sentences() -> None:
    with pytest.raises(InvalidInput, match="needs at least one limit"):
        largest_phi(Limits())
    with pytest.raises(InvalidInput, match="needs a prediction of latency"):
        largest_phi(Limits(latency_ms=5))
    image = 3 * 32 * 32 * 4
    assert not largest_phi(Limits(peak_bytes=image)).fits
    sentence = "the smallest input alone, 32 × 32 pixels in float32 for a batch of 1, takes 12,288"
    with pytest.raises(InvalidInput, match=sentence):
        largest_phi(Limits(peak_bytes=image - 1))
    with pytest.raises(InvalidInput, match="weights and peak activations together"):
        largest_phi(Limits(memory_bytes=image * 7), Setting(batch=8))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dtype": "int4"}, "dtype must be one of float32, .*int8; got 'int4'"),
        ({"batch": 0}, "Batch size must be"),
        ({"num_classes": 0}, "number of classes must be"),
        ({"base_resolution": 7}, "Base resolution must lie"),
        ({"repeats": "down"}, "Rounding must be"),
        ({"strategy": "sideways"}, "Strategy must be"),
    ],
)
def test_an_unusable_setting_is_a_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Setting(**options)
