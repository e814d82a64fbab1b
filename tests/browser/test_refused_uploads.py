"""An upload that the server refuses is told in a sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.serving import serving

pytestmark = pytest.mark.browser

FULL = (
    "from app.server import serve, uploads; "
    "uploads.ROOM._max_bytes, uploads.ROOM._wait = 1, 0.0; serve({})"
)


def test_no_room_is_told_in_a_sentence(browser_page: Callable[..., Any]) -> None:
    with serving(lambda port: [sys.executable, "-c", FULL.format(port)]) as server:
        server.wait_healthy()
        page = browser_page()
        page.goto(f"{server.url}/classify?model=φ = −4 · trained here")  # soon ready
        page.locator("table.answers").first.wait_for(timeout=90_000)
        field = page.locator("[class*='st-key-upload-']").first
        picture = {"name": "mine.png", "mimeType": "image/png", "buffer": b"x" * 1000}
        field.locator("input[type=file]").set_input_files(picture)
        field.get_by_text("Others are uploading much").wait_for(timeout=30_000)
        assert "AxiosError" not in field.inner_text()
