"""From starting the server, or the command line, to what a person sees first; and what it takes.

The first page stands beside a bare Streamlit page with the same widgets, the first answer on
Classify beside the first page, and `effnet classify` beside its own start and a script that knows
ONNX Runtime alone. `python -m benchmarks.first_answers` prints the rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as PlaywrightError

from benchmarks.browser import BARE, IDLE, QUIET_MS, WATCH, chromium, wait_drawn
from benchmarks.limits import largest, limited
from benchmarks.protocol import Plan
from benchmarks.rows import Peer, Row, beside, compare
from benchmarks.serving import ROOT, Server, bare, by_module, serving, set_up
from benchmarks.table import text
from effnet_core.engines.onnx.graph import whole_graph
from effnet_core.images.samples import load_sample
from effnet_core.weights import DEFAULT, WeightsStore

STARTS, CLICKS = 5, 8
FIRST_PAGE, FIRST_ANSWER, COMMAND = 1.3, 2.0, 2.5
MEMORY_MB, CLICK_MS = 450.0, 150.0
PLAN = Plan(rounds=5, seconds=0.1, untimed=1, tries=1)  # children count as others
EFFNET = (sys.executable, "-m", "effnet_core.cli")
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


def rows() -> tuple[Row, ...]:
    """Every row; raises RuntimeError where Chromium, the server or a page cannot be used."""
    set_up()
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        _run(cache, "weights", "prepare")
        try:
            with chromium() as browser:
                found = [*starts(browser, cache), *used(browser, cache)]
        except PlaywrightError as error:
            raise RuntimeError(f"A page did not do what was asked: {error.message}") from error
        return (*found, *commands(cache))


def starts(browser: Browser, cache: Path) -> tuple[Row, Row]:
    """From asking for a server's process to the first page drawn, or the first answer, by turns."""
    ways = {
        "scale": partial(_started, browser, "", wait_drawn, cache=cache),
        "bare": partial(_started, browser, "", wait_drawn, command=bare),
        "classify": partial(_started, browser, "/classify", _answered, cache=cache),
    }
    times: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(STARTS):
        for name, way in ways.items():
            times[name].append([way()])
    first, answer = "server start to first page drawn", "server start to first answer on Classify"
    return (
        beside(first, times["scale"], BARE, times["bare"], FIRST_PAGE),
        beside(answer, times["classify"], "first page drawn", times["scale"], FIRST_ANSWER),
    )


def _started(
    browser: Browser,
    path: str,
    wait: Callable[[Page], None],
    *,
    command: Callable[[int], list[str]] = by_module,
    cache: Path | None = None,
) -> float:
    """Milliseconds of one start; the browser has nothing cached."""
    context = browser.new_context()
    with serving(command, cache=cache) as server:
        server.wait_healthy()
        page = context.new_page()
        page.goto(server.url + path)
        wait(page)
        found = (time.perf_counter() - server.started) * 1e3
    context.close()
    return found


def _answered(page: Page) -> None:
    page.get_by_text("All 3 models say").wait_for(timeout=60_000)


def used(browser: Browser, cache: Path) -> tuple[Row, Row]:
    """The server's memory once Classify and Explain were used, and a click on a cell of a layer."""
    with serving(cache=cache) as server:
        server.wait_healthy()
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{server.url}/classify")
        _answered(page)
        page.goto(f"{server.url}/explain?part=Ledger")
        page.locator("[class*=st-key-ledger-html]").wait_for(timeout=60_000)
        page.goto(f"{server.url}/explain")
        page.locator(".colour-bar").first.wait_for(timeout=60_000)
        if server.has_loaded("libtorch"):
            raise RuntimeError("Classify and Explain were used with packaged models: torch loaded.")
        name = "server's memory, Classify and Explain used with packaged models"
        memory = largest(name, [server.megabytes], MEMORY_MB, unit="MB")
        clicks = _clicks(page, server)
    return memory, limited("a click on a cell, beyond what redrawing takes", clicks, CLICK_MS)


def _clicks(page: Page, server: Server) -> list[float]:
    """Milliseconds of each first click on a cell, less the median of clicks on known ones."""
    page.goto(f"{server.url}/explain?part=Numbers")
    page.locator(".sums").wait_for(timeout=60_000)
    page.evaluate(WATCH)
    page.wait_for_timeout(1000)
    places = [(0.1 + 0.1 * turn, 0.15) for turn in range(CLICKS)]
    new, known = ([_click(page, *place) for place in places] for _ in range(2))
    usual = sorted(known)[len(known) // 2]
    return [each - usual for each in new]


def _click(page: Page, across: float, down: float) -> float:
    canvas = page.locator(".cells canvas")
    box = canvas.bounding_box()
    if box is None:
        raise RuntimeError("The map of cells was not found.")
    canvas.click(position={"x": box["width"] * across, "y": box["height"] * down})
    page.wait_for_function(IDLE, arg=QUIET_MS, timeout=20_000)
    return float(page.evaluate("watch.last - watch.released"))


def commands(cache: Path) -> tuple[Row, ...]:
    """`effnet classify` with every default beside `effnet --help` and a raw script together."""
    with _picture_and_graph() as (picture, graph):
        ours = partial(_run, cache, "classify", picture)

        def apart() -> None:
            _run(cache, "--help")
            _raw(graph, picture)

        said = json.loads(_run(cache, "classify", picture, "--json"))
        expected = int(_raw(graph, picture).split()[0])
        top = said[0]["top"][0]["index"]
        if top != expected:
            raise RuntimeError(f"The raw script says class {expected}, and not {top}.")
        peer = Peer(name="`effnet --help` + a raw script", call=apart, target=COMMAND)
        return compare("`effnet classify` of one picture", ours, [peer], PLAN)


@contextmanager
def _picture_and_graph() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        picture, graph = Path(folder) / "cup.jpg", Path(folder) / "graph.onnx"
        picture.write_bytes(load_sample("coffee"))
        loaded = WeightsStore().source(DEFAULT).load()
        graph.write_bytes(whole_graph(loaded.spec, loaded.tensors))
        yield str(picture), str(graph)


def _raw(graph: str, picture: str) -> str:
    script = str(ROOT / "benchmarks" / "raw_answer.py")
    return _output([sys.executable, script, graph, picture])


def _run(cache: Path, *arguments: str) -> str:
    return _output([*EFFNET, *arguments], EFFNET_CACHE=str(cache))


def _output(command: list[str], **environment: str) -> str:
    found = subprocess.run(
        command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if found.returncode:
        raise RuntimeError(f"{' '.join(command[1:4])} failed: {found.stderr[-200:]}")
    return found.stdout


if __name__ == "__main__":
    print(text(rows()))
