"""A step of φ under the hand: whose clock counts, and whose stopped before anything was drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.steps import Step, require_followed, taken

PARTS = (".slider", ".read")
PAGE = """<div class="slider" aria-valuetext="0"></div><div class="read">0</div><script>
  const slider = document.querySelector(".slider"), read = document.querySelector(".read");
  addEventListener("pointermove", event => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => slider.setAttribute("aria-valuetext", `${event.clientX}`);
    port2.postMessage(0);
  });
  const write = () => { read.textContent = slider.getAttribute("aria-valuetext"); };
  new MutationObserver(() => { HOW }).observe(slider, { attributes: true });
</script>"""


def moved(page: Any, how: str) -> tuple[Step, ...]:
    """Steps of a page that draws its slider in a task of its own, and then follows it."""
    page.set_content(PAGE.replace("HOW", how))
    page.mouse.move(5, 5)
    page.locator("[aria-valuetext='5']").wait_for(state="attached")
    page.mouse.down()
    return taken(page, PARTS, [(x, 20.0) for x in (10.0, 60.0, 30.0)])


@pytest.mark.browser
def test_the_clock_stops_once_what_follows_the_slider_is_written(
    browser_page: Callable[..., Any],
) -> None:
    busy = "const end = performance.now() + 20; while (performance.now() < end); write();"
    found = moved(browser_page(), busy)
    require_followed(found, PARTS, 3)
    assert all(20 <= step.laid_out < step.shown for step in found)


@pytest.mark.browser
@pytest.mark.parametrize("how", ["setTimeout(write, 5)", "requestAnimationFrame(write)", ""])
def test_a_page_that_follows_later_or_never_is_refused(
    browser_page: Callable[..., Any], how: str
) -> None:
    found = moved(browser_page(), how)
    assert [step.drawn for step in found] == [(True, False)] * 3
    with pytest.raises(RuntimeError, match=r"move 1 of φ .* \.read changed"):
        require_followed(found, PARTS, 3)


def test_every_move_needs_a_step() -> None:
    found = (Step(1.0, 2.0, (True, True)),) * 2
    require_followed(found, PARTS, 2)
    with pytest.raises(RuntimeError, match="3 moves of φ under the hand gave 2 steps"):
        require_followed(found, PARTS, 3)


def test_one_part_that_was_late_once_is_enough() -> None:
    found = (Step(1.0, 2.0, (True, True)), Step(1.0, 2.0, (False, True)))
    with pytest.raises(RuntimeError, match=r"move 2 of φ .* \.slider changed"):
        require_followed(found, PARTS, 2)
