"""Train as a person meets it, in Chromium: runs are started, survive a reload, are cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from effnet_core.datasets.drawn import SHAPES, drawn_zip

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


def test_an_uploaded_zip_fine_tunes_the_bundled_network_which_then_answers_on_classify(
    server: str, browser_page: OpenPage
) -> None:
    page = browser_page()
    page.goto(f"{server}/train")
    _order(page, epochs=100)
    page.wait_for_url("**run=four-shapes-*", timeout=60_000)
    page.get_by_text("from φ = −4, trained here", exact=True).wait_for(timeout=60_000)
    first = _epoch(page, beyond=0)
    assert _epoch(page, beyond=first) > first
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("heading", name="Four shapes stopped").wait_for(timeout=60_000)
    page.get_by_role("button", name="Resume").click(timeout=60_000)
    page.get_by_role("button", name="Use it on Classify").click(timeout=120_000)
    answers = page.locator("table.answers").first
    answers.wait_for(timeout=60_000)
    page.get_by_role("heading", name="Four shapes", exact=True).first.wait_for()
    assert set(answers.locator("tbody th").all_inner_texts()) == set(SHAPES)
    assert "model=Four+shapes" in page.url


def _order(page: Any, *, epochs: int) -> None:
    """Fill in the form for a fine-tuning on eight pictures of each shape, and send it."""
    page.get_by_text("Your own zip").click(timeout=60_000)
    file = {"name": "shapes.zip", "mimeType": "application/zip", "buffer": drawn_zip(8)}
    page.locator(".st-key-train-zip input[type=file]").set_input_files(file)
    page.get_by_text("32 photos of 4 classes").wait_for(timeout=60_000)
    page.locator(".st-key-begin").click()
    page.get_by_role("option", name="φ = −4 · trained here").click()
    page.get_by_text("How it is trained").click()
    for key, text in (("tune_epochs", str(epochs)), ("train-name", "Four shapes")):
        box = page.locator(f".st-key-{key} input")
        box.fill(text)
        box.press("Enter")
    page.wait_for_url(f"**tune_epochs={epochs}*", timeout=60_000)
    page.get_by_role("button", name="Start training", disabled=False).click()


def _epoch(page: Any, *, beyond: int) -> int:
    """Wait until the run is past an epoch; return the one that it is in."""
    text = page.wait_for_function(
        r"""beyond => [...document.querySelectorAll("[data-testid=stProgress]")]
            .map(bar => bar.textContent.match(/Epoch (\d+) of/)?.[1])
            .find(epoch => Number(epoch) > beyond)""",
        arg=beyond,
        timeout=60_000,
    )
    return int(text.json_value())
