from __future__ import annotations

import base64
import csv
import dataclasses
import io
import json
import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.charts.compare.words import amount
from app.text import as_csv
from app.views.compare.timing import TO_TIME
from effnet_core.architecture.names import scaled, variant
from effnet_core.cost.report import summarize
from effnet_core.latency import Calibration, LatencyMeasurement, Protocol, measure_runtime
from effnet_core.limits import MAX_TIMED_MULT_ADDS
from effnet_core.results.axes import cost_axes, find_axis
from effnet_core.results.published import results
from effnet_core.results.trade_off import extra_data, front, identity, place, row
from effnet_core.service import InferenceService
from tests.app.reading import COMPARE, healthy, opened

open_page = partial(opened, COMPARE)


pytestmark = pytest.mark.usefixtures("nothing_trained")

DEFAULT_FAMILIES = ("EfficientNet", "EfficientNetV2", "EfficientNet-Lite", "ConvNeXt", "ResNet")


def figure(app: AppTest) -> dict[str, Any]:
    return json.loads(app.get("plotly_chart")[0].proto.spec)


def turned_to(app: AppTest, part: str) -> AppTest:
    """The page once another part was chosen."""
    app.session_state["view"] = part
    return healthy(app.run())


def marks(app: AppTest) -> set[str]:
    """The identities of all records on the chart."""
    found: set[str] = set()
    for trace in figure(app)["data"]:
        found |= set(trace.get("customdata") or ())
    return found


def names(app: AppTest) -> set[str]:
    return {trace.get("name") for trace in figure(app)["data"]}


def said(app: AppTest) -> str:
    return " ".join(text.value for text in (*app.markdown, *app.caption))


def line_of_cost(app: AppTest) -> tuple[str, float]:
    (line,) = (t for t in figure(app)["data"] if str(t.get("name")).endswith(": cost alone"))
    x = line["x"]
    packed = isinstance(x, dict)
    values = np.frombuffer(base64.b64decode(x["bdata"]), x["dtype"]) if packed else x
    assert len(set(values)) == 1
    return line["name"], float(values[0])


def expected(test_set: str = "imagenet", key: str = "flops", **wanted: Any) -> set[str]:
    records = [
        one
        for one in results(test_set=test_set)
        if one.family in wanted.get("families", DEFAULT_FAMILIES)
        and not (extra_data(one) and not wanted.get("any_data"))
    ]
    return {identity(one.result) for one in place(records, find_axis(key), {})}


def test_first_view_is_imagenet_against_multiply_adds() -> None:
    app = open_page()
    assert marks(app) == expected()
    assert {"EfficientNet", "ConvNeXt", "Pareto front, drawn in steps"} <= names(app)
    layout = figure(app)["layout"]
    assert layout["xaxis"]["type"] == "log"
    assert "FLOPs (multiply-adds)" in layout["xaxis"]["title"]["text"]
    assert line_of_cost(app) == ("φ = 0: cost alone", summarize(scaled(0.0)).mult_adds)
    assert "its accuracy is unknown" in app.get("plotly_chart")[0].proto.alt


