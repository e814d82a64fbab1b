"""The budget panel of Scale as a person meets it, in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from app.text import milliseconds, minus
from effnet_core.cost.budget import Limits, largest_phi
from effnet_core.results import published_within
from tests.browser.person import Person

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]


def test_a_typed_limit_answers_is_in_the_url_and_leads_to_its_phi(
    server: str, browser_page: OpenPage
) -> None:
    page = browser_page()
    page.goto(f"{server}/?show={quote('What fits my budget?')}")
    box = page.locator(".st-key-max_params input")
    box.fill("3.5")
    box.press("Enter")
    page.get_by_role("heading", name="Published networks that fit").wait_for()
    page.get_by_text("Shapes that nobody trained").click()
    phi = minus(largest_phi(Limits(params=3_500_000)).network.phi or 0)
    page.get_by_text(f"The largest φ is {phi}").wait_for()
    page.wait_for_function("() => location.search.includes('max_params=3.5')")
    page.get_by_role("button", name=f"Show φ = {phi} above").click()
    page.get_by_role("heading", name=f"φ = {phi}", exact=False).first.wait_for()
    page.locator(".st-key-max_params").get_by_role("button", name="Clear").click()
    page.get_by_text("Choose a device or fill in a limit").wait_for()
    page.wait_for_function("() => !location.search.includes('max_params')")


@pytest.fixture
def calibrated_server(start_server: Any, made_up: Any) -> Any:
    """Return the URL of a server on a machine whose calibration is made up."""
    with start_server(made_up) as (url, _):
        yield url


def test_ten_milliseconds_and_twenty_megabytes_take_four_actions(
    calibrated_server: str, browser_page: OpenPage, made_up: Any
) -> None:
    page = browser_page()
    person = Person(page, calibrated_server)
    person.click(("tab", "What fits my budget?"))
    for key, most in (("weight_bytes", "20"), ("latency_ms", "9")):
        person.fill(f".st-key-max_{key} input", most)
    limits = Limits(weight_bytes=20_000_000, latency_ms=9)
    nearest = published_within(limits, latency=made_up.predict).missing[0]
    assert nearest.name == "lite0"
    page.get_by_text("None. Nearest: Lite0, 18.8 MB ✓,").wait_for()
    (over,) = (room for room in nearest.rooms(limits) if room.left < 0)
    page.get_by_text(f"✗ ({milliseconds(-over.left)[:-3]} over)").first.wait_for()
    page.locator(".st-key-within .main-svg").first.wait_for()
    person.click(page.get_by_role("link", name="Classify").and_(page.locator("[href*=Lite0]")))
    page.wait_for_url("**/classify?model=Lite0*")
    assert person.actions <= 4
