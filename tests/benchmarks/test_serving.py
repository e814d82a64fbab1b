"""The server that a benchmark starts: the command a person gives, and none of it left behind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.browser import wait_drawn
from benchmarks.serving import bare, serving

# As make does, it ends once its child has, of which nothing is left then.
CHILD = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: None)
subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"])
"""


@pytest.mark.browser
def test_the_bare_page_has_the_widgets_that_scale_has(
    server: str, browser_page: Callable[..., Any]
) -> None:
    kinds = ("stSlider", "stButtonGroup", "stNumberInput", "stSelectbox", "stTextInput", "stMetric")
    here, there = browser_page(), browser_page()
    here.goto(server)
    with serving(bare) as other:
        other.wait_healthy()
        there.goto(other.url)
        for page in (here, there):
            wait_drawn(page)
            page.get_by_text("More settings").click()
            page.get_by_text("Number format").wait_for()
            page.locator("[data-testid=stNumberInput]").nth(3).wait_for()  # its script comes late
        counts = [
            [page.locator(f"[data-testid={kind}]").count() for kind in kinds]
            for page in (here, there)
        ]
    assert counts[0] == counts[1]


def test_what_the_command_started_ends_with_it() -> None:
    with serving(lambda port: [sys.executable, "-c", CHILD]) as server:
        group = server.process.pid
        children = Path(f"/proc/{group}/task/{group}/children")
        while not children.read_text(encoding="ascii"):
            time.sleep(0.01)
        child = int(children.read_text(encoding="ascii"))
        assert os.getpgid(child) == group
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
