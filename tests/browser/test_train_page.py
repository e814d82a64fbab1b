"""Train as a person meets it, in Chromium: a run is started, survives a reload, is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]


def test_a_run_is_started_survives_a_reload_and_is_cancelled_and_resumed(
    server: str, browser_page: OpenPage
) -> None:
    page = browser_page()
    page.goto(f"{server}/train")
    page.get_by_role("button", name="Start training").click(timeout=60_000)
    page.wait_for_url("**/train?run=drawn-shapes-*", timeout=60_000)
    page.get_by_text("Training loss").first.wait_for(timeout=120_000)
    page.reload()
    page.get_by_role("button", name="Cancel").click(timeout=60_000)
    page.get_by_role("button", name="Resume").click(timeout=60_000)
    page.get_by_role("button", name="Cancel").click(timeout=60_000)
    page.get_by_role("button", name="Resume").wait_for(timeout=60_000)
    second = browser_page()
    second.goto(page.url)
    second.get_by_role("button", name="Resume").wait_for(timeout=60_000)
    assert second.get_by_role("heading", name="Drawn shapes").count() == 1
