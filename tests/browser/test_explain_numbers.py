"""Layers by their numbers as a person meets them, in Chromium, with the bundled model."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
PART = f"part=Numbers&picture=Coffee&model={quote('φ = −4 · trained here')}"


def click_cell(page: Any, row: int, column: int, side: int) -> None:
    canvas = page.locator(".cells canvas")
    box = canvas.bounding_box()
    share = [(place + 0.5) / side for place in (column, row)]
    canvas.click(position={"x": share[0] * box["width"], "y": share[1] * box["height"]})


def said(page: Any, row: int, column: int) -> None:
    """Wait until the arithmetic is that of this cell."""
    page.locator("p", has_text=re.compile(f"^Channel .* row {row}, column {column}: ")).wait_for()
    page.wait_for_url(f"**row={row}*")
    page.wait_for_url(f"**column={column}*")


def test_two_clicks_lead_to_a_cell_s_arithmetic_and_keys_to_its_neighbour(
    server: str, browser_page: OpenPage
) -> None:
    page = browser_page()
    page.goto(f"{server}/explain?{PART}")
    page.locator(".sums").wait_for(timeout=60_000)
    page.get_by_role("radio", name="Stage 3").click()
    page.wait_for_url("**map=Stage+3*")
    page.locator(".sum h4", has_text="Depthwise").wait_for()
    side = 9  # the bundled model sees 72 × 72 pixels, and stage 3 an eighth of that
    page.get_by_text(re.compile("^Row 4, column 4: ")).wait_for()
    click_cell(page, 2, 7, side)
    said(page, 2, 7)
    page.locator(".cells .map").focus()
    page.keyboard.press("ArrowDown")
    said(page, 3, 7)
    for key in (*["ArrowDown"] * 3, "ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)  # faster than the page answers; the second step right is too far
    said(page, 5, 8)
    page.get_by_text(re.compile("^Row 5, column 8: ")).wait_for()
    assert page.evaluate("document.activeElement.className") == "map"
    before = page.locator(".sums").inner_html()
    page.goto(page.url)
    said(page, 5, 8)
    assert page.locator(".sums").inner_html() == before


def test_numbers_fit_390_pixels(server: str, browser_page: OpenPage) -> None:
    page = browser_page(width=390, height=844, color_scheme="dark")
    page.goto(f"{server}/explain?{PART}&map=Stage+5&row=0&column=0")
    page.locator(".sum h4", has_text="Projection").wait_for(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    overflowing = (
        "[...document.querySelectorAll('.sum')].filter(s => s.scrollWidth > s.clientWidth)"
    )
    assert page.evaluate(f"{overflowing}.length") == 0
