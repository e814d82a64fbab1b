from __future__ import annotations

import math
from typing import Any

import pytest

from app.charts.compare.figure import axis_title, spans, trade_off
from app.charts.compare.words import Mark, View, amount, message
from effnet_core.architecture.names import variant
from effnet_core.cost.report import summarize
from effnet_core.latency.torch_timing import LatencyMeasurement
from effnet_core.results.axes import HERE, cost_axes, find_axis
from effnet_core.results.published import families, price, results
from effnet_core.results.trade_off import front, identity, place

FLOPS, GPU = find_axis("flops"), find_axis("rtx5090_amp")


def view(key: str = "flops", test_set: str = "imagenet", **options: Any) -> View:
    axis = find_axis(key)
    placed = place(results(test_set=test_set), axis, options.get("timings", {}))
    usual: dict[str, Any] = {
        "test_set": test_set,
        "axis": axis,
        "logarithmic": True,
        "placed": placed,
    }
    return View(**(usual | options))


def trace(figure: Any, name: str) -> Any:
    (found,) = (trace for trace in figure.data if trace.name == name)
    return found


def test_every_record_is_one_mark_with_its_price() -> None:
    shown = view()
    figure = trade_off(shown)
    marks = {
        key: (x, y)
        for one in figure.data
        if one.customdata is not None
        for key, x, y in zip(one.customdata, one.x, one.y, strict=True)
    }
    assert len(marks) == len(shown.placed) == 326
    for one in results(test_set="imagenet"):
        if one.architecture is not None:
            totals = price(one)
            assert totals is not None
            assert marks[identity(one)] == (totals.mult_adds, one.top1)


def test_marks_are_hollow_where_the_source_counted() -> None:
    figure = trade_off(view())
    assert all(symbol.endswith("-open") for symbol in trace(figure, "ResNet").marker.symbol)
    lite = trace(figure, "EfficientNet-Lite")
    assert set(lite.marker.symbol) == {"circle"}
    ours = trace(figure, "EfficientNet")
    shapes = dict(zip(ours.customdata, ours.marker.symbol, strict=True))
    (student,) = (key for key in shapes if "Noisy Student" in key and "_b0)" in key)
    assert shapes[student] == "diamond"
    assert not any(
        "-open" in s for s in trace(trade_off(view("rtx5090_amp")), "ResNet").marker.symbol
    )


def test_families_can_be_told_apart() -> None:
    figure = trade_off(view())
    looks = {
        (one.marker.color, one.marker.symbol[0].removesuffix("-open"))
        for one in figure.data
        if one.customdata is not None
    }
    assert (
        len(looks) == len({one.family for one in results(test_set="imagenet")}) == len(families())
    )


@pytest.mark.parametrize("key", ["flops", "rtx5090_amp"])
def test_front_is_drawn_in_steps_that_no_record_passes(key: str) -> None:
    shown = view(key)
    drawn = trace(trade_off(shown), "Pareto front, drawn in steps")
    best = front(shown.placed, shown.axis)
    assert list(drawn.x) == [one.cost.value for one in best]
    assert drawn.line.shape == ("vh" if shown.axis.more_is_better else "hv")
    for one in shown.placed:
        reached = [
            top1
            for x, top1 in zip(drawn.x, drawn.y, strict=True)
            if (x >= one.cost.value if shown.axis.more_is_better else x <= one.cost.value)
        ]
        assert one.result.top1 <= max(reached)


def test_what_is_not_wanted_is_not_drawn() -> None:
    names = {one.name for one in trade_off(view(with_front=False, with_lines=False)).data}
    assert not names & {"Pareto front, drawn in steps", "joined sizes, no prediction"}


def test_the_line_of_cost_is_vertical_and_claims_no_accuracy() -> None:
    mark = Mark(title="φ = 1.5", value=1.38e9)
    shown = view(mark=mark)
    line = trace(trade_off(shown), "φ = 1.5: cost alone")
    assert set(line.x) == {mark.value} and "\u00a0φ = 1.5\u00a0" in line.text
    low, high = spans(shown)[1]
    assert (min(line.y), max(line.y)) == (pytest.approx(low), pytest.approx(high))
    assert "Nobody has measured its accuracy" in line.hovertext
    assert not any(one.name == mark.title for one in trade_off(shown).data)


