from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effnet_core.architecture.names import variant
from effnet_core.cost.report import summarize
from effnet_core.errors import InvalidInput
from effnet_core.latency import Calibration
from effnet_core.latency.measuring import LatencyMeasurement
from effnet_core.results.axes import HERE, Cost, cost, cost_axes, find_axis, predicted_timings
from effnet_core.results.published import (
    TEST_SET_TITLES,
    PublishedResult,
    benchmarks,
    published_cost,
    results,
    speed,
)
from effnet_core.results.trade_off import (
    Placed,
    extra_data,
    front,
    growth,
    identity,
    place,
    row,
    series,
)

FLOPS, RESOLUTION, GPU = (find_axis(key) for key in ("flops", "resolution", "rtx5090_amp"))
CPU = find_axis("i9_10940x_fp32_compiled")


def timed(median_ms: float = 20.0) -> LatencyMeasurement:
    return LatencyMeasurement(
        median_ms=median_ms, low_ms=19.0, high_ms=23.0, repeats=20, warmup=3, threads=2,
        device="cpu", dtype="float32", resolution=224, batch=1, engine="ONNX Runtime 1.0",
        processor="any",
    )  # fmt: skip


def record(published_as: str, recipe: str, resolution: int | None = None) -> PublishedResult:
    found = [
        one
        for one in results(test_set="imagenet")
        if (one.published_as, one.recipe) == (published_as, recipe)
        and resolution in (None, one.test_resolution)
    ]
    assert len(found) == 1
    return found[0]


def test_every_meaning_of_cost_is_an_axis() -> None:
    assert {"params", "flops", "activations", "resolution", HERE, *benchmarks()} == set(cost_axes())
    faster = {axis.key for axis in cost_axes().values() if axis.more_is_better}
    assert faster == {key for key, one in benchmarks().items() if one.unit == "images/s"}
    with pytest.raises(InvalidInput, match="'watts'"):
        find_axis("watts")


@pytest.mark.parametrize(
    ("key", "name"), [("params", "params"), ("flops", "mult_adds"), ("activations", "activations")]
)
def test_efficientnets_are_priced_at_the_resolution_of_the_record(key: str, name: str) -> None:
    for resolution in (288, 320):
        found = cost(record("efficientnet_b3", "ra2_in1k", resolution), find_axis(key), {})
        totals = summarize(variant("b3"), resolution=resolution)
        assert found is not None
        assert (found.value, found.basis) == (getattr(totals, name), "computed")
        assert str(resolution) in found.note


def test_other_networks_keep_the_count_and_convention_of_their_source() -> None:
    resnet = record("resnet50", "a1_in1k", 224)
    stated = published_cost(resnet)
    found = cost(resnet, FLOPS, {})
    assert stated is not None and stated.mult_adds_b is not None and found is not None
    assert found == Cost(
        value=round(stated.mult_adds_b * 1e9), basis="published", note=stated.convention
    )
    assert "batch-norm" in found.note


def test_speed_is_published_by_the_same_source_or_unknown() -> None:
    b0 = record("tf_efficientnet_b0", "aa_in1k")
    found = cost(b0, CPU, {})
    assert found is not None and found.value == speed(b0, CPU.key)
    assert "i9-10940X" in found.note and found.basis == "published"
    (torchvision,) = results(test_set="imagenet", source="torchvision", architecture="b0")
    assert cost(torchvision, CPU, {}) is None


def test_a_timing_holds_for_its_architecture_and_resolution_alone() -> None:
    axis, timings = find_axis(HERE), {("b3", 320): timed()}
    found = cost(record("efficientnet_b3", "ra2_in1k", 320), axis, timings)
    assert found is not None and (found.value, found.basis) == (20.0, "measured")
    assert "20 runs" in found.note and "2 threads" in found.note
    assert cost(record("efficientnet_b3", "ra2_in1k", 288), axis, timings) is None
    assert cost(record("resnet50", "a1_in1k", 224), axis, timings) is None


def test_records_without_a_figure_are_left_out() -> None:
    every = results(test_set="imagenet")
    placed = place(every, RESOLUTION, {})
    assert {one.result for one in placed} == {r for r in every if r.test_resolution}
    assert place(every, find_axis(HERE), {}) == ()


numbers = st.integers(1, 8).map(float)


@given(st.lists(st.tuples(numbers, numbers), max_size=20), st.booleans())
def test_front_is_what_nothing_beats(points: list[tuple[float, float]], more: bool) -> None:
    axis = GPU if more else FLOPS
    base = results()[0].__dict__
    placed = [
        Placed(
            result=PublishedResult(**(base | {"top1": top1})),
            cost=Cost(value=value, basis="published", note=""),
        )
        for value, top1 in points
    ]
    sign = -1 if more else 1

    def beaten(value: float, top1: float) -> bool:
        return any(
            sign * v <= sign * value and t >= top1 and (v, t) != (value, top1) for v, t in points
        )

    found = [(one.cost.value, one.result.top1) for one in front(placed, axis)]
    assert sorted(found) == sorted(point for point in points if not beaten(*point))
    assert [value for value, _ in found] == sorted(value for value, _ in found)


