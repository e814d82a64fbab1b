"""Six more questions of people who learn, choose and study, each answered in a few actions.

The others stand with their parts: same cost and squeeze-and-excitation in test_scale_tasks, a
budget in test_scale_budget, a link in test_sharing, three maps in test_explain_page and trained
weights as ONNX in test_first_answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.text import times
from effnet_core.architecture.names import scaled, variant
from effnet_core.cost.report import summarize
from effnet_core.engines.predictor import Predictor
from effnet_core.files import asset
from effnet_core.images.samples import load_sample
from effnet_core.results.axes import find_axis
from effnet_core.results.published import results
from effnet_core.results.trade_off import extra_data, front, place
from effnet_core.weights import WeightsStore, resolve_weights
from tests.browser.person import Person

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
LITES = ("lite0", "lite1", "lite2")


def test_what_one_more_phi_does_to_the_flops(server: str, browser_page: OpenPage) -> None:
    page = browser_page()
    person = Person(page, server)
    page.locator(".st-key-figure-flops [data-testid=stMetricValue]").wait_for()
    track = page.locator(".st-key-phi [role=group] > div")
    place_of_one = track.bounding_box()["width"] * 7 / 16  # of φ from −6 to 10
    person.click(track, position={"x": place_of_one, "y": 2})
    page.wait_for_function("() => location.search.includes('phi=')")
    phi = float(parse_qs(urlsplit(page.url).query)["phi"][0])
    assert phi == pytest.approx(1, abs=0.11)  # a finger is no finer
    ratio = times(summarize(scaled(phi)).mult_adds, summarize(variant("b0")).mult_adds)
    page.locator(".st-key-figure-flops [data-testid=stMetricDelta]", has_text=ratio).wait_for()
    assert person.actions <= 1


def test_why_b1_is_not_phi_1(server: str, browser_page: OpenPage) -> None:
    page = browser_page()
    person = Person(page, server)
    person.click(("tab", "Why B1 is not φ = 1"))
    table = page.get_by_role("table").first
    table.wait_for()
    text = table.inner_text()
    for published, formula in ((1.1, 1.2), (1.0, 1.1), (240 / 224, 1.15)):  # depth, width, pixels
        assert re.search(rf"{published:.3f}\s+{formula:.3f}", text)
    assert person.actions <= 1


def test_where_three_networks_disagree_on_a_photo_of_ones_own(
    server: str, browser_page: OpenPage, tmp_path: Path
) -> None:
    photo = load_sample("rocket")
    store = WeightsStore(tmp_path)
    said = [
        Predictor(resolve_weights(name, store)).predict_bytes(photo).top[0].label for name in LITES
    ]
    odd = [label for label in said if said.count(label) == 1]
    assert len(odd) == 1  # two agree, one does not
    page = browser_page()
    person = Person(page, f"{server}/classify")
    page.locator("table.answers").nth(2).wait_for(timeout=60_000)
    file = {"name": "mine.png", "mimeType": "image/png", "buffer": photo}
    person.drop("[class*=st-key-upload-] input[type=file]", file)
    page.get_by_role("heading", name="mine.png").wait_for(timeout=60_000)
    page.get_by_text("The models differ:").wait_for(timeout=60_000)
    cells = page.locator(".matrix tbody td")
    assert [text.split("\n")[0] for text in cells.all_inner_texts()] == said
    assert page.locator(".matrix td.differs b").all_inner_texts() == odd
    assert person.actions <= 1


def test_a_checkpoint_of_ones_own_is_recognised_and_added_by_one_button(
    server: str, browser_page: OpenPage, tiny_checkpoint: Path
) -> None:
    page = browser_page()
    person = Person(page, f"{server}/classify")
    page.locator("table.answers").first.wait_for(timeout=60_000)
    person.click(page.get_by_text("Your own checkpoint"))
    person.drop(".st-key-checkpoint-0 input[type=file]", tiny_checkpoint)
    person.click(("button", "Add φ = −4"), timeout=60_000)  # it says what was recognised
    page.wait_for_url(re.compile(r"your.file"), timeout=60_000)
    page.get_by_role("heading", name="φ = −4", exact=True).first.wait_for(timeout=60_000)
    assert person.actions <= 3


def test_which_published_networks_are_worth_their_parameters(
    server: str, browser_page: OpenPage
) -> None:
    page = browser_page()
    person = Person(page, f"{server}/compare")
    page.locator(".st-key-trade-off .main-svg").first.wait_for(timeout=60_000)
    axis = find_axis("params")
    person.click(("combobox", "Cost"))
    person.click(page.get_by_role("option", name=axis.title))
    page.locator(".st-key-trade-off .xtitle", has_text=axis.title).first.wait_for()
    families = ("EfficientNet", "EfficientNetV2", "EfficientNet-Lite", "ConvNeXt", "ResNet")
    drawn = [
        one
        for one in results(test_set="imagenet")
        if one.family in families and not extra_data(one)
    ]
    best = front(place(drawn, axis, {}), axis)
    page.get_by_text(f"{len(best)} of ", exact=False).first.wait_for()
    page.get_by_text(f"these are the {len(best)} records of the Pareto front").wait_for()
    assert person.actions <= 2


def test_where_the_record_of_a_training_stands(server: str, browser_page: OpenPage) -> None:
    record = json.loads(asset("assets/measured/runs/tiny100-phi-4.json").read_text("utf-8"))
    page = browser_page()
    person = Person(page, f"{server}/train")
    person.click(page.get_by_role("button", name="(tiny100-phi-4)"), timeout=60_000)
    page.get_by_text(f"top-1 {100 * record['validation']['top1']:.1f} %").first.wait_for()
    page.locator("[data-testid=stPlotlyChart]").first.wait_for()  # its curve
    assert "run=tiny100-phi-4" in page.url  # an address of its own
    assert person.actions <= 1
