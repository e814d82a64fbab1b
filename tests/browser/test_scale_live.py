"""Scale under the hand, in Chromium: what moves before the slider for φ is let go, and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.text import count, size, times
from effnet_core.architecture.families import LITE, V2_BASE
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import scaled, variant
from effnet_core.cost.report import CostReport, analyze

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Any]
FACTS = ".facts span"
NUMBERS = "[data-testid=stMetricValue]"
RATIOS = "[data-testid=stMetricDelta]"
DRAWN = ".st-key-ratio .tick, .picture .slabs rect"
SLIDER = ".st-key-phi input[type=range]"
B0 = analyze(variant("b0")).totals


def ready(page: Any, url: str) -> Any:
    page.goto(url)
    page.locator(NUMBERS).nth(3).wait_for()
    page.locator(DRAWN).first.wait_for()
    return page


@contextmanager
def held(page: Any) -> Iterator[Callable[[float], None]]:
    """Hold the slider's thumb; what is yielded moves it to a φ. It is let go at the end."""
    track = page.locator(".st-key-phi [role=group] > div").bounding_box()
    middle = track["y"] + track["height"] / 2

    def move(phi: float) -> None:
        page.mouse.move(track["x"] + track["width"] * (phi + 6) / 16, middle)
        assert float(page.locator(SLIDER).get_attribute("aria-valuetext")) == phi

    page.mouse.move(
        track["x"]
        + track["width"] * (float(page.locator(SLIDER).get_attribute("aria-valuetext")) + 6) / 16,
        middle,
    )
    page.mouse.down()
    yield move
    page.mouse.up()


def texts(page: Any, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def require_headline(page: Any, title: str, report: CostReport) -> None:
    """The headline says what the count layer by layer says."""
    totals = report.totals
    pairs = (
        (totals.params, B0.params),
        (totals.mult_adds, B0.mult_adds),
        (totals.activations, B0.activations),
        (totals.peak_activation_bytes, B0.peak_activation_bytes),
    )
    assert texts(page, ".st-key-headline h2")[0].split("\n")[0].startswith(title)
    assert texts(page, NUMBERS) == [*(count(new) for new, _ in pairs[:3]), size(pairs[3][0])]
    assert texts(page, RATIOS) == [times(new, old) for new, old in pairs]
    assert f"{report.resolution} × {report.resolution} pixels" in texts(page, FACTS)
    assert f"{totals.blocks} blocks" in texts(page, FACTS)


def place_of(page: Any, chart: str) -> tuple[float, float]:
    box = page.locator(f".st-key-{chart} .mark path").bounding_box()
    return box["x"], box["y"]


def test_headline_and_marks_move_before_release_and_the_address_after(
    server: str, browser_page: OpenPage
) -> None:
    page = ready(browser_page(height=1600), server)
    before = {chart: place_of(page, chart) for chart in ("growth", "ratio")}
    with held(page) as move:
        for phi in (2.0, 4.5, 3.5):
            move(phi)
            require_headline(page, f"φ = {phi:g}", analyze(scaled(phi)))
        for chart, (x, y) in before.items():
            now = place_of(page, chart)
            assert now[0] > x and now[1] < y
            assert page.locator(f".st-key-{chart} .mark text").text_content() == "φ = 3.5"
        page.wait_for_timeout(500)  # time enough for Python, if it had been told
        assert page.url == f"{server}/"
        moved = place_of(page, "growth")
    page.wait_for_url("**/?phi=3.5")
    require_headline(page, "φ = 3.5", analyze(scaled(3.5)))
    again = ready(browser_page(height=1600), page.url)
    require_headline(again, "φ = 3.5", analyze(scaled(3.5)))
    assert place_of(again, "growth") == pytest.approx(moved, abs=0.6)  # half a pixel, rounded


def test_picture_and_stage_table_move_before_release(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(height=1600), f"{server}/?show=Architecture")
    with held(page) as move:
        for phi in (3.0, -2.0):
            move(phi)
            report = analyze(scaled(phi))
            slabs = page.locator(".picture .slabs rect")
            assert slabs.count() == len(report.parts)
            heights = [float(text) for text in slabs.evaluate_all(ATTRIBUTE, "height")]
            sides = [part.out_shape[1] for part in report.parts]
            tallest = max(zip(sides, heights, strict=True))
            scale = tallest[1] / tallest[0]
            assert heights == pytest.approx([side * scale for side in sides], abs=0.01)
            assert table(page) == expected_table(report)
        assert page.url == f"{server}/?show=Architecture"
    page.wait_for_function("() => location.search.includes('phi=-2')")
    assert table(page) == expected_table(analyze(scaled(-2.0)))


@pytest.mark.parametrize("family", [LITE, V2_BASE], ids=lambda family: family.word)
def test_every_family_moves_before_release(
    family: Family, server: str, browser_page: OpenPage
) -> None:
    page = ready(browser_page(height=1600), f"{server}/?family={family.word}&show=Architecture")
    with held(page) as move:
        for phi in (2.5, -3.0):
            move(phi)
            report = analyze(scaled(phi, family=family))
            title = f"{family.word.title()} φ = {phi:g}".replace("-3", "−3")
            require_headline(page, title, report)
            assert page.locator(".picture .slabs rect").count() == len(report.parts)
            assert table(page) == expected_table(report)
    page.wait_for_function("() => location.search.includes('phi=-3')")
    require_headline(page, title, report)


def test_the_picture_is_as_wide_as_the_page_when_that_changes(
    server: str, browser_page: OpenPage
) -> None:
    page = ready(browser_page(), f"{server}/?show=Architecture")
    for width in (1280, 700, 1000):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(FILLS)


FILLS = """() => {  // a hundredth of the width stays free at either end
  const [whole, slabs] = ["svg.picture", ".picture .slabs"].map(one =>
    document.querySelector(one).getBoundingClientRect());
  const free = [slabs.left - whole.left, whole.right - slabs.right];
  return free.every(gap => gap / whole.width > 0.005 && gap / whole.width < 0.015);
}"""
ATTRIBUTE = "(elements, name) => elements.map(element => element.getAttribute(name))"


def table(page: Any) -> list[list[str]]:
    rows = page.locator(".stages tbody tr")
    return rows.evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )


