"""The Compare page as a person meets it, in Chromium."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlparse

import pytest

from effnet_core.comparison import find_axis, identity
from effnet_core.cost import summarize
from effnet_core.published import results
from effnet_core.variants import variant

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
CHART = "[data-testid=stPlotlyChart]"
RINGS = f"{CHART} .scatterlayer .trace path.point[d*='A8.5']"
STUDENT_B0 = next(
    identity(one)
    for one in results(test_set="imagenet", architecture="b0")
    if one.recipe == "ns_jft_in1k"
)


def ready(page: Any, server: str, **parameters: Any) -> Any:
    query = urlencode(parameters, doseq=True)
    page.goto(f"{server}/compare?{query}" if query else f"{server}/compare")
    page.locator(f"{CHART} .xtitle").wait_for()
    return page


def message(page: Any) -> str:
    return str(page.locator(CHART).get_attribute("aria-label"))


def wait_for_address(page: Any, part: str) -> None:
    page.wait_for_function("part => decodeURIComponent(location.search).includes(part)", arg=part)


def test_another_axis_changes_chart_and_address(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), server)
    assert "FLOPs" in page.locator(f"{CHART} .xtitle").text_content()
    before = message(page)
    page.get_by_role("combobox", name="Cost", exact=True).click()
    page.keyboard.type("i9-10940X")
    page.keyboard.press("Enter")
    page.locator(f"{CHART} .xtitle", has_text="Core i9-10940X").wait_for()
    wait_for_address(page, "Core+i9-10940X")
    assert message(page) != before and " ms" in message(page)


def test_a_shared_address_opens_the_same_view(server: str, browser_page: OpenPage) -> None:
    axis = find_axis("params").title
    page = ready(
        browser_page(), server, cost=axis, test="ImageNet-A", line="b4", picked=STUDENT_B0,
        families=["EfficientNet", "ViT"], spacing="linear",
    )  # fmt: skip
    page.get_by_text("1 selected.").wait_for()
    assert page.locator(RINGS).count() == 1
    assert page.locator(f"{CHART} .xtitle").text_content().startswith(axis)
    assert "ImageNet-A" in message(page) and "B4 costs 19.3 M" in message(page)
    other = browser_page()
    other.goto(page.url)
    other.get_by_text("1 selected.").wait_for()
    assert (message(other), other.locator(RINGS).count()) == (message(page), 1)


def test_a_click_and_a_box_select_records(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(height=1400), server, families="EfficientNet-Lite", draw="")
    page.locator(f"{CHART} path.point").first.click(force=True)
    page.get_by_text("1 selected.").wait_for()
    page.get_by_role("radio", name="box").click()
    wait_for_address(page, "drag=box")
    page.locator(f"{CHART} .xtitle").wait_for()
    place = page.locator(f"{CHART} .nsewdrag").bounding_box()
    page.mouse.move(place["x"] + 5, place["y"] + 5)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] - 5, place["y"] + place["height"] - 5, steps=8)
    page.mouse.up()
    shown = len(results(test_set="imagenet", family="EfficientNet-Lite"))
    page.get_by_text(f"{shown} selected.").wait_for()
    assert len(parse_qs(urlparse(page.url).query)["picked"]) == shown


def test_keyboard_alone_reaches_a_valid_csv(
    server: str, browser_page: OpenPage, tmp_path: Path
) -> None:
    page = ready(browser_page(), server)
    page.get_by_role("combobox", name="Selected records").focus()
    page.keyboard.type("EfficientNet-B0, 224 px, Noisy")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    button = page.get_by_role("button", name="This table, CSV")
    button.wait_for()
    button.focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    with target.open(encoding="utf-8", newline="") as file:
        (only,) = csv.DictReader(file)
    assert only["model"] == "EfficientNet-B0" and "JFT" in only["extra_training_data"]
    assert int(only["flops"]) == summarize(variant("b0")).mult_adds
    assert (only["top1"], only["crop"]) == ("78.68", "0.875")


def test_the_network_of_scale_is_the_line_of_cost(server: str, browser_page: OpenPage) -> None:
    page = browser_page()
    page.goto(f"{server}/?phi=1.5")
    page.locator("[data-testid=stMetricValue]").first.wait_for()
    page.get_by_role("link", name="Compare").click()
    page.locator(f"{CHART} .xtitle").wait_for()
    assert "φ = 1.5 costs 1.38 B" in message(page)
    page.get_by_role("button", name="Hold φ = 1.5").click()
    wait_for_address(page, "line=phi=1.5")


def test_nothing_sticks_out_on_a_narrow_screen(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(width=390, color_scheme="dark"), server, families="")
    sticking_out = """() => [document.querySelector('[data-testid=stMain]'), document.body]
      .filter(element => element.scrollWidth > element.clientWidth).length"""
    assert page.evaluate(sticking_out) == 0
