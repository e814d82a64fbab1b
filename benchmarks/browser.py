"""Time Scale in Chromium: a step of φ under the hand, and the redraw after release.

Beside it stands a bare Streamlit page with the same widgets and one chart (`bare_page`), served at
the same time and moved in turn. `python -m benchmarks.browser` prints the rows.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from benchmarks import steps
from benchmarks.limits import largest
from benchmarks.rows import Row, beside, slow_end
from benchmarks.serving import Server, bare, serving, visitors
from benchmarks.table import text

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
RELEASE, STEP = 1.1, 0.25
"""Targets beside the bare page's release: of a release, and of a step under the hand."""
MEMORY_MB = 300.0
ROUNDS, RELEASES, READINGS, OTHERS, QUIET_MS = 6, 7, 10, 9, 250
BARE = "bare Streamlit page"
AFTER = "release to redrawn, after a map by torch"

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
    with chromium() as browser, serving() as server, serving(bare) as other:
        server.wait_healthy()
        other.wait_healthy()
        page, peer = opened(browser, server.url), opened(browser, other.url)
        picture = opened(browser, f"{server.url}/?show=Architecture")
        _, theirs = by_turns(page, peer)
        found = dragged(page, "growth", steps.GROWTH, theirs)
        found += dragged(picture, "picture and table", steps.ARCHITECTURE, theirs)
        found += redraws("release to redrawn", page, peer)
        found += redraws("release to redrawn, architecture", picture, peer)
        picture.close()
        found.append(memory(browser, page, server))
        map_by_torch(browser, server)
        found += redraws(AFTER, page, peer)
        found += among_others(page, server, peer, other)
    return tuple(found)


def among_others(page: Page, server: Server, peer: Page, other: Server) -> list[Row]:
    """As `redraws`, while other sessions move φ once a second: first here, then there."""
    times = []
    for shown, theirs in ((page, server), (peer, other)):
        with visitors(theirs, OTHERS) as drawn:
            times.append([releases(shown) for _ in range(ROUNDS)])
        if min(drawn) < 5:
            raise RuntimeError(f"The sessions beside the browser's drew only {drawn} times.")
    name = f"{AFTER}, {OTHERS} others"
    return [
        beside(name, times[0], f"{BARE}, {OTHERS} others", times[1], RELEASE),
        slow_end(name, times[0], f"{BARE}, {OTHERS} others", times[1]),
    ]


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
    last = (".st-key-ratio .mark path", ".stages tbody tr:nth-child(9)", ".trace:nth-child(5)")
    page.locator(", ".join(last)).first.wait_for()


def dragged(
    page: Page, what: str, parts: Sequence[str], theirs: Sequence[Sequence[float]]
) -> list[Row]:
    """Drag φ from one end to the other and let go; `theirs` are the bare page's releases."""
    place = thumb(page)
    page.mouse.move(*place(thumb_phi(page)))
    page.mouse.down()
    peer = steps.Redraws(f"{BARE}, release to redrawn", theirs, STEP)
    found = steps.rows(page, what, parts, place, peer)
    release(page)
    return found


def redraws(name: str, page: Page, peer: Page) -> list[Row]:
    """Let go of φ at one place after the other, here and on the bare page by turns."""
    ours, theirs = by_turns(page, peer)
    return [beside(name, ours, BARE, theirs, RELEASE), slow_end(name, ours, BARE, theirs)]


def by_turns(page: Page, peer: Page) -> tuple[list[list[float]], list[list[float]]]:
    """Rounds of releases of both pages; the one that begins changes."""
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    pairs = [(page, ours), (peer, theirs)]
    for _ in range(ROUNDS):
        for shown, found in pairs:
            shown.bring_to_front()
            found.append(releases(shown))
        pairs.reverse()
    page.bring_to_front()
    return ours, theirs


def releases(page: Page) -> list[float]:
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
    return times


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


def map_by_torch(browser: Browser, server: Server) -> None:
    """Ask Explain for a method of captum's, which a process apart answers, and wait for its map."""
    page = browser.new_page()
    page.goto(f"{server.url}/explain?method=Integrated+gradients")
    page.locator(".colour-bar").first.wait_for(timeout=120_000)
    page.close()
    if server.has_loaded("libtorch"):
        raise RuntimeError("A map by integrated gradients was drawn, and the server loaded torch.")


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
