"""The other parts of Explain: the ledger, three sizes, the probe; each at an address of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import resources
from effnet_core.images.samples import load_sample
from effnet_core.service import ExplainRequest, InferenceService, LedgerRequest, ProbeRequest
from effnet_core.weights import WeightsStore
from tests.app.reading import COMPARE, alts, downloads, healthy, html, opened, seen

SCRIPT = "from app.views.explain.page import render\nrender()"
CLASSIFY = "from app.views.classify.page import render\nrender()"
open_page = partial(opened, SCRIPT)


@pytest.fixture
def tiny(empty_store: Path, tiny_checkpoint: Path) -> str:
    WeightsStore().import_file(tiny_checkpoint, name="tiny")
    return "tiny"


@pytest.fixture
def packages() -> Iterator[None]:
    """The app with what comes along, and a store that all these tests share."""
    resources.shared_service.clear()
    yield
    resources.shared_service.clear()


def said(app: AppTest) -> str:
    return "\n".join(seen(element) for element in (*app.markdown, *app.caption))


def seen_in(app: AppTest, sentence: str) -> bool:
    """Whether a sentence stands on the page, whatever Markdown needed to escape in it."""
    return sentence in said(app)


def test_the_ledger_is_the_core_s_and_can_be_taken_home(tiny: str) -> None:
    app = open_page(part="Ledger", picture="Coffee")
    found = InferenceService(WeightsStore()).ledger(LedgerRequest(load_sample("coffee"), tiny))
    assert f"{found.logit:+.3f}".replace("-", "−") in html(app)
    assert {"Ledger (CSV)", "Everything (HTML)"} <= set(downloads(app))
    assert sum("channel" in alt.lower() for alt in alts(app)) >= 10
    rival = app.selectbox(key="against").options[1]
    app.selectbox(key="against").set_value(rival)
    healthy(app.run())
    index = int(rival.rpartition("(")[2].rstrip(")"))
    asked = LedgerRequest(load_sample("coffee"), tiny, against=index)
    lead = InferenceService(WeightsStore()).ledger(asked)
    assert f"{lead.logit:+.3f}".replace("-", "−") in html(app)
    assert "minus" in html(app)


def test_the_probe_follows_the_class_over_eight_sizes(tiny: str) -> None:
    app = open_page(part="Probe", picture="Coffee")
    (table,) = app.dataframe
    sizes = table.value["Input size"].tolist()
    expected = InferenceService(WeightsStore()).probe(ProbeRequest(load_sample("coffee"), tiny))
    assert sizes == [size.resolution for size in expected]
    assert table.value["Probability"].tolist() == pytest.approx(
        [size.target.probability for size in expected], abs=1e-6
    )
    assert "These numbers (CSV)" in downloads(app)


def test_three_sizes_say_which_is_the_smallest_that_is_right(packages: None) -> None:
    app = open_page(part="Sizes", picture="Coffee")
    assert "The smallest that says espresso first is Lite0 · ImageNet-1k" in html(app)
    assert [alt for alt in alts(app) if alt.startswith("Where Lite")] == [
        f"Where Lite{number} · ImageNet-1k looked for “espresso”." for number in range(3)
    ]
    truth = next(box for box in app.selectbox if box.label == "It really is")
    truth.set_value("tench (0)")
    assert "None of the 3 says tench first." in html(healthy(app.run()))


def test_what_it_really_is_is_read_from_the_address(packages: None) -> None:
    app = open_page(part="Sizes", picture="Coffee", truth="tench (0)")
    assert "None of the 3 says tench first." in html(app)
    app.selectbox(key="picture").set_value("Rocket")
    healthy(app.run())  # of another picture nothing was said yet
    assert "tench" not in str(app.selectbox(key="truth").value)
    app = open_page(part="Sizes", picture="Coffee", truth="a cup")
    assert any("which cannot be used" in seen(warning) for warning in app.warning)
    assert "The smallest that says espresso first is" in html(app)


def test_the_verdict_is_on_the_map_on_screen(tiny: str) -> None:
    app = open_page(part="Trust", picture="Coffee", method="Layer-CAM", layer="3")
    request = ExplainRequest(image=load_sample("coffee"), weights=tiny, method="layer-cam", stage=3)
    found = InferenceService(WeightsStore()).trust(request)
    assert "Layer-CAM by tiny · stage 3" in html(app).replace("</span><span>", " · ")
    for evidence in found.evidence:
        assert seen_in(app, evidence.sentence[1:])
    assert "Everything (HTML)" in downloads(app)
    figures = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    by_name = {trace["name"]: trace for figure in figures for trace in figure["data"]}
    curves = {name: curve for each in found.evidence for name, curve in each.curves}
    assert len(figures) == 3 and len(curves) == 8
    for name, curve in curves.items():
        assert by_name[name]["y"] == pytest.approx(curve.confidences, abs=1e-6)


def test_without_the_packages_sizes_say_what_is_missing(tiny: str) -> None:
    app = open_page(part="Sizes")
    assert any("packages are not installed" in seen(info) for info in app.info)


def test_classify_begins_with_three_real_networks(packages: None) -> None:
    app = opened(CLASSIFY)
    assert app.multiselect(key="model").value == [f"Lite{n} · ImageNet-1k" for n in range(3)]
    assert "All 3 models say espresso." in html(app)
    assert "75.1 % top-1 on ImageNet (published)" in html(app)
    assert "Apache-2.0" in said(app)


def test_compare_shows_the_packaged_networks(packages: None) -> None:
    app = opened(COMPARE, view="Time here")
    rows = next(f.value for f in app.dataframe if "Top-1 % (published)" in f.value.columns)
    assert rows["Network"].tolist() == ["Lite0", "Lite1", "Lite2"]
    assert rows["Top-1 % (published)"].tolist() == [75.1, 76.7, 77.6]
