"""The Compare page as a person meets it, in Chromium."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlparse

import pytest

from effnet_core.architecture.names import variant
from effnet_core.cost.report import summarize
from effnet_core.results.axes import find_axis
from effnet_core.results.published import results
from effnet_core.results.trade_off import identity

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
CHART = ".st-key-trade-off [data-testid=stPlotlyChart]"
RINGS = f"{CHART} .scatterlayer .trace path.point[d*='A8.5']"
STUDENT_B0 = next(
    identity(one)
    for one in results(test_set="imagenet", architecture="b0")
    if one.recipe == "ns_jft_in1k"
)


def ready(page: Any, server: str, **parameters: Any) -> Any:
    query = urlencode(parameters, doseq=True)
    page.goto(f"{server}/compare?{query}" if query else f"{server}/compare")
    page.locator(f"{CHART} .xtitle").first.wait_for()
    return page


def shift(page: Any) -> float:
    """How far what was in sight has been pushed about, as Chromium scores it, without input."""
    return float(page.evaluate("() => window.shifted"))


WATCH = """window.shifted = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({type: 'layout-shift', buffered: true});"""


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1000), (390, 844)])
def test_what_comes_pushes_nothing_about(
    server: str, browser_page: OpenPage, size: tuple[int, int]
) -> None:
    phone = {"user_agent": "Mozilla/5.0 (Android) Mobile"} if size[0] < 500 else {}
    page = browser_page(width=size[0], height=size[1], **phone)
    page.add_init_script(WATCH)
    ready(page, server)
    page.wait_for_timeout(1500)
    assert shift(page) < 0.1


def test_a_wide_screen_is_used(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(width=1920, height=1000), server)
    chart = page.locator(CHART).bounding_box()
    table = page.locator(".st-key-records [data-testid=stDataFrame]").bounding_box()
    assert table["x"] > chart["x"] + chart["width"] and table["y"] < chart["y"] + chart["height"]
    assert chart["width"] > 700 and table["x"] + table["width"] > 1700


def test_a_part_has_its_address(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), server)
    page.get_by_role("tab", name="Where they look").click()
    page.get_by_role("heading", name="The networks on Classify").wait_for()
    wait_for_address(page, "view=Where+they+look")
    other = browser_page()
    other.goto(page.url)
    other.get_by_role("heading", name="The networks on Classify").wait_for()
    assert not other.locator(CHART).count()


def message(page: Any) -> str:
    return str(page.locator(CHART).get_attribute("aria-label"))


def wait_for_address(page: Any, part: str) -> None:
    page.wait_for_function("part => decodeURIComponent(location.search).includes(part)", arg=part)


def test_another_axis_changes_chart_and_address(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), server)
    assert "FLOPs" in page.locator(f"{CHART} .xtitle").first.text_content()
    before = message(page)
    page.get_by_role("combobox", name="Cost", exact=True).click()
    page.keyboard.type("i9-10940X")
    page.keyboard.press("Enter")
    page.locator(f"{CHART} .xtitle", has_text="Core i9-10940X").first.wait_for()
    wait_for_address(page, "Core+i9-10940X")
    assert message(page) != before and " ms" in message(page)


def test_a_shared_address_opens_the_same_view(server: str, browser_page: OpenPage) -> None:
    axis = find_axis("params").title
    page = ready(
        browser_page(), server, data="Any", cost=axis, test="ImageNet-A", line="b4",
        picked=STUDENT_B0,
        families=["EfficientNet", "ViT"], spacing="linear",
    )  # fmt: skip
    page.get_by_text("1 selected.").wait_for()
    assert page.locator(RINGS).count() == 1
    assert page.locator(f"{CHART} .xtitle").first.text_content().startswith(axis)
    assert "ImageNet-A" in message(page) and "B4 costs 19.3 M" in message(page)
    other = browser_page()
    other.goto(page.url)
    other.get_by_text("1 selected.").wait_for()
    assert (message(other), other.locator(RINGS).count()) == (message(page), 1)


def test_a_click_selects_a_record(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), server, families="EfficientNet-Lite", draw="")
    page.locator(f"{CHART} path.point").first.click(force=True)
    page.get_by_text("1 selected.").wait_for()
    assert "EfficientNet-Lite" in parse_qs(urlparse(page.url).query)["picked"][0]


def test_a_box_selects_what_it_holds(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), server, families="EfficientNet-Lite", draw="", drag="box")
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
    page.get_by_text("1 selected.").wait_for()
    button = page.get_by_role("button", name="This table, CSV")
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
    page.locator(f"{CHART}[aria-label*='φ = 1.5 costs 1.38 B']").wait_for()
    wait_for_address(page, "line=phi=1.5")


def test_a_finger_scrolls_the_page_over_the_chart(server: str, browser_page: OpenPage) -> None:
    phone = {"has_touch": True, "is_mobile": True, "user_agent": "Mozilla/5.0 (Android) Mobile"}
    page = ready(browser_page(width=390, height=844, **phone), server)
    plot = page.locator(f"{CHART} .nsewdrag")
    plot.scroll_into_view_if_needed()
    place, scrolled = (
        plot.bounding_box(),
        "document.querySelector('[data-testid=stMain]').scrollTop",
    )
    before = page.evaluate(scrolled)
    finger = page.context.new_cdp_session(page)
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    for kind, moved in (("touchStart", 0), *(("touchMove", -20 * step) for step in range(1, 10))):
        points = [{"x": x, "y": y + moved}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function(f"before => {scrolled} > before + 50", arg=before)


def test_nothing_sticks_out_on_a_narrow_screen(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(width=390, color_scheme="dark"), server, families="")
    sticking_out = """() => [document.querySelector('[data-testid=stMain]'), document.body]
      .filter(element => element.scrollWidth > element.clientWidth).length"""
    assert page.evaluate(sticking_out) == 0
