from __future__ import annotations

import json
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from app.text import count, milliseconds, size
from app.views.scale.budget import TIE
from effnet_core.architecture.names import scaled
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.cost.budget import Limits, Setting, best_free, device, devices, largest_phi
from effnet_core.cost.report import summarize
from effnet_core.latency import Calibration
from effnet_core.results import published_within
from effnet_core.weights.packaged import packaged_weights
from tests.app.reading import SCALE, healthy, html, opened, seen

open_page = partial(opened, SCALE, show="What fits my budget?", untrained="true")


def box(app: AppTest, key: str) -> Any:
    return next(box for box in app.number_input if box.key == key)


def tables(app: AppTest) -> list[Any]:
    """What the tables hold, with the spaces that keep a number on one line as any others."""
    return [table.value.replace("\u00a0", " ", regex=True) for table in app.table]


def said(app: AppTest) -> str:
    return " ".join(seen(text) for text in (*app.markdown, *app.caption, *app.warning, *app.error))


def test_it_opens_without_limits_and_asks_for_one() -> None:
    app = open_page()
    assert "Choose a device or fill in a limit" in app.info[0].value
    assert not app.table and not app.warning and not app.error
    assert [box(app, f"max_{name}").value for name in ("params", "memory_bytes")] == [None, None]


def test_published_networks_come_first_with_what_they_break() -> None:
    app = open_page(max_weight_bytes="22", max_mult_adds="500", untrained="false")
    answer = published_within(Limits(weight_bytes=22_000_000, mult_adds=500_000_000))
    assert [one.name for one in answer.fitting] == ["b0", "lite0"]
    assert "**2** of 22 fit. The most accurate: **B0**, 77.7 % top-1." in said(app)
    rows = html(app)
    assert rows.index("<b>B0</b>") < rows.index("<b>Lite0</b>") < rows.index("<b>Lite1</b>")
    assert "torchvision&#x27;s first weights, torchvision · 224 pixels" in rows
    over = answer.missing[0].mult_adds - 500_000_000
    assert f"600 M ✗<small>{count(over)} over</small>" in rows and "21.3 MB ✓" in rows
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [len(trace["customdata"]) for trace in chart["data"][:2]] == [2, 20]
    (shaded,) = (one for one in chart["layout"]["shapes"] if one["type"] == "rect")
    assert shaded["x0"] == 500  # millions of multiply-adds: more networks break them
    assert not app.table  # what nobody trained stays folded


def test_where_no_published_network_fits_the_nearest_is_named() -> None:
    app = open_page(max_weight_bytes="20", max_mult_adds="300", untrained="false")
    over = published_within(Limits(mult_adds=300_000_000)).missing[0].mult_adds - 300_000_000
    assert f"Nearest: **Lite0**, 385 M ✗ ({count(over)} over), 18.8 MB ✓." in said(app)


def test_weights_are_classified_with_or_fetched() -> None:
    app = open_page(max_params="5.3", untrained="false")
    ways = [(link.proto.label, parse_qs(link.proto.query_string)) for link in app.get("page_link")]
    assert ("Get weights", {"only": ["B0 · IMAGENET1K_V1"]}) in ways
    lite0 = next(each for each in packaged_weights() if each.id == "lite0")
    there = "Get weights" if lite0.path is None else "Classify"
    assert (there, {"only": ["Lite0 · ImageNet-1k"]}) in ways


def test_milliseconds_of_published_networks_come_with_their_band(calibrated: Calibration) -> None:
    app = open_page(max_latency_ms="10", untrained="false")
    answer = published_within(Limits(latency_ms=10), latency=calibrated.predict)
    band = next(one for one in answer.networks if one.name == "lite0").latency
    assert band is not None
    told = f"{milliseconds(band.ms)} ({milliseconds(band.low_ms)[:-3]} – "
    assert told in html(app)
    assert f"predicted from a calibration of this machine, {calibrated.made}" in said(app)


