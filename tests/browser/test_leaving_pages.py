"""Classify and Explain as they are left and come back to, in Chromium."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from tests.browser.measures import WATCH, broken_words, moved

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
StartServer = Callable[..., AbstractContextManager[tuple[str, subprocess.Popen[bytes]]]]
AddCheckpoint = Callable[[Any, Path], None]
ENDLESS = "method=Occlusion&occlusion.window=16&occlusion.stride=4&occlusion.batch_size=1"
LITES = [f"Lite{number} · ImageNet-1k" for number in range(3)]


def models_in(address: str) -> list[str]:
    return parse_qs(urlsplit(address).query).get("model", [])


def to_explain_and_back(page: Any) -> None:
    page.get_by_role("link", name="Explain", exact=True).click()
    page.locator("[class*=st-key-gallery-] img").first.wait_for(timeout=60_000)
    page.go_back()
    page.locator("table.answers").first.wait_for(timeout=60_000)
    page.wait_for_timeout(2000)  # whatever Streamlit does to the address, it does after drawing


def test_back_adds_no_sample_and_keeps_models_and_address(
    server: str, browser_page: OpenPage, photos: tuple[Path, ...]
) -> None:
    photo = next(path for path in photos if "bagel" in path.name)
    page = browser_page()
    page.goto(f"{server}/classify")
    page.locator("[class*=st-key-upload-] input[type=file]").set_input_files(photo)
    page.get_by_role("heading", name=photo.name).wait_for(timeout=60_000)
    page.locator("table.answers").nth(2).wait_for(timeout=60_000)
    before = page.url
    to_explain_and_back(page)
    shown = page.locator(".matrix tbody th").all_inner_texts()
    assert [text.strip() for text in shown] == [photo.name]
    assert page.locator("table.answers").count() == 3
    assert models_in(page.url) == models_in(before) == LITES


def test_back_keeps_an_own_checkpoint(
    server: str, browser_page: OpenPage, add_checkpoint: AddCheckpoint, tiny_checkpoint: Path
) -> None:
    page = browser_page()
    page.goto(f"{server}/classify?sample=Coffee")
    add_checkpoint(page, tiny_checkpoint)
    assert models_in(page.url) == ["φ = −4 · your file"]
    to_explain_and_back(page)
    assert models_in(page.url) == ["φ = −4 · your file"]
    assert page.locator("[data-testid=stAlert]").count() == 0


def test_a_phone_s_menu_closes_once_a_page_is_chosen(server: str, browser_page: OpenPage) -> None:
    page = browser_page(width=390, height=844, has_touch=True)
    page.goto(f"{server}/classify?sample=Coffee")
    page.locator("table.answers").first.wait_for(timeout=60_000)
    page.locator("[data-testid=stExpandSidebarButton]").click()
    page.locator("[data-testid=stSidebar]").get_by_role("link", name="Explain").click()
    page.locator("[class*=st-key-maps-] img").first.wait_for(timeout=60_000)
    page.locator("[data-testid=stExpandSidebarButton]").wait_for()
    links = page.locator("[data-testid=stSidebarNavLink]").all()
    boxes = [link.bounding_box() for link in links]
    assert all(box is None or box["x"] + box["width"] <= 0 for box in boxes)


@pytest.mark.parametrize("width", [1280, 390])
def test_no_word_is_broken_or_cut_and_buttons_are_even(
    server: str, browser_page: OpenPage, photos: tuple[Path, ...], width: int
) -> None:
    photo = next(path for path in photos if "minivan" in path.name)
    page = browser_page(width=width)
    four = "&".join(f"model={name}" for name in (*LITES, "φ = −4 · trained here"))
    page.goto(f"{server}/classify?{four}")
    page.locator("[class*=st-key-upload-] input[type=file]").set_input_files(photo)
    page.get_by_role("heading", name=photo.name).wait_for(timeout=60_000)
    page.locator("table.answers").nth(3).wait_for(timeout=60_000)
    assert not [word for word in broken_words(page, TEXTS) if "." not in word]
    assert not page.evaluate(CUT, f"{TEXTS}, .matrix b")
    page.goto(f"{server}/explain?picture=Rocket&model={LITES[0]}")
    page.locator("[class*=st-key-gallery-] img").nth(11).wait_for(timeout=60_000)
    assert not broken_words(page, "[class*=st-key-explain-class-] button")
    buttons = page.locator("[class*=st-key-explain-class-] button:visible")
    buttons.nth(11).wait_for(timeout=60_000)
    boxes = [one.bounding_box() for one in buttons.all()]
    assert len(boxes) == 12
    assert len({(round(box["width"]), round(box["height"])) for box in boxes}) == 1


CUT = """selector => [...document.querySelectorAll(selector)].filter(one =>
    one.clientWidth && (one.scrollWidth > one.clientWidth + 1
        || one.scrollHeight > one.clientHeight + 3)).map(one => one.textContent)"""
TEXTS = "table.answers tbody th, .card-title :is(h3, h4), .matrix :is(b, th span)"


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
@pytest.mark.parametrize(
    ("path", "last"),
    [
        ("classify", "[class*=st-key-about-]"),
        ("explain?picture=Coffee", "[class*=st-key-figure-7], [class*=st-key-gallery-] button"),
        (
            "explain?" + "&".join(f"model={name}" for name in LITES),
            "[class*=st-key-gallery-] button",
        ),
    ],
)
def test_nothing_moves_while_a_page_comes(
    server: str, browser_page: OpenPage, path: str, last: str, width: int, height: int
) -> None:
    page = browser_page(width=width, height=height)
    page.add_init_script(WATCH)
    page.goto(f"{server}/{path}")
    page.locator(last).first.wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    assert moved(page) < 0.1


def command(process: psutil.Process) -> list[str]:
    """What a process was started with; nothing of one that has ended meanwhile."""
    with suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def at_work(page: Any, process: subprocess.Popen[bytes]) -> psutil.Process:
    """The server's one process for slow answers, once it has worked for some seconds."""
    for _ in range(600):
        every = psutil.Process(process.pid).children(recursive=True)
        workers = [each for each in every if "LokyProcess" in " ".join(command(each))]
        if any(each.cpu_times().user > 3 for each in workers):
            break
        page.wait_for_timeout(100)
    (worker,) = workers
    return worker


@pytest.mark.parametrize("leave", ["close", "another method"])
def test_a_map_that_nobody_waits_for_is_ended(
    start_server: StartServer, browser_page: OpenPage, leave: str
) -> None:
    with start_server() as (url, process):
        page = browser_page()
        page.goto(f"{url}/explain?picture=Coffee&{ENDLESS}")
        worker = at_work(page, process)
        if leave == "close":
            page.close()
        else:
            page.locator(".st-key-method").get_by_role("combobox").click()
            page.get_by_role("option", name="Grad-CAM", exact=True).click()
            page.locator(".st-key-parts img").first.wait_for(timeout=60_000)
        psutil.wait_procs([worker], timeout=20)
        assert not worker.is_running()


def test_a_server_that_ends_leaves_no_work_behind(
    start_server: StartServer, browser_page: OpenPage
) -> None:
    with start_server() as (url, process):
        page = browser_page()
        page.goto(f"{url}/explain?picture=Coffee&{ENDLESS}")
        worker = at_work(page, process)
        process.terminate()
        assert process.wait(timeout=20) is not None
        psutil.wait_procs([worker], timeout=20)
        assert not worker.is_running()