def expected_table(report: CostReport) -> list[list[str]]:
    names = ("stem", *"1234567"[: report.spec.stage_count], "head")
    return [
        [
            name,
            stage.title,
            f"{stage.in_shape[1]}²",
            str(stage.out_shape[0]),
            str(stage.repeats),
            str(stage.receptive_field),
            count(stage.params),
            count(stage.mult_adds),
            f"{100 * stage.mult_adds / report.totals.mult_adds:.1f} %",
            count(stage.activations),
            str(stage.stride),
        ]
        for name, stage in zip(names, report.stages, strict=True)
    ]


def test_where_there_is_no_network_the_hand_is_told_so(server: str, browser_page: OpenPage) -> None:
    page = ready(browser_page(), f"{server}/?strategy=depth")
    notice, refusal = page.locator(".notice"), page.locator(".st-key-none")
    with held(page) as move:
        move(9.0)
        assert "the cap is 2,000 blocks" in notice.inner_text()
        assert texts(page, NUMBERS) == ["–"] * 4
        move(1.0)
        assert not notice.is_visible()
        require_headline(page, "φ = 1", analyze(scaled(1, strategy="depth")))
        move(9.0)
    refusal.wait_for()
    page.locator(NUMBERS).first.wait_for(state="detached")
    assert page.locator(NUMBERS).count() == 0
    assert not notice.is_visible()
    assert "the cap is 2,000 blocks" in refusal.inner_text()
    with held(page) as move:
        move(2.0)
        assert not refusal.is_visible()
        found = analyze(scaled(2, strategy="depth")).totals
        assert f"{count(found.params)} parameters" in notice.inner_text()
    page.locator(NUMBERS).first.wait_for()
    require_headline(page, "φ = 2", analyze(scaled(2, strategy="depth")))


@pytest.mark.parametrize(
    ("query", "title"), [("phi=1.01", "φ = 1.01"), ("network=published&variant=b4", "B4")]
)
def test_a_network_at_no_step_is_marked_too(
    query: str, title: str, server: str, browser_page: OpenPage
) -> None:
    page = ready(browser_page(), f"{server}/?{query}&x=Parameters&y=FLOPs+(multiply-adds)")
    assert page.locator(".st-key-growth .mark text").text_content() == title
    spec = variant("b4") if title == "B4" else scaled(1.01)
    assert count(analyze(spec).totals.params) in page.locator(".st-key-growth .plot").get_attribute(
        "aria-label"
    )


def test_a_published_variant_is_drawn_without_networks_of_steps(
    server: str, browser_page: OpenPage
) -> None:
    page = ready(browser_page(), f"{server}/?network=published&variant=b4&show=Architecture")
    assert table(page) == expected_table(analyze(variant("b4")))
    assert texts(page, ".st-key-steps") == [""]  # what brings them says of no error


def test_a_screen_reader_hears_the_result_once_the_hand_rests(
    server: str, browser_page: OpenPage
) -> None:
    page = ready(browser_page(), server)
    page.locator(SLIDER).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    said = f"φ = 0.3: {count(analyze(scaled(0.3)).totals.params)} parameters"
    page.locator("[role=status].status").filter(has_text=said).wait_for()
