"""The Scale page as a person meets it, in Chromium."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from effnet_core.architecture.names import scaled
from effnet_core.architecture.scaling import STRATEGIES
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import analyze, summarize

pytestmark = pytest.mark.browser

PARAMETERS = "[data-testid=stMetricValue]"
CURRENT_MARK = ".st-key-growth .mark path"
OpenPage = Callable[..., Any]


def ready(page: Any, url: str) -> Any:
    page.goto(url)
    page.locator(PARAMETERS).nth(3).wait_for()  # the four arrive one by one, in any order
    return page


def parameters(page: Any) -> str:
    return str(page.locator(PARAMETERS).first.inner_text())


def wait_for_parameters(page: Any, text: str) -> None:
    page.locator(PARAMETERS).first.filter(has_text=text).wait_for(timeout=15_000)


def place_of_mark(page: Any) -> float:
    mark = page.locator(CURRENT_MARK)
    mark.wait_for()
    return float(mark.bounding_box()["x"])


def move_phi(page: Any, *keys: str) -> None:
    page.locator(".st-key-phi input[type=range]").focus()
    for key in keys:
        page.keyboard.press(key)


def test_phi_moves_by_keyboard_and_the_url_holds_it(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), server)
    assert parameters(page) == "5.29 M"
    before = place_of_mark(page)
    move_phi(page, "ArrowRight")
    wait_for_parameters(page, "7.82 M")
    page.wait_for_function("() => location.search.includes('phi=0.1')")
    page.wait_for_function(
        "([mark, x]) => document.querySelector(mark)?.getBoundingClientRect().x > x",
        arg=[CURRENT_MARK, before],
    )


def test_no_press_is_lost_however_fast(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), server)
    for phi in ("0.4", "0.8", "1.2", "1.6"):
        move_phi(page, *["ArrowRight"] * 4)
        page.wait_for_timeout(1500)  # long enough for a late answer to put φ back
        assert page.locator(".st-key-phi input[type=range]").input_value() == phi
        assert page.url.endswith(f"?phi={phi}")
        page.get_by_role("heading", name=f"φ = {phi}").wait_for()


def test_a_shared_url_opens_the_same_state(server: str, browser_page: OpenPage) -> None:
    address = f"{server}/?phi=1.5&strategy=width&show=Architecture&stage=4&block=2&a=b4"
    page = ready(browser_page(), address)
    page.get_by_role("heading", name="Stage 4, block 2: its inside").wait_for()
    url, shown = page.url, parameters(page)
    other = ready(browser_page(), url)
    other.get_by_role("heading", name="Stage 4, block 2: its inside").wait_for()
    assert (other.url, parameters(other)) == (url, shown)


def test_a_click_on_the_picture_chooses_a_block(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(height=1600), f"{server}/?show=Architecture")
    slab = page.locator(".picture .slabs rect").nth(5)
    slab.wait_for()
    box = slab.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_role("heading", name="Stage 3, block 2: its inside").wait_for()
    page.wait_for_function("() => location.search.includes('stage=3&block=2')")


def test_another_page_and_back_keeps_the_state(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), f"{server}/?phi=2.5")
    shown = parameters(page)
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("heading", name="Compare", exact=True).wait_for()
    page.get_by_role("link", name="Scale").click()
    wait_for_parameters(page, shown)
    assert "phi=2.5" in page.url


def test_back_and_forward_keep_the_state(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), server)
    move_phi(page, "ArrowRight")
    wait_for_parameters(page, "7.82 M")
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("heading", name="Compare", exact=True).wait_for()
    page.wait_for_url("**/compare*")
    page.go_back()
    wait_for_parameters(page, "7.82 M")
    assert page.url.endswith("/?phi=0.1")
    page.go_forward()
    page.get_by_role("heading", name="Compare", exact=True).wait_for()
    assert "/compare" in page.url
    page.go_back()
    wait_for_parameters(page, "7.82 M")


def test_a_preset_taken_back_leaves_the_address(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), server)
    entries = page.evaluate("history.length")
    page.get_by_role("button", name="Fast compound").click()
    page.wait_for_function("() => location.search.includes('alpha=')")
    page.get_by_role("button", name="Reset to the paper").click()
    page.wait_for_function("() => location.search === ''")
    assert page.evaluate("history.length") == entries


def test_the_address_scale_opens_scale(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), f"{server}/scale?phi=0.1")
    wait_for_parameters(page, "7.82 M")
    assert page.url.endswith("/?phi=0.1")
    assert page.get_by_text("Page not found").count() == 0


def test_nothing_sticks_out_on_a_narrow_screen(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(width=390, color_scheme="dark"), f"{server}/?phi=2&stage=4&block=2")
    for tab in ("Architecture", "Against A", "Why B1 is not φ = 1", "Verify and download"):
        assert page.evaluate(_STICKING_OUT) == []
        page.get_by_role("tab", name=tab).click()
        page.get_by_role("tabpanel", name=tab).locator("h3").first.wait_for()
    assert page.evaluate(_STICKING_OUT) == []


def test_phi_and_what_it_moves_share_a_narrow_screen(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(width=390, height=844), server)
    figures = page.locator(PARAMETERS)
    assert page.locator(".st-key-phi").bounding_box()["y"] < figures.first.bounding_box()["y"]
    last = figures.last.bounding_box()
    assert last["y"] + last["height"] <= 844
    assert not page.get_by_text("Scaling rule").is_visible()  # in the sheet, until it is opened


def test_phi_stays_in_sight_while_the_results_scroll(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(width=1280, height=800), server)
    page.locator(CURRENT_MARK).wait_for()
    main, slider = page.locator("[data-testid=stMain]"), page.locator(".st-key-phi")
    before = slider.bounding_box()["y"]
    main.evaluate("main => main.scrollTo(0, 500)")
    page.wait_for_function(
        "start => document.querySelector('.st-key-phi').getBoundingClientRect().y < start",
        arg=before,
    )
    assert main.evaluate("main => main.scrollTop") == 500
    header = page.locator("[data-testid=stHeader]").bounding_box()
    assert slider.bounding_box()["y"] >= header["y"] + header["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_page(scheme: str, server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(color_scheme=scheme), server)
    page.locator(CURRENT_MARK).wait_for()
    for words in ("[data-testid=stCaptionContainer] p", ".plot .tick", ".plot .name"):
        assert page.locator(words).last.evaluate(_CONTRAST) >= 4.5, words


# WCAG's contrast of an element's words with the page, every opacity above it taken in.
_CONTRAST = """element => {
  const pixel = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const read = (...colours) => {
    pixel.globalAlpha = 1;
    for (const [colour, opacity] of colours) {
      pixel.globalAlpha = opacity; pixel.fillStyle = colour; pixel.fillRect(0, 0, 1, 1);
    }
    const parts = [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3).map(part => part / 255);
    const linear = parts.map(p => p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05;
  };
  const app = document.querySelector('[data-testid=stApp]');
  const behind = [getComputedStyle(app).backgroundColor, 1];
  let opacity = 1;
  for (let above = element; above; above = above.parentElement)
    opacity *= Number(getComputedStyle(above).opacity);
  const style = getComputedStyle(element);
  const colour = element instanceof SVGElement ? style.fill : style.color;
  const [dark, light] = [read(behind), read(behind, [colour, opacity])].sort((a, b) => a - b);
  return light / dark;
}"""


# The page itself does not scroll sideways; tabs and tables may scroll inside themselves.
_STICKING_OUT = """() => [document.querySelector('[data-testid=stMain]'), document.documentElement]
  .filter(element => element.scrollWidth > element.clientWidth).map(element => element.tagName)"""


def test_downloads_are_valid_files(server: str, browser_page: OpenPage, tmp_path: Path) -> None:
    page = ready(browser_page(), f"{server}/?phi=-6&classes=10&show=Verify+and+download")
    spec = scaled(-6, num_classes=10)

    def download(name: str) -> Path:
        with page.expect_download() as caught:
            page.get_by_role("button", name=name).click()
        target = tmp_path / str(caught.value.suggested_filename)
        caught.value.save_as(target)
        return target

    rows = list(csv.DictReader(download("Layers, CSV").read_text().splitlines()))
    assert sum(int(row["mult_adds"]) for row in rows) == summarize(spec).mult_adds
    assert len(rows) == len(analyze(spec).layers)
    curves = list(csv.DictReader(download("Curves over φ, CSV").read_text().splitlines()))
    assert {row["strategy"] for row in curves} == set(STRATEGIES)
    text = download("Architecture, JSON").read_text()
    assert json.loads(text) and ArchitectureSpec.from_json(text) == spec
    page.get_by_role("button", name="Make runnable Python").click()
    source = download("Download efficientnet").read_text()
    compile(source, "efficientnet.py", "exec")
    page.get_by_role("button", name="Make ONNX").click()
    page.get_by_role("button", name=".onnx").wait_for(timeout=90_000)
    onnx.checker.check_model(onnx.load(download(".onnx")))


def test_bad_values_in_the_address_get_a_sentence(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), f"{server}/?phi=abc&alpha=-1")
    said = page.get_by_role("alert").first.inner_text()
    assert "φ: the address says “abc”" in said and "α: the address says “-1”" in said
    assert parameters(page) == "5.29 M"
    assert "Traceback" not in page.content()


def test_every_page_has_the_style_sheet_once_and_its_name(
    server: str, browser_page: OpenPage
) -> None:
    page = ready(browser_page(), server)
    sheets = (
        "[...document.querySelectorAll('style')].filter(e => e.textContent.includes('--ground'))"
    )
    for name in ("Compare", "Classify"):
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_role("heading", name=name, exact=True).wait_for()
        page.wait_for_function(f"() => document.body.dataset.page === '{name.lower()}'")
        assert page.evaluate(f"{sheets}.length") == 1
    page.go_back()
    page.wait_for_function("() => document.body.dataset.page === 'compare'")


def test_settings_that_are_folded_still_hold(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), server)
    classes = page.get_by_label("Classes", exact=True)
    assert classes.count() == 0  # made once they are looked at
    page.get_by_text("More settings").click()
    classes.fill("10")
    classes.press("Enter")
    wait_for_parameters(page, "4.02 M")
    page.get_by_text("More settings").click()
    move_phi(page, "ArrowRight")
    page.wait_for_function("() => location.search.includes('phi=0.1')")
    assert "classes=10" in page.url
    shown = parameters(page)
    again = ready(browser_page(), page.url)
    assert parameters(again) == shown and "classes=10" in again.url
