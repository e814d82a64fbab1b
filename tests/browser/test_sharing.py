"""What can be taken from a page: its address, and a chart's data and drawing."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from tests.browser.person import Person

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
CHARTS = {"/compare": ("trade-off", ".main-svg"), "/": ("growth", ".plot .lines path")}
CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture(params=CHARTS)
def drawn(
    request: pytest.FixtureRequest, server: str, browser_page: OpenPage
) -> tuple[Person, str]:
    """Someone at a chart of Plotly's, then at one of this project's, and the chart's key."""
    page = browser_page(permissions=CLIPBOARD)
    key, mark = CHARTS[request.param]
    person = Person(page, f"{server}{request.param}")
    page.locator(f".st-key-{key} {mark}").first.wait_for(timeout=60_000)
    return person, key


def saved(page: Any, key: str, kind: str, folder: Path) -> Path:
    tools = page.locator(f".st-key-tools-{key}")
    with page.expect_download() as download:
        tools.get_by_role("button", name=kind).click()
    assert download.value.suggested_filename == f"efficientnet-{key}.{kind.lower()}"
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def test_a_chart_is_saved_as_data_and_as_drawing(drawn: tuple[Person, str], tmp_path: Path) -> None:
    person, key = drawn
    page = person.page
    with saved(page, key, "CSV", tmp_path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 100 and {"series", "label"} <= rows[0].keys()
    root = ElementTree.fromstring(saved(page, key, "SVG", tmp_path).read_text(encoding="utf-8"))
    words = [text.text for text in root.findall(".//{*}text")]
    assert len(root.findall(".//{*}path")) > 5
    assert any("EfficientNet" in str(word) or "scaling" in str(word) for word in words)  # legend
    shown = page.locator(f".st-key-{key} :is(svg.main-svg, svg.plot)").first.bounding_box()
    with Image.open(saved(page, key, "PNG", tmp_path)) as image:
        assert image.width == pytest.approx(2 * shown["width"], abs=2)
        assert image.height > 2 * shown["height"] - 2
        colours = image.convert("RGB").getcolors(2**24)
    assert colours is not None and len(colours) > 50  # more than a ground


def test_a_link_is_one_action(drawn: tuple[Person, str]) -> None:
    person, key = drawn
    page = person.page
    person.click(page.locator(f".st-key-tools-{key}").get_by_role("button", name="Link"))
    page.get_by_text("Address copied. It leads to this machine alone.").wait_for()
    assert page.evaluate("() => navigator.clipboard.readText()") == page.url
    assert person.actions <= 1


def test_share_says_that_a_session_keeps_its_pictures(
    server: str, browser_page: OpenPage, tmp_path: Path
) -> None:
    page = browser_page(permissions=CLIPBOARD)
    page.goto(f"{server}/classify")
    page.locator("table.answers").first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_text("Address copied. It leads to this machine alone.", exact=True).wait_for()
    file = tmp_path / "mine.png"
    Image.new("RGB", (64, 64), "teal").save(file)
    page.locator("input[type=file][accept*=png], input[type=file]").first.set_input_files(file)
    page.locator("[data-own*='own pictures stay in this session']").wait_for(timeout=60_000)
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_text("Your own pictures stay in this session").wait_for()