def test_the_range_holds_whatever_is_drawn_besides() -> None:
    plain, rich = view(), view(picked=(identity(results()[0]),), with_front=False, drag="lasso")
    assert spans(plain) == spans(rich)
    far = spans(view(mark=Mark(title="far", value=1e13)))
    assert far[0][1] == 13 and far[1] == spans(plain)[1]
    linear = spans(view(logarithmic=False))
    assert linear[0][0] == 0 and math.log10(linear[0][1]) == pytest.approx(spans(plain)[0][1])


def test_names_stand_at_the_best_record_of_each_variant() -> None:
    shown = view()
    labels = next(one for one in trade_off(shown).data if one.mode == "text")
    assert set(labels.text) == {f"<b>B{number}</b>" for number in range(8)}
    for text, top1 in zip(labels.text, labels.y, strict=True):
        name = text.removeprefix("<b>").removesuffix("</b>").lower()
        records = results(test_set="imagenet", architecture=name)
        assert top1 == max(one.top1 for one in records)


def test_hover_tells_what_a_number_needs_to_mean_something() -> None:
    figure = trade_off(view())
    lite = trace(figure, "EfficientNet-Lite")
    text = next(t for t in lite.hovertext if "Lite4" in t)
    for part in (
        "81.54 %",
        "380 pixels",
        "crop 0.92",
        "bilinear",
        "computed by this project",
        "timm",
    ):
        assert part in text
    resnet = next(t for t in trace(figure, "ResNet").hovertext if "ResNet-50" in t)
    assert "published" in resnet and "Recipe: " in resnet
    student = next(t for t in trace(figure, "EfficientNet").hovertext if "Noisy Student" in t)
    assert "JFT-300M" in student


def test_the_selected_are_ringed() -> None:
    chosen = results(test_set="imagenet", architecture="b4")[0]
    ring = trace(trade_off(view(picked=(identity(chosen),))), "selected")
    totals = price(chosen)
    assert totals is not None and list(ring.x) == [totals.mult_adds]


def test_latency_of_this_machine_shows_the_middle_half_of_the_runs() -> None:
    timing = LatencyMeasurement(
        median_ms=20, low_ms=18, high_ms=25, repeats=20, warmup=3, threads=2,
        device="cpu", dtype="float32", resolution=224, batch=1, engine="any", processor="any",
    )  # fmt: skip
    shown = view(HERE, timings={("b0", 224): timing})
    drawn = trace(trade_off(shown), "EfficientNet")
    assert set(drawn.x) == {20} and len(shown.placed) > 5
    assert set(drawn.error_x.array) == {5} and set(drawn.error_x.arrayminus) == {2}
    low, high = spans(shown)[0]
    assert (10**low, 10**high) == pytest.approx((18, 25))


def test_message_is_computed_from_what_is_drawn() -> None:
    shown = view(mark=Mark(title="B4", value=summarize(variant("b4")).mult_adds))
    text = message(shown)
    assert (
        f"{len(front(shown.placed, FLOPS))} on the Pareto front: from" in text
        and "326 published records" in text
    )
    assert "B4 costs 4.39 B; its accuracy is unknown." in text
    assert "images/s" in message(view("rtx5090_amp"))


def test_amounts_carry_their_unit() -> None:
    assert amount(FLOPS, 385_814_752) == "386 M"
    assert amount(GPU, 11319.39) == "11,319 images/s"
    assert amount(find_axis(HERE), 12.93) == "12.9 ms"
    assert amount(find_axis("resolution"), 64) == "64 pixels"


@pytest.mark.parametrize("key", cost_axes())
def test_titles_of_the_axis_fit_a_phone(key: str) -> None:
    axis = find_axis(key)
    title = axis_title(axis)
    assert all(len(line) <= 42 for line in title.split("<br>"))
    whole = title.replace("<br>", " ")
    unit = f" ({axis.unit})" if axis.unit else ""
    assert whole == f"{axis.title}{unit}, {'more' if axis.more_is_better else 'less'} is better"
