"""The budget panel of Scale as a person meets it, in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from app.text import minus
from effnet_core.cost.budget import Limits, largest_phi

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
    phi = minus(largest_phi(Limits(params=3_500_000)).network.phi or 0)
    page.get_by_text(f"The largest φ is {phi}").wait_for()
    page.wait_for_function("() => location.search.includes('max_params=3.5')")
    page.get_by_role("button", name=f"Show φ = {phi} above").click()
    page.get_by_role("heading", name=f"φ = {phi}", exact=False).first.wait_for()
    page.locator(".st-key-max_params").get_by_role("button", name="Clear").click()
    page.get_by_text("Choose a device or fill in a limit").wait_for()
    page.wait_for_function("() => !location.search.includes('max_params')")
