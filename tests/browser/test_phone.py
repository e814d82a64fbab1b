"""What a narrow screen shows first, its sheet of controls and the parts at its foot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
WIDTH, HEIGHT, THUMB = 390, 844, 60
"""Pixels; the lowest THUMB of them are where a button at the foot stands."""
FIRST = {
    "/": ".st-key-figure-params",
    "/classify": ".matrix table",
    "/explain": "[class*=st-key-maps-] img[alt*=' by ']",
    "/compare": ".st-key-trade-off .nsewdrag",
}
"""What each page has to show, by its address."""
IN_SHEET = {
    "/": ".st-key-alpha",
    "/classify": ".st-key-model",
    "/explain": ".st-key-method",
    "/compare": ".st-key-families",
}
OPENER = ".st-key-opener summary"


@pytest.fixture(params=FIRST)
def path(request: pytest.FixtureRequest) -> str:
    """Every page with a sheet."""
    return str(request.param)


def opened(page: Any, server: str, path: str) -> Any:
    page.goto(f"{server}{path}")
    page.locator(FIRST[path]).first.wait_for(timeout=60_000)
    return page


def phone(browser_page: OpenPage, **options: Any) -> Any:
    return browser_page(width=WIDTH, height=HEIGHT, **options)


def test_results_come_first_and_controls_in_a_sheet(
    server: str, browser_page: OpenPage, path: str
) -> None:
    page = opened(phone(browser_page), server, path)
    assert page.locator(FIRST[path]).first.bounding_box()["y"] < 0.7 * HEIGHT
    control, opener = page.locator(IN_SHEET[path]), page.locator(OPENER)
    assert not control.is_visible() and not control.locator("label").first.is_visible()
    box = opener.bounding_box()
    assert box["y"] >= HEIGHT - THUMB and box["height"] >= 44
    opener.click()
    control.wait_for(state="visible")
    sheet = page.locator(".st-key-sheet").bounding_box()
    assert sheet["y"] > 100  # what it changes stays in sight
    assert sheet["y"] + sheet["height"] <= box["y"] + 1
    opener.click()
    control.wait_for(state="hidden")
    opener.press("Enter")
    control.wait_for(state="visible")
    page.keyboard.press("Tab")  # into the sheet
    assert page.evaluate("!!document.activeElement.closest('.st-key-sheet')")
    page.keyboard.press("Escape")
    control.wait_for(state="hidden")
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH


def test_a_wide_screen_has_no_sheet(server: str, browser_page: OpenPage, path: str) -> None:
    page = opened(browser_page(), server, path)
    page.locator(IN_SHEET[path]).wait_for(state="visible")
    assert not page.locator(OPENER).is_visible()


@pytest.mark.parametrize(
    ("path", "part", "shows"),
    [
        ("/", ("tab", "Architecture"), ".st-key-pick"),
        ("/compare", ("tab", "Where they look"), "h3"),
        ("/explain", ("radio", "Ledger"), "[data-testid=stHeading]"),
    ],
)
def test_a_part_is_chosen_at_the_foot_and_comes_into_sight(
    server: str, browser_page: OpenPage, path: str, part: tuple[str, str], shows: str
) -> None:
    page = opened(phone(browser_page), server, path)
    page.wait_for_function("() => window.narrowScreen")
    button = page.get_by_role(part[0], name=part[1])
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box["y"] + box["height"] / 2 >= HEIGHT - THUMB
    button.click()
    part_of_page = page.locator(f".st-key-parts {shows}").first
    part_of_page.wait_for(timeout=60_000)
    page.wait_for_function(
        "([selector, most]) => document.querySelector(selector).getBoundingClientRect().top < most",
        arg=[f".st-key-parts {shows}", HEIGHT],
    )
    assert part_of_page.bounding_box()["y"] > 0


def test_what_a_closed_sheet_has_to_say_is_marked(server: str, browser_page: OpenPage) -> None:
    page = phone(browser_page)
    page.goto(f"{server}/explain?picture=nobody.jpg")
    page.locator(FIRST["/explain"]).first.wait_for(timeout=60_000)
    mark = "getComputedStyle(document.querySelector('.st-key-opener summary'), '::after').content"
    assert page.evaluate(mark) == '"!"'
    page.locator(OPENER).click()
    page.get_by_text("is not in this session").wait_for()


@pytest.mark.parametrize(
    ("address", "part"),
    [("/explain?part=Numbers", "Numbers"), ("/compare?view=Where+they+look", "Where they look")],
)
def test_the_part_that_an_address_opens_is_in_sight(
    server: str, browser_page: OpenPage, address: str, part: str
) -> None:
    page = phone(browser_page)
    page.goto(f"{server}{address}")
    name = page.locator(".st-key-part, .st-key-view").get_by_text(part, exact=True)
    name.wait_for(timeout=60_000)
    page.wait_for_function(
        "part => { const { left, right } = part.getBoundingClientRect();"
        " return left >= 0 && right <= innerWidth; }",
        arg=name.element_handle(),
        timeout=10_000,
    )