def test_limits_give_the_networks_what_is_left_and_what_stops_them() -> None:
    app = open_page()
    healthy(box(app, "max_params").set_value(5.3).run())
    healthy(box(app, "max_mult_adds").set_value(600.0).run())
    limits = Limits(params=5_300_000, mult_adds=600_000_000)
    answers = (largest_phi(limits), best_free(limits), best_free(limits, tie=TIE))
    assert "The largest φ is **0** (1,000 classes, float32, batch 1)" in said(app)
    assert "What stops it: the limit on parameters." in said(app)
    networks, left = tables(app)
    assert list(networks["Network"]) == [
        "φ = 0",
        "Any shape, most FLOPs",
        "Any shape, nearest compound",
    ]
    for row, answer in zip(networks.to_dict("records"), answers, strict=True):
        assert row["Depth"] == f"×{answer.network.depth:.3g}"
        assert row["Pixels"] == str(answer.network.resolution)
        assert row["FLOPs"] == count(answer.network.mult_adds)
        assert row["Peak"] == size(answer.network.peak_bytes)
    assert list(left["Limit"]) == ["Parameters", "FLOPs"]
    assert list(left["At most"]) == ["5.30 M", "600 M"]
    for name, answer in zip(networks["Network"], answers, strict=True):
        for cell, room in zip(left[name], answer.rooms, strict=True):
            assert cell.startswith(f"{count(room.left)} left")
            assert cell.endswith("stops it") == (room.name in answer.binding)


def test_the_largest_phi_can_be_shown_above() -> None:
    app = open_page(max_params="3.5", network="published", variant="b4")
    phi = largest_phi(Limits(params=3_500_000)).network.phi
    assert phi is not None
    next(b for b in app.button if b.key == "show-phi").click()
    healthy(app.run())
    assert app.slider(key="phi").value == phi
    assert app.metric[0].value == count(summarize(Setting().network(phi)).params)


def test_a_url_opens_the_same_answer_under_the_pages_settings() -> None:
    app = open_page(
        max_weight_bytes="8", classes="10", alpha="1.1", base="192", batch="4", format="float16"
    )
    setting = Setting(
        rule=ScalingRule(1.1, 1.1, 1.15),
        base_resolution=192,
        num_classes=10,
        batch=4,
        dtype="float16",
    )
    network = largest_phi(Limits(weight_bytes=8_000_000), setting).network
    row = tables(app)[0].to_dict("records")[0]
    assert row["Weights"] == size(network.weight_bytes)
    assert row["Parameters"] == count(network.params)
    assert row["Peak"] == size(network.peak_bytes)
    assert "(10 classes, float16, batch 4)" in said(app)


def test_a_device_brings_its_limits_format_and_source() -> None:
    app = open_page(device=device("mcu").title, classes="10")
    assert "(10 classes, int8, batch 1)" in said(app)
    assert device("mcu").source in said(app) and device("mcu").url in said(app)
    assert [box(app, key).placeholder for key in ("max_params", "max_weight_bytes")] == [
        "no limit",
        "1.04858",
    ]
    left = tables(app)[1]
    assert list(left["Limit"]) == ["Weights", "Peak"]
    healthy(box(app, "max_weight_bytes").set_value(0.8).run())
    assert list(tables(app)[1]["At most"]) == ["800 kB", "524 kB"]


def test_where_no_phi_fits_it_says_by_how_much_and_free_shapes_remain() -> None:
    app = open_page(device=device("mcu").title)
    (warning,) = (seen(warning) for warning in app.warning)
    assert "No φ fits (1,000 classes, int8, batch 1)" in warning
    over = -largest_phi(device("mcu").limits, Setting(dtype="int8")).rooms[0].left
    assert f"φ = −6, is over by {size(over)} of weights. A free shape does fit." in warning
    # the shape nearest to compound is the same network, and is not shown twice
    assert list(tables(app)[0]["Network"]) == ["Any shape, most FLOPs"]
    assert not any(button.key == "show-phi" for button in app.button)


def test_where_nothing_fits_both_searches_say_so() -> None:
    app = open_page(max_params="0.1")
    phi, free = (seen(warning) for warning in app.warning)
    assert "No φ fits" in phi and "Nor does any free shape" in free
    assert "A free shape does fit" not in phi
    assert "×0.25 deep, ×0.25 wide at 32 pixels" in free
    assert not app.table


