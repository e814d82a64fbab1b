"""Which published networks keep a budget, beside their costs and records looked up one by one."""

from __future__ import annotations

import pytest

from effnet_core.architecture.names import variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.budget import Limits, Setting
from effnet_core.cost.report import summarize
from effnet_core.errors import InvalidInput
from effnet_core.latency import PredictedLatency
from effnet_core.results.published import results
from effnet_core.results.within import published_within
from effnet_core.weights.packaged import packaged_weights
from effnet_core.weights.published import catalog


def made_up(spec: ArchitectureSpec, batch: int) -> PredictedLatency:
    """1 ms for each 20 M multiply-adds, ± 10 %."""
    ms = summarize(spec).mult_adds / 20e6
    return PredictedLatency(ms=ms, low_ms=0.9 * ms, high_ms=1.1 * ms)


def test_each_network_stands_at_its_record_and_costs_what_it_does_there() -> None:
    answer = published_within(Limits(params=6_000_000))
    assert {one.name for one in answer.networks} == {
        one.architecture for one in results(test_set="imagenet") if one.architecture
    }
    tops = [one.record.top1 for one in answer.networks]
    assert tops == sorted(tops, reverse=True)
    for one in answer.networks:
        assert one.record in results(test_set="imagenet", architecture=one.name)
        totals = summarize(variant(one.name, resolution=one.record.test_resolution))
        assert (one.params, one.mult_adds) == (totals.params, totals.mult_adds)
        assert one.weight_bytes == totals.weight_bytes
        assert one.peak_bytes == totals.peak_activation_bytes
        assert (one in answer.fitting) == (totals.params <= 6_000_000)
    assert [one.name for one in answer.fitting] == ["b0", "lite1", "lite0"]


def test_the_record_is_that_of_the_weights_that_can_be_had() -> None:
    found = {one.weights: one for one in published_within(Limits(params=1)).networks}
    for entry in (entry for entry in catalog() if entry.default):
        one = found.pop(entry.id)
        assert one.name == entry.architecture
        assert one.record.top1 == entry.metrics[0][1]
        assert one.resolution == entry.preprocessing.crop
    for each in packaged_weights():
        one = found.pop(each.id)
        assert (one.name, one.resolution) == (each.architecture, each.preprocessing.crop)
        assert abs(one.record.top1 - each.top1) < 0.3  # two people evaluated one file
    assert set(found) == {""}  # of no other are weights known here
    b8 = next(one for one in published_within(Limits(params=1)).networks if one.name == "b8")
    assert b8.record.top1 == 85.358 and not b8.recipe.extra_data


def test_ten_milliseconds_and_twenty_megabytes_are_answered_by_name() -> None:
    limits = Limits(weight_bytes=20_000_000, latency_ms=10)
    answer = published_within(limits, latency=made_up)
    assert answer.fitting == ()
    nearest = answer.missing[0]
    assert nearest.name == "lite0" and nearest.broken(limits) == ("latency_ms",)
    size, time = nearest.rooms(limits)
    assert size.left > 0 > time.left
    slow = 1.1 * summarize(variant("lite0")).mult_adds / 20e6
    assert time.used == pytest.approx(slow) and nearest.excess(limits) == pytest.approx(slow / 10)
    excesses = [one.excess(limits) for one in answer.missing]
    assert excesses == sorted(excesses) and len(answer.missing) == len(answer.networks)


def test_the_limiting_cost_is_the_one_that_most_networks_break() -> None:
    assert published_within(Limits(params=10**12, mult_adds=10**9)).limiting == "mult_adds"
    loose = published_within(Limits(params=10**12, weight_bytes=10**12))
    assert loose.limiting == "params" and loose.missing == ()


def test_int8_weights_take_a_byte_and_a_batch_takes_more_at_the_peak() -> None:
    plain, small, eight = (
        published_within(Limits(params=6_000_000), setting).fitting[0]
        for setting in (Setting(), Setting(dtype="int8"), Setting(batch=8))
    )
    assert plain.name == small.name == eight.name == "b0"
    values = (plain.weight_bytes - 8 * 49) // 4  # 49 batch-norms count their batches in int64
    assert small.weight_bytes == values and small.peak_bytes == plain.peak_bytes // 4
    assert eight.peak_bytes == 8 * plain.peak_bytes


@pytest.mark.parametrize("limits", [Limits(), Limits(latency_ms=5)])
def test_a_budget_that_cannot_be_answered_is_a_sentence(limits: Limits) -> None:
    with pytest.raises(InvalidInput, match=r"at least one limit|needs a prediction"):
        published_within(limits)
