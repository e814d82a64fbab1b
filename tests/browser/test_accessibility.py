"""Every page held against axe-core's rules: contrast, names and order, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
CHART = ".main-svg"
PAGES = {
    "/": ".st-key-growth .plot",
    "/?show=What+fits+my+budget%3F&max_weight_bytes=20": f".st-key-within {CHART}",
    "/classify": "table.answers",
    "/explain": "[data-testid=stImage]",
    "/compare": f".st-key-trade-off {CHART}",
    "/compare?view=Time+here": ".st-key-time input",
    "/compare?view=Trained+here": f".st-key-trained-here {CHART}",
    "/compare?view=Where+they+look": "[data-testid=stDataFrame] canvas",
    "/train": ".st-key-controls",
}
STREAMLITS_OWN = {"presentation-role-conflict": "stFileUploaderDropzone"}
"""Rules that an element of Streamlit breaks in any app, with what tells that element."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_no_rule_is_broken(server: str, browser_page: OpenPage, path: str, scheme: str) -> None:
    page = browser_page(color_scheme=scheme)
    assert broken(opened(page, server, path)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/classify", "/explain", "/compare"])
def test_no_rule_is_broken_by_a_phone_s_sheet(
    server: str, browser_page: OpenPage, path: str, scheme: str
) -> None:
    page = opened(browser_page(width=390, height=844, color_scheme=scheme), server, path)
    assert broken(page) == []
    page.locator(".st-key-opener summary").click()
    page.locator(".st-key-sheet").wait_for(state="visible")
    assert broken(page) == []


def opened(page: Any, server: str, path: str) -> Any:
    page.goto(f"{server}{path}")
    page.locator(PAGES[path]).first.wait_for(timeout=60_000)
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached", timeout=60_000)
    return page


def broken(page: Any) -> list[tuple[str, str, str]]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    return [
        (rule["id"], node["html"][:200], node["failureSummary"])
        for rule in axe.run(page).response["violations"]
        for node in rule["nodes"]
        if STREAMLITS_OWN.get(rule["id"], "\0") not in node["html"]
    ]