def test_first_view_imports_no_torch() -> None:
    code = (
        "from streamlit.testing.v1 import AppTest\n"
        "page = 'from app.views.compare.page import render; render()'\n"
        "app = AppTest.from_string(page, default_timeout=60).run()\n"
        "assert app.get('plotly_chart'), app.exception\n"
        "import sys; sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("key", [key for key in cost_axes() if key != "here"])
def test_every_axis_draws_the_records_that_have_a_figure(key: str) -> None:
    app = open_page(cost=find_axis(key).title, families="", data="Any")
    every = place(results(test_set="imagenet"), find_axis(key), {})
    assert marks(app) == {identity(one.result) for one in every}
    way = "more" if find_axis(key).more_is_better else "less"
    assert figure(app)["layout"]["xaxis"]["title"]["text"].endswith(f"{way} is better")
    absent = len(results(test_set="imagenet")) - len(every)
    assert any(f"{absent} record" in text.value for text in app.caption) == (absent > 0)


def test_axis_and_spacing_by_hand() -> None:
    app = open_page()
    app.selectbox(key="cost").set_value("params").run()
    app.button_group(key="spacing").set_value("linear").run()
    layout = figure(healthy(app))["layout"]["xaxis"]
    assert layout["type"] == "linear" and layout["title"]["text"].startswith("Parameters")


@pytest.mark.parametrize(
    ("title", "key"),
    [("ImageNet-A", "a"), ("ImageNet-Sketch", "sketch"), ("ImageNet-ReaL", "real")],
)
def test_test_set_from_the_address(title: str, key: str) -> None:
    app = open_page(test=title)
    assert marks(app) == expected(key)
    assert title in figure(app)["layout"]["yaxis"]["title"]["text"]


def test_families_recipes_and_training_data_filter() -> None:
    app = open_page(families=["EfficientNetV2", "ViT"])
    assert marks(app) == expected(families=("EfficientNetV2", "ViT"))
    app = open_page(families="EfficientNet")
    assert marks(app) and not any("Noisy Student" in one for one in marks(app))
    assert "more than ImageNet-1k" not in said(app)
    app = open_page(families="EfficientNet", data="Any")
    assert marks(app) == expected(families=("EfficientNet",), any_data=True)
    assert "learned from more than ImageNet-1k" in said(app) and "Noisy Student" in said(app)
    app = open_page(recipes="Noisy Student (timm)")
    assert "or take any training data" in app.info[0].value
    app = open_page(recipes="Noisy Student (timm)", data="Any")
    assert marks(app) and all("Noisy Student, timm" in one for one in marks(app))
    app.multiselect(key="families").set_value(["ResNet"]).run()
    assert not healthy(app).get("plotly_chart")
    assert "No record passes" in app.info[0].value
    assert not app.dataframe


def test_what_is_drawn_besides_can_be_left_out() -> None:
    app = open_page(draw="")
    assert not any(str(name).endswith("cost alone") for name in names(app))
    assert "Pareto front, drawn in steps" not in names(app)
    assert marks(app) == expected()


def test_line_of_cost_is_the_network_of_scale_or_of_the_address() -> None:
    app = AppTest.from_string(COMPARE, default_timeout=120)
    app.session_state["phi"] = 1.5
    assert line_of_cost(healthy(app.run())) == (
        "φ = 1.5: cost alone",
        summarize(scaled(1.5)).mult_adds,
    )
    assert app.text_input(key="line").value == "phi=1.5"
    assert app.query_params["line"] == "phi=1.5"
    app.session_state["phi"] = 2.0
    assert line_of_cost(healthy(app.run()))[0] == "φ = 2: cost alone"
    app.text_input(key="line").set_value("b4").run()
    app.session_state["phi"] = 1.0
    assert line_of_cost(healthy(app.run()))[0] == "B4: cost alone"
    app = open_page(line="b4", cost="Parameters")
    assert line_of_cost(app) == ("B4: cost alone", summarize(variant("b4")).params)
    app = open_page(line="b4", cost="Test resolution")
    assert line_of_cost(app) == ("B4: cost alone", 380)
    app = open_page(line="b4", cost=find_axis("rtx5090_amp").title)
    assert not any(str(name).endswith("cost alone") for name in names(app))
    assert any("has no vertical line" in text.value for text in app.caption)


def test_a_network_of_scale_that_cannot_be_costs_no_more_than_its_line() -> None:
    app = AppTest.from_string(COMPARE, default_timeout=120)
    app.session_state["phi"], app.session_state["strategy"] = 10.0, "depth"
    app.session_state["alpha"] = 2.0
    assert "No line of cost is drawn" in healthy(app.run()).warning[0].value
    assert marks(app) == expected()
    assert not any(str(name).endswith("cost alone") for name in names(app))


def test_bad_addresses_get_a_sentence_and_the_default() -> None:
    app = open_page(cost="watts", test="cifar", families=["EfficientNet", "PizzaNet"], line="b99")
    sentences = " ".join(warning.value.replace("\\", "") for warning in app.warning)
    for part in ("“watts”", "“cifar”", "“PizzaNet”", "b99", "The one on Scale is used"):
        assert part in sentences
    assert "FLOPs" in figure(app)["layout"]["xaxis"]["title"]["text"]
    assert line_of_cost(app)[0] == "φ = 0: cost alone"
    assert open_page(picked="no such record").warning


def test_selected_records_become_a_table_and_a_csv() -> None:
    chosen = [
        next(one for one in results(test_set="imagenet", architecture="b0") if one.crop),
        next(one for one in results(test_set="imagenet", family="ResNet") if one.source == "timm"),
    ]
    app = open_page()
    app.multiselect(key="picked").set_value([identity(one) for one in chosen]).run()
    table = healthy(app).dataframe[0].value
    assert list(table["model"]) == [one.model for one in chosen]
    assert list(table["top1"]) == [one.top1 for one in chosen]
    assert table["flops"][0] == summarize(variant("b0"), resolution=224).mult_adds
    assert {"selected"} <= names(app)
    rows = list(csv.DictReader(io.StringIO(as_csv([row(one, {}) for one in chosen]))))
    assert [float(one["top1"]) for one in rows] == [one.top1 for one in chosen]
    assert rows[0]["flops_basis"].startswith("computed") and "timm" in rows[1]["flops_basis"]
    assert as_csv([]) == ""


def test_a_selection_outlives_its_test_set() -> None:
    only_imagenet = next(one for one in results(test_set="imagenet") if one.source == "torchvision")
    both = next(one for one in results(test_set="a") if one.architecture == "b0")
    app = open_page(picked=[identity(only_imagenet), identity(both)], test="ImageNet-A")
    assert list(app.dataframe[0].value["top1"]) == [both.top1]
    assert any("1 more have no published accuracy" in text.value for text in app.caption)
    app.selectbox(key="test").set_value("imagenet").run()
    assert len(healthy(app).dataframe[0].value) == 2


def test_without_a_selection_the_table_is_the_front() -> None:
    app = open_page(cost=find_axis("rtx5090_amp").title, families="", data="Any")
    best = front(
        place(results(test_set="imagenet"), find_axis("rtx5090_amp"), {}), find_axis("rtx5090_amp")
    )
    table = app.dataframe[0].value
    assert list(table["model"]) == [one.result.model for one in best]
    assert list(table["rtx5090_amp_images_per_s"]) == [one.cost.value for one in best]


@pytest.mark.parametrize(
    ("key", "column"),
    [
        ("params", "params"),
        ("activations", "activations"),
        ("resolution", "test_resolution"),
        ("i9_10940x_fp32_compiled", "i9_10940x_fp32_compiled_ms"),
        ("here", "here_median_ms"),
    ],
)
def test_the_chosen_cost_is_the_second_column(
    calibrated: Calibration, key: str, column: str
) -> None:
    app = open_page(cost=find_axis(key).title)
    (table,) = (one.value for one in app.dataframe)
    assert list(table.columns)[:3] == ["model", column, "top1"]


def test_every_part_has_an_address_and_stands_alone() -> None:
    for part, heading in (
        ("Published", "Records side by side"),
        ("Time here", "Latency on this machine"),
        ("Where they look", "The networks on Classify"),
    ):
        app = open_page(view=part)
        headings = " ".join(one.value for one in app.subheader)
        assert heading in headings or part == "Where they look"
        assert bool(app.get("plotly_chart")) == (part == "Published")
    assert "“elsewhere”" in open_page(view="elsewhere").warning[0].value


@pytest.fixture
def quick_latency(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Time each network at 32 pixels, so that a test takes seconds; return what was asked for."""
    asked: list[tuple[int, str]] = []

    def measure(_: Any, spec: Any, *, repeats: int, engine: str) -> LatencyMeasurement:
        asked.append((repeats, engine))
        found = measure_runtime(spec, Protocol(repeats=repeats, warmup=1), resolution=32)
        return dataclasses.replace(found, resolution=spec.resolution)

    monkeypatch.setattr(InferenceService, "measure_spec", measure)
    return asked


def test_networks_are_timed_here_and_drawn(quick_latency: list[tuple[int, str]]) -> None:
    app = open_page(cost="Latency on this machine", line="phi=-2", runs="4")
    assert "Nothing has been timed" in app.info[0].value and not app.get("plotly_chart")
    app = turned_to(app, "Time here")
    app.multiselect(key="time").set_value(["B0 at 224", "the network drawn as a line"])
    next(button for button in app.button if button.label == "Time them here").click().run()
    assert quick_latency == [(4, "runtime")] * 2
    measured = next(t.value for t in healthy(app).dataframe if "Median ms" in t.value)
    assert list(measured["Network"]) == ["B0", "φ = −2"] and set(measured["Runs"]) == {4}
    assert (measured["25 % ms"] <= measured["Median ms"]).all() and set(measured["Device"]) == {
        "cpu"
    }
    assert all("ONNX Runtime" in engine for engine in measured["Back end"])
    app = turned_to(app, "Published")
    b0 = {
        identity(one)
        for one in results(test_set="imagenet", architecture="b0")
        if not extra_data(one)
    }
    assert marks(app) == {one for one in b0 if ", 224 px" in one}
    assert line_of_cost(app) == ("φ = −2: cost alone", measured["Median ms"][1])
    table = next(t.value for t in app.dataframe if "here_median_ms" in t.value)
    assert set(table["here_median_ms"]) == {measured["Median ms"][0]}
    assert set(table["here_basis"]) == {"measured"}


def test_torch_times_where_it_is_asked_to(
    quick_latency: list[tuple[int, str]],
) -> None:
    app = open_page(view="Time here", runs="4", engine="PyTorch")
    app.multiselect(key="time").set_value(["B0 at 224"])
    next(button for button in app.button if button.label == "Time them here").click().run()
    assert quick_latency == [(4, "torch")]


def test_an_uncalibrated_machine_is_offered_a_calibration() -> None:
    app = open_page(cost="Latency on this machine")
    offered = [info.value for info in app.info]
    assert "this machine is not calibrated" in offered[0]
    assert any("needs a calibration" in text for text in offered)
    assert "Calibrate this machine" in [button.label for button in app.button]


def test_a_calibrated_machine_has_a_place_for_every_efficientnet(calibrated: Calibration) -> None:
    app = open_page(cost="Latency on this machine", line="phi=1.5")
    ours = {
        identity(one)
        for one in results(test_set="imagenet")
        if one.architecture and one.family in DEFAULT_FAMILIES and not extra_data(one)
    }
    assert marks(app) == ours
    assert "predicted, not measured" in names(app)
    name, ms = line_of_cost(app)
    assert name == "φ = 1.5: cost alone"
    assert ms == pytest.approx(calibrated.predict(scaled(1.5)).ms)
    text = " ".join(caption.value for caption in app.caption)
    assert f"predicted from a calibration of this machine, {calibrated.made}" in text
    table = next(t.value for t in app.dataframe if "here_median_ms" in t.value)
    extrapolated = {
        one: calibrated.predict(variant(one.architecture, resolution=one.test_resolution))
        for one in results(test_set="imagenet")
        if one.architecture and one.test_resolution
    }
    told = {
        (one.model, band.ms): "predicted" + ", beyond what was timed" * band.extrapolated
        for one, band in extrapolated.items()
    }
    rows = zip(table["model"], table["here_median_ms"], table["here_basis"], strict=True)
    assert all(told[model, ms] == basis for model, ms, basis in rows)
    assert len(set(table["here_basis"])) == 2


@pytest.mark.parametrize(("code", "beyond"), [("b4", False), ("b7", True), ("phi=-6", True)])
def test_a_line_beyond_what_was_timed_says_so(
    calibrated: Calibration, code: str, beyond: bool
) -> None:
    app = open_page(cost="Latency on this machine", line=code)
    name, ms = line_of_cost(app)
    title = name.removesuffix(": cost alone")
    said = f"{title} costs {amount(find_axis('here'), ms)}, predicted"
    alt = app.get("plotly_chart")[0].proto.alt
    assert f"{said}{', beyond what was timed' * beyond}; its accuracy is unknown" in alt
    (line,) = (t for t in figure(app)["data"] if t.get("name") == name)
    assert ("beyond what was timed" in line["hovertext"]) == beyond


def test_what_was_measured_stands_over_what_is_predicted(
    calibrated: Calibration, made_up_timer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = dataclasses.replace(made_up_timer(variant("b0", resolution=32)), resolution=224)
    monkeypatch.setattr(InferenceService, "measure_spec", lambda *_, **__: timed)
    app = open_page(cost="Latency on this machine", line="b0", runs="4")
    predicted = calibrated.predict(variant("b0")).ms
    assert line_of_cost(app)[1] == pytest.approx(predicted)
    app = turned_to(app, "Time here")
    app.multiselect(key="time").set_value(["B0 at 224"])
    next(button for button in app.button if button.label == "Time them here").click().run()
    measured = next(t.value for t in healthy(app).dataframe if "Median ms" in t.value)
    app = turned_to(app, "Published")
    assert line_of_cost(app)[1] == measured["Median ms"][0] < predicted / 2


def test_a_network_too_large_to_time_is_refused_and_the_others_go_on(
    quick_latency: list[tuple[int, str]],
) -> None:
    app = open_page(line="phi=10", runs="4")
    app = turned_to(app, "Time here")
    app.multiselect(key="time").set_value(["the network drawn as a line", "V2-B0 at 192"])
    next(button for button in app.button if button.label == "Time them here").click().run()
    assert "more than 100 B multiply-adds" in healthy(app).error[0].value
    assert quick_latency == [(4, "runtime")]


def test_only_what_a_page_can_time_is_offered() -> None:
    assert "B7 at 600" in TO_TIME.options and "L2 at 800" not in TO_TIME.options
    assert summarize(variant("l2")).mult_adds > MAX_TIMED_MULT_ADDS
    assert set(TO_TIME.default) <= set(TO_TIME.options)


def test_multiply_adds_stand_beside_speed() -> None:
    text = next(m.value for m in open_page().markdown if "Multiply-adds are not speed" in m.value)
    ratio = summarize(variant("b7")).mult_adds / summarize(variant("b0")).mult_adds
    assert f"×{ratio:.3g}" in text and "Core i9-10940X" in text
    assert "on this machine" not in text


def test_speed_on_this_machine_says_where_it_was_not_timed(calibrated: Calibration) -> None:
    app = open_page(cost="Latency on this machine")
    text = next(m.value for m in app.markdown if "Multiply-adds are not speed" in m.value)
    b0, b7 = (calibrated.predict(variant(name)) for name in ("b0", "b7"))
    assert b7.extrapolated
    told = f"; on this machine ×{b7.ms / b0.ms:.3g}, beyond what was timed. "
    assert told in text and text.endswith(":violet-badge[predicted]")