def test_the_end_of_the_search_is_marked() -> None:
    app = open_page(device=device("gpu16").title)
    assert "The largest φ is **10**" in said(app)
    assert "What stops it: the end of the search." in said(app)
    free = tables(app)[0].to_dict("records")[1]
    assert free["Depth"].endswith("(end)") and free["Pixels"] == "1024 (end)"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"max_params": "-5"}, "The limit on parameters must be a number above 0; got -5000000."),
        ({"max_mult_adds": "0"}, "The limit on multiply-adds must be a number above 0"),
        ({"max_peak_bytes": "0.001"}, "the smallest input alone, 32 × 32 pixels in float32"),
        ({"max_memory_bytes": "0.001", "format": "int8"}, "in int8 for a batch of 1"),
    ],
)
def test_contradictory_limits_are_sentences(parameters: dict[str, str], sentence: str) -> None:
    app = open_page(**parameters)
    assert any(sentence in seen(error) for error in app.error)
    assert app.metric  # the page above stands


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"max_params": "lots"}, "“lots”, which cannot be used; no limit is used instead"),
        ({"max_params": "nan"}, "“nan”, which cannot be used"),
        ({"device": "toaster"}, "“toaster”"),
        ({"format": "int4"}, "“int4”"),
    ],
)
def test_bad_values_in_the_address_are_told(parameters: dict[str, str], sentence: str) -> None:
    app = open_page(**parameters)
    assert any(sentence in seen(warning) for warning in app.warning)


def test_it_needs_no_network_of_the_page() -> None:
    app = open_page(phi="10", strategy="depth", max_params="50")
    assert "The largest φ is" in said(app)


def test_every_device_answers() -> None:
    for one in devices():
        app = open_page(device=one.title, classes="10")
        assert len(app.table) == 2 and not app.error


FEW = {"max_params": "0.7", "classes": "10"}
"""Few parameters leave few networks to predict."""


def test_milliseconds_need_a_calibration_which_is_offered() -> None:
    app = open_page(max_latency_ms="2.5", **FEW)
    assert "A limit in milliseconds needs a calibration" in seen(app.info[0])
    assert "Calibrate this machine" in [button.label for button in app.button]
    assert not app.table


def test_milliseconds_are_held_to_the_slow_edge(calibrated: Calibration) -> None:
    app = open_page(max_latency_ms="2.5", **FEW)
    limits, setting = Limits(params=700_000, latency_ms=2.5), Setting(num_classes=10)
    free = best_free(limits, setting, latency=calibrated.predict)
    band = free.network.latency
    assert free.fits and band is not None and band.high_ms <= 2.5
    networks, left = tables(app)
    shown = networks.set_index("Network").loc["Any shape, most FLOPs", "Time here"]
    assert shown == f"{band.ms:.2f} ms ({band.low_ms:.2f} – {band.high_ms:.2f})"
    row = left.set_index("Limit").loc["Time here"]
    assert row["At most"] == "2.50 ms"
    assert row["Any shape, most FLOPs"].startswith(f"{2.5 - band.high_ms:.2g} ms left")
    assert f"predicted from a calibration of this machine, {calibrated.made}" in said(app)


def test_it_says_by_how_many_milliseconds_nothing_fits(calibrated: Calibration) -> None:
    app = open_page(max_latency_ms="0.01")
    missed = calibrated.predict(scaled(-6.0)).high_ms - 0.01
    assert f"is over by {milliseconds(missed)}." in said(app) and not app.table


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"batch": "8"}, "for a batch of 1, not 8"),
        ({"device": "mcu"}, "Milliseconds are predicted for float32 alone, not for int8"),
        ({"max_latency_ms": "-1"}, "The limit on milliseconds must be a number above 0"),
    ],
)
def test_what_is_not_predicted_is_a_sentence(
    calibrated: Calibration, parameters: dict[str, str], sentence: str
) -> None:
    device_title = {"device": device("mcu").title} if "device" in parameters else {}
    app = open_page(**({"max_latency_ms": "5"} | parameters | device_title))
    assert sentence in said(app) and not app.table
