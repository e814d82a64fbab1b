"""Time Scale in Chromium: a step of φ under the hand, the redraw after release, start, memory.

`python -m benchmarks.browser` prints the rows; each has a limit in place of a peer.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from benchmarks import steps
from benchmarks.limits import largest, limited, slowest
from benchmarks.rows import Row
from benchmarks.serving import Server, by_make, serving, set_up, visitors
from benchmarks.table import text

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
MEDIAN_MS, SLOWEST_MS, START_MS, MEMORY_MB = 150.0, 300.0, 3000.0, 300.0
TORCH_MB = 100.0  # it takes more
RELEASES, STARTS, READINGS, OTHERS, QUIET_MS = 40, 5, 10, 9, 250

# A redraw ends with the frame that shows the last change of the page, or of its address, after
# Python has run. What a screen reader is told, half a second after the hand has come to rest and on
# purpose, is no part of it. What a step under the hand is, says `benchmarks.steps`.
WATCH = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  const watch = window.watch = { released: 0, last: 0 };
  const seen = () => requestAnimationFrame(() => { watch.last = performance.now(); });
  const drawn = changes => {
    if (!changes.every(change => change.target.parentElement?.closest('.st-key-readouts')
      && change.target.closest?.('.status'))) seen();
  };
  new MutationObserver(drawn).observe(document.querySelector('[data-testid=stMain]'), {
    subtree: true, childList: true, attributes: true, characterData: true,
  });
  new MutationObserver(seen).observe(app, {
    attributes: true, attributeFilter: ['data-test-script-state'],
  });
  let address = location.href;
  (function look() {
    if (location.href !== address) { address = location.href; seen(); }
    requestAnimationFrame(look);
  })();
  addEventListener('pointerup', event => { watch.released = event.timeStamp; }, true);
}"""
IDLE = """quiet => {
  const state = document.querySelector('[data-testid=stApp]').dataset.testScriptState;
  const { last, released } = window.watch;
  return state === 'notRunning' && last > released && performance.now() - last > quiet;
}"""


def rows() -> tuple[Row, ...]:
    """Every row; raises RuntimeError where Chromium, the server or a page cannot be used."""
    try:
        return _rows()
    except PlaywrightError as error:
        raise RuntimeError(f"A page did not do what was asked: {error.message}") from error


def _rows() -> tuple[Row, ...]:
    with chromium() as browser:
        found = [start(browser)]
        with serving() as server:
            server.wait_healthy()
            page = opened(browser, server.url)
            found += dragged(page, "growth", steps.GROWTH) + redraws(page, "")
            picture = opened(browser, f"{server.url}/?show=Architecture")
            found += dragged(picture, "picture and table", steps.ARCHITECTURE)
            found += redraws(picture, ", architecture")
            picture.close()
            found.append(memory(browser, page, server))
            load_torch(browser, server)
            page = opened(browser, server.url)
            found += redraws(page, ", torch loaded")
            with visitors(server, OTHERS) as drawn:
                found += redraws(page, f", torch loaded, {OTHERS} others")
            if min(drawn) < 5:
                raise RuntimeError(f"The sessions beside the browser's drew only {drawn} times.")
    return tuple(found)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start one headless Chromium."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if executable is None:
        raise RuntimeError("Chromium was not found: on Debian, apt-get install chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*CHROMIUM_FLAGS])
        yield browser
        browser.close()


def opened(browser: Browser, url: str) -> Page:
    """Open Scale and wait until all of it stands and the browser is at rest."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    wait_drawn(page)
    page.evaluate(WATCH)
    page.wait_for_timeout(1000)
    return page


def wait_drawn(page: Page) -> None:
    """Wait for the numbers, and for the mark on the last chart or the table under the picture."""
    page.locator("[data-testid=stMetricValue]").nth(3).wait_for()
    page.locator(".st-key-ratio .mark path, .stages tbody tr:nth-child(9)").first.wait_for()


def start(browser: Browser) -> Row:
    """From `make app`, with everything installed, to the first page drawn; nothing is cached."""
    set_up()
    times = []
    for _ in range(STARTS):
        page = browser.new_context().new_page()
        with serving(by_make) as server:
            server.wait_healthy()
            page.goto(server.url)
            wait_drawn(page)
            times.append((time.perf_counter() - server.started) * 1e3)
        page.context.close()
    return limited("`make app` to first page drawn", times, START_MS)


def dragged(page: Page, what: str, parts: Sequence[str]) -> list[Row]:
    """Drag φ from one end to the other and let go at the end."""
    place = thumb(page)
    page.mouse.move(*place(thumb_phi(page)))
    page.mouse.down()
    found = steps.rows(page, what, parts, place)
    release(page)
    return found


def redraws(page: Page, when: str) -> list[Row]:
    """Let go of φ at one place after the other; each time wait until everything is redrawn."""
    place = thumb(page)
    times = []
    for turn in range(RELEASES):
        page.mouse.move(*place(thumb_phi(page)))
        page.mouse.down()
        phi = (turn * 7) % 40 / 10 - 1
        page.mouse.move(*place(phi + 0.05))
        page.mouse.move(*place(phi))
        times.append(release(page))
    return [
        limited(f"release to redrawn{when}", times, MEDIAN_MS),
        slowest(f"release to redrawn{when}, 95 %", times, SLOWEST_MS),
    ]


def thumb(page: Page) -> Callable[[float], tuple[float, float]]:
    """Return where on the page the slider's thumb stands for a φ."""
    track = page.locator(".st-key-phi [role=group] > div").bounding_box()
    if track is None:
        raise RuntimeError("The slider for φ was not found.")
    left, width = track["x"], track["width"]
    middle = track["y"] + track["height"] / 2
    return lambda phi: (left + width * (phi + 6) / 16, middle)


def thumb_phi(page: Page) -> float:
    """What the slider says."""
    return float(page.locator(".st-key-phi input[type=range]").get_attribute("aria-valuetext") or 0)


def release(page: Page) -> float:
    """Let go, wait until everything is redrawn and return the milliseconds that it took."""
    page.mouse.up()
    page.wait_for_function(IDLE, arg=QUIET_MS, timeout=20_000)
    return float(page.evaluate("watch.last - watch.released"))


def memory(browser: Browser, scale: Page, server: Server) -> Row:
    """The server's resident memory while Scale and Compare are open and φ is moved on Scale."""
    compare = browser.new_page()
    compare.goto(f"{server.url}/compare")
    compare.locator(".js-plotly-plot").first.wait_for()
    compare.wait_for_timeout(1500)
    place = thumb(scale)
    found = []
    for reading in range(READINGS):
        scale.mouse.move(*place(thumb_phi(scale)))
        scale.mouse.down()
        scale.mouse.move(*place(reading - 2))
        release(scale)
        found.append(server.megabytes)
    compare.close()
    name = f"server's memory, Scale and Compare open, largest of {READINGS} readings"
    return largest(name, found, MEMORY_MB, unit="MB")


def load_torch(browser: Browser, server: Server) -> None:
    """Open Classify, which imports torch, and wait for its page."""
    before, page = server.megabytes, browser.new_page()
    page.goto(f"{server.url}/classify")
    page.get_by_role("heading", name="Classify").wait_for()
    page.locator("[data-testid=stFileUploaderDropzone]").first.wait_for(timeout=120_000)
    page.wait_for_timeout(2000)
    page.close()
    if server.megabytes < before + TORCH_MB:
        raise RuntimeError("Classify was opened and torch was not loaded.")


def main() -> int:
    """Print the rows; return the exit code."""
    try:
        found = rows()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
