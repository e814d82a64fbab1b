"""The parts of Explain in Chromium, each by its address, with the bundled model where it serves."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
SMALL = quote("φ = −4 · trained here")
LAST = {
    "Ledger": ".st-key-ledger-html button",
    "Trust": ".st-key-evidence-range",
    "Sizes": ".agreement",
    "Probe": ".st-key-probe-csv button",
    "Numbers": ".sums",
}
"""What a part draws last."""


def address(server: str, part: str, **others: str) -> str:
    more = "".join(f"&{key}={quote(text)}" for key, text in others.items())
    return f"{server}/explain?part={part}&picture=Coffee&model={SMALL}{more}"


def drawn(page: Any, part: str) -> None:
    """Wait until the part is there as a whole."""
    page.locator(LAST[part]).first.wait_for(timeout=120_000)


def saved(page: Any, label: str, folder: Path) -> str:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("part", LAST)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_part_is_an_address_and_fits(
    server: str, browser_page: OpenPage, part: str, width: int, scheme: str
) -> None:
    page = browser_page(width=width, height=900, color_scheme=scheme)
    page.goto(address(server, part))
    drawn(page, part)
    assert page.get_by_role("radio", name=part).is_checked()
    assert page.get_by_text("Something went wrong").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('[data-testid=stMain] *')].filter(one =>"
    wide += " one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === 'auto'"
    scrolling = "[data-testid=stDataFrame], .sums, .st-key-part"  # the last at a phone's foot
    assert page.evaluate(f"{wide} && !one.closest('{scrolling}')).length") == 0
    shown = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", shown)[:3])) < 380) == (scheme == "dark")
    assert all(image.get_attribute("alt") for image in page.locator("img").all())


def test_parts_are_chosen_and_used_by_keyboard(server: str, browser_page: OpenPage) -> None:
    page = browser_page()
    page.goto(address(server, "Ledger"))
    drawn(page, "Ledger")
    page.get_by_role("radio", name="Ledger").focus()
    page.keyboard.press("ArrowRight")
    if not page.get_by_role("radio", name="Trust").is_checked():
        page.keyboard.press("Space")
    page.wait_for_url("**part=Trust*")
    drawn(page, "Trust")
    page.goto(address(server, "Ledger"))
    drawn(page, "Ledger")
    page.get_by_role("combobox", name=re.compile("and not")).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile(" minus ")).first.wait_for(timeout=60_000)
    assert "against=" in page.url


def test_the_ledger_and_the_verdict_can_be_taken_home(
    server: str, browser_page: OpenPage, tmp_path: Path
) -> None:
    page = browser_page(accept_downloads=True)
    page.goto(address(server, "Ledger"))
    drawn(page, "Ledger")
    header, *rows = saved(page, "Ledger (CSV)", tmp_path).splitlines()
    assert header.startswith("part,row,column,channel,share of the logit")
    parts = [(row.split(",")[0], float(row.rsplit(",", 1)[1])) for row in rows]
    logit = dict(parts)["logit"]
    added = sum(share for part, share in parts if part in ("place", "bias", "rounding"))
    assert added == pytest.approx(logit, abs=1e-9)
    page.goto(address(server, "Trust"))
    drawn(page, "Trust")
    verdict = page.locator("strong").first.inner_text()
    file = saved(page, "Everything (HTML)", tmp_path)
    assert file.count("<svg") == 3
    assert verdict.partition(":")[0].removesuffix(".") in file


def test_trust_is_of_the_map_on_screen(server: str, browser_page: OpenPage) -> None:
    page = browser_page()
    page.goto(address(server, "Maps", method="Layer-CAM", layer="3"))
    page.get_by_text("values at stage 3").wait_for(timeout=120_000)
    page.get_by_role("radio", name="Trust").click()
    drawn(page, "Trust")
    page.get_by_text(re.compile("Layer-CAM by .*stage 3", re.S)).first.wait_for()
    assert "Layer-CAM" in page.locator("[data-testid=stImage] img").first.get_attribute("alt")


def test_what_it_really_is_stands_in_the_address(server: str, browser_page: OpenPage) -> None:
    page = browser_page()
    page.goto(address(server, "Sizes", truth="tench (0)"))
    page.get_by_text("None of the 3 says tench first.").wait_for(timeout=120_000)
    assert "truth=tench" in page.url
    page.get_by_role("combobox", name="It really is").fill("hen-of-the-woods")
    page.keyboard.press("Enter")
    page.get_by_text("None of the 3 says hen-of-the-woods first.").wait_for(timeout=120_000)
    page.wait_for_url("**truth=hen-of-the-woods*")