def test_lines_join_the_sizes_of_one_recipe() -> None:
    placed = place(results(test_set="imagenet"), FLOPS, {})
    lines = {
        (line[0].result.source, line[0].result.recipe, line[0].result.model): line
        for line in series(placed)
    }
    paper = lines["paper", "paper", "EfficientNet-B0"]
    assert [one.result.architecture for one in paper] == [f"b{number}" for number in range(8)]
    v2 = lines["timm", "in1k", "EfficientNetV2-S"]
    assert [(one.result.architecture, one.result.test_resolution) for one in v2] == [
        ("v2-s", 384), ("v2-m", 480), ("v2-l", 480)
    ]  # fmt: skip
    for line in lines.values():
        values = [one.cost.value for one in line]
        assert values == sorted(values) and len(line) > 1
        assert len({(one.result.source, one.result.recipe, one.result.family) for one in line}) == 1
        assert all(one.result.recipe != "scaling study" for one in line)


@pytest.mark.parametrize("test_set", TEST_SET_TITLES)
def test_identity_names_one_record_of_a_test_set(test_set: str) -> None:
    every = results(test_set=test_set)
    assert len({identity(one) for one in every}) == len(every)


def test_identity_is_the_same_on_every_test_set() -> None:
    everywhere = [one for one in results(source="timm") if one.published_as == "tf_efficientnet_b0"]
    assert (
        len({identity(one) for one in everywhere}) == len({one.recipe for one in everywhere}) == 4
    )


def test_extra_training_data_is_told() -> None:
    assert "JFT" in extra_data(record("tf_efficientnet_b0", "ns_jft_in1k"))
    assert extra_data(record("tf_efficientnet_b0", "aa_in1k")) == ""


def test_growth_compares_records_of_one_source_and_recipe() -> None:
    counts = growth("b0", "b7", FLOPS, {})
    assert counts is not None
    expected = summarize(variant("b7")).mult_adds / summarize(variant("b0")).mult_adds
    assert counts[1].value / counts[0].value == expected
    times = growth("b0", "b7", CPU, {})
    assert times is not None
    assert times[0].value == speed(record("tf_efficientnet_b0", "aa_in1k"), CPU.key)
    assert times[1].value == speed(record("tf_efficientnet_b7", "aa_in1k"), CPU.key)
    assert growth("b0", "b7", find_axis(HERE), {("b0", 224): timed()}) is None
    here = growth(
        "b0", "b7", find_axis(HERE), {("b0", 224): timed(), ("b7", 600): timed(median_ms=400)}
    )
    assert here is not None and here[1].value / here[0].value == 20


def test_row_carries_every_figure_with_its_basis() -> None:
    b0 = record("tf_efficientnet_b0", "aa_in1k")
    cells = row(b0, {("b0", 224): timed()})
    assert cells["flops"] == summarize(variant("b0")).mult_adds
    assert "this project" in str(cells["flops_basis"])
    assert cells[CPU.column] == speed(b0, CPU.key) and CPU.column.endswith("_ms")
    assert GPU.column.endswith("_images_per_s")
    assert (cells["here_median_ms"], cells["here_threads"]) == (20.0, 2)
    assert cells["crop"] == 0.875 and "pytorch-image-models" in str(cells["source"])
    assert cells["here_basis"] == "measured"
    assert row(b0, {})["here_median_ms"] is row(b0, {})["here_basis"] is None
    assert list(row(record("resnet50", "a1_in1k", 224), {})) == list(cells)


def test_a_prediction_is_told_apart_from_a_measurement(made_up: Calibration) -> None:
    axis, timings = find_axis("here"), predicted_timings(made_up)
    b0, b7 = record("tf_efficientnet_b0", "aa_in1k"), record("tf_efficientnet_b7", "aa_in1k")
    found = cost(b0, axis, timings)
    assert found is not None and found.basis == "predicted"
    assert found.value == pytest.approx(made_up.predict(variant("b0")).ms)
    assert f"calibration of {made_up.made}, band" in found.note
    large = cost(b7, axis, timings)
    assert large is not None and "beyond what was timed" in large.note
    assert row(b0, timings)["here_basis"] == "predicted"
    assert row(b7, timings)["here_basis"] == "predicted, beyond what was timed"
    over = cost(b0, axis, {**timings, ("b0", 224): timed()})
    assert over is not None and (over.basis, over.value) == ("measured", 20.0)
    resnet = next(one for one in results() if one.architecture is None)
    assert cost(resnet, axis, timings) is None
