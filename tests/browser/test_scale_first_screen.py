"""What of Scale is on the first screen, what stays in sight, and that nothing jumps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
CURVES = tuple(f".st-key-curve-{key}" for key in ("params", "flops", "activations", "peak"))
SIZES = ((1280, 800), (390, 844))
MOST_SHIFT = 0.1
"""What the Web Vitals call good; https://web.dev/articles/cls."""

SHIFTS = """window.shifted = 0;
new PerformanceObserver(list => {
  for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.shifted += shift.value;
}).observe({type: "layout-shift", buffered: true});"""


def ready(page: Any, url: str) -> Any:
    page.goto(url)
    for curve in CURVES:
        page.locator(f"{curve} .mark path").wait_for()
    return page


def bottom(page: Any, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    return float(box["y"] + box["height"])


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_phi_the_four_costs_and_their_curves_come_first(
    width: int, height: int, server: str, browser_page: OpenPage
) -> None:
    page = ready(browser_page(width=width, height=height), server)
    screens = 1 if width == 1280 else 2
    assert bottom(page, ".st-key-phi") <= height
    for curve in CURVES:
        assert bottom(page, curve) <= screens * height
    chips = page.locator(".facts span").evaluate_all("all => all.map(one => one.offsetTop)")
    assert len(chips) == 6 and len(set(chips)) == 1
    deltas = page.locator("[data-testid=stMetricDelta]")
    assert not any(delta.is_visible() for delta in deltas.all())  # nothing is pinned


def test_phi_stays_in_sight_of_a_phone_while_the_page_moves(
    server: str, browser_page: OpenPage
) -> None:
    page = ready(browser_page(width=390, height=844), server)
    for far in (300, 900, 1500):
        page.locator("[data-testid=stMain]").evaluate(
            "(main, far) => main.scrollTo({top: far, behavior: 'instant'})", far
        )
        box = page.locator(".st-key-phi").bounding_box()
        header = page.locator("[data-testid=stHeader]").bounding_box()
        assert header["y"] + header["height"] - 1 <= box["y"] <= 120
        middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        assert page.evaluate(
            "([x, y]) => !!document.elementFromPoint(x, y).closest('.st-key-phi')", middle
        )


def test_every_curve_follows_the_hand(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(width=1280, height=800), server)
    before = [page.locator(f"{curve} .mark path").bounding_box()["x"] for curve in CURVES]
    track = page.locator(".st-key-phi [role=group] > div").bounding_box()
    middle = track["y"] + track["height"] / 2
    page.mouse.move(track["x"] + track["width"] * 6 / 16, middle)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] * 9 / 16, middle)
    after = [page.locator(f"{curve} .mark path").bounding_box()["x"] for curve in CURVES]
    assert page.url == f"{server}/"  # Python has not been told
    plot = page.locator(f"{CURVES[0]} .plot").bounding_box()["width"]
    for old, new in zip(before, after, strict=True):
        assert new - old == pytest.approx(plot * 3 / 16, rel=0.15)
    assert page.locator("[data-testid=stMetricDelta]").first.is_visible()  # ×… of B0
    page.mouse.up()


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("query", ["", "?show=Architecture", "?show=Same+cost,+four+ways&a=b4"])
def test_nothing_jumps_while_the_page_arrives(
    query: str, width: int, height: int, server: str, browser_page: OpenPage
) -> None:
    page = browser_page(width=width, height=height)
    page.add_init_script(SHIFTS)
    ready(page, f"{server}/{query}")
    page.wait_for_timeout(1500)
    assert page.evaluate("PerformanceObserver.supportedEntryTypes.includes('layout-shift')")
    assert page.evaluate("window.shifted") < MOST_SHIFT
