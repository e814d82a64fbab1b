"""Draw README's screenshots anew: `python scripts/screenshots.py URL [page …]`.

URL is a server's that has its models and no runs of its own, on a machine that does nothing else:
Train's shows how long the network of the drawn shapes took, for which it is trained here.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "screenshots"
WIDTH, HEIGHT = 1280, 860
CHARTS = ".js-plotly-plot .main-svg"
PAGES = {
    "scale": ("/?phi=1.5", ".st-key-ratio .mark path"),
    "classify": ("/classify?sample=Coffee", "table.answers"),
    "explain": ("/explain?picture=Coffee", "[class*=st-key-gallery-] img"),
    "compare": ("/compare", CHARTS),
    "train": ("/train", CHARTS),
}
"""Of each page its address, and what is drawn last."""
TRAINED_S, SETTLED_MS = 1800, 2500


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the pages that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("pages", nargs="*", metavar="page", choices=PAGES)
    chosen = parser.parse_args(arguments)
    executable = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for name in chosen.pages or PAGES:
            _draw(page, chosen.url, name)
        browser.close()


def _draw(page: Any, url: str, name: str) -> None:
    address, last = PAGES[name]
    page.goto(f"{url}{address}")
    if name == "train":
        _train(page)
    page.locator(last).first.wait_for(timeout=60_000)
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached", timeout=60_000)
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=FOLDER / f"{name}.png")


def _train(page: Any) -> None:
    """Begin a run where there is none, and wait until it has finished."""
    start = page.locator(".st-key-train-start button")
    start.wait_for(timeout=60_000)
    finished = page.get_by_role("heading", name="Drawn shapes finished")
    if not page.get_by_role("heading", name="Drawn shapes").count():
        start.click()
    finished.wait_for(timeout=1000 * TRAINED_S)
    page.reload()  # the form knows then how long such a run takes


if __name__ == "__main__":
    main()
