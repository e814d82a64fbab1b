"""A step of φ under the hand, timed in the browser from the event to what it has changed.

The clock of a step starts when the page hears of the pointer's move (`pointermove`, before any of
its other listeners). It stops once the slider has been drawn anew and everything that follows it
has been written, read-outs, marks, picture and table, and style and layout of all of it have been
computed: an observer of the slider's words that was registered after all of the page's runs after
them. Painting is no part of it, nor is the wait for a frame; how long after the move the frame is
done that shows the step stands in a row of its own, without a limit: the page hears of a move at
the start of a frame, and draws what it changes with the next one.

Moves come one at a time, each after the last one's frame. A benchmark whose clock stopped too early
would be quick: what the page says is read before the move, when the clock stops and after the
frame. Every part has to differ between the first two and be the same in the last two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from playwright.sync_api import Page

from benchmarks.protocol import summary
from benchmarks.rows import Row, beside, slow_end

MOVES = tuple(tenth / 10 for tenth in range(-50, 80))
SLIDER = ".st-key-phi :is(p, input)"  # its words; whether the pointer is over it is none of them
GROWTH = (SLIDER, ".st-key-headline", ".mark")
ARCHITECTURE = (SLIDER, ".st-key-headline", ".stages")
"""Selectors of what follows φ in either view: the slider, the read-outs, and what is drawn."""

# A move's own time stamp is when the browser was told of it.
WATCH = """parts => {
  const said = () => parts.map(part => [...document.querySelectorAll(part)]
    .map(one => one.outerHTML).join(""));
  const end = new AbortController();
  const hand = window.hand = { steps: [], moved: null };
  addEventListener('pointermove', event => {
    if (!event.buttons) return;
    hand.moved = { before: said(), told: event.timeStamp };
    hand.moved.start = performance.now();
  }, { capture: true, signal: end.signal });
  const observer = new MutationObserver(() => {
    if (!hand.moved) return;
    document.body.getBoundingClientRect();
    const { before, told, start } = hand.moved;
    const laid_out = performance.now() - start;
    hand.moved = null;
    const stopped = said();
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        const shown = performance.now() - told;
        const after = said();
        hand.steps.push({ laid_out, shown, drawn: stopped.map((text, i) =>
          text !== "" && text !== before[i] && text === after[i]) });
      };
      port2.postMessage(0);
    });
  });
  observer.observe(document.body, {
    subtree: true, attributes: true, attributeFilter: ['aria-valuetext'],
  });
  hand.end = () => { end.abort(); observer.disconnect(); };
}"""


@dataclass(frozen=True)
class Step:
    """Milliseconds of one step until it is laid out, and until its frame is done.

    `drawn` tells for every part whether it had changed when the clock of `laid_out` stopped, and
    did not change after that.
    """

    laid_out: float
    shown: float
    drawn: tuple[bool, ...]


@dataclass(frozen=True)
class Redraws:
    """What the steps stand beside: rounds of milliseconds of a peer, and the target."""

    name: str
    times: Sequence[Sequence[float]]
    target: float


def rows(
    page: Page,
    what: str,
    parts: Sequence[str],
    place: Callable[[float], tuple[float, float]],
    peer: Redraws,
) -> list[Row]:
    """Drag φ from one end to the other; `place` is where on the page the thumb stands for a φ.

    The thumb is held already, and stays held.
    """
    found = taken(page, parts, (place(phi) for phi in MOVES))
    require_followed(found, parts, len(MOVES))
    shown = summary([step.shown for step in found])
    count = -(-len(found) // len(peer.times))
    times = [[step.laid_out for step in found[i : i + count]] for i in range(0, len(found), count)]
    name = f"a step of φ under the hand, {what}"
    return [
        beside(name, times, peer.name, peer.times, peer.target),
        slow_end(name, times, peer.name, peer.times),
        Row(
            name=f"a step of φ from the hand to the end of its frame, {what}",
            peer_name="–",
            ours=shown.median,
            ours_quartiles=(shown.low, shown.high),
            passes=len(found),
        ),
    ]


def taken(
    page: Page, parts: Sequence[str], places: Iterable[tuple[float, float]]
) -> tuple[Step, ...]:
    """Move the pointer to one place after the other, each once the last step's frame is done.

    The page is left without anything that watches it.
    """
    page.evaluate(WATCH, list(parts))
    for number, (x, y) in enumerate(places, start=1):
        page.mouse.move(x, y)
        page.wait_for_function("number => hand.steps.length >= number", arg=number, timeout=5000)
    page.evaluate("hand.end()")
    return tuple(
        Step(values["laid_out"], values["shown"], tuple(values["drawn"]))
        for values in page.evaluate("hand.steps")
    )


def require_followed(found: Sequence[Step], parts: Sequence[str], moves: int) -> None:
    """Raise RuntimeError where a clock stopped before its step was drawn, or a move has none."""
    if len(found) != moves:
        raise RuntimeError(f"{moves} moves of φ under the hand gave {len(found)} steps.")
    for number, step in enumerate(found, start=1):
        late = [part for part, drawn in zip(parts, step.drawn, strict=True) if not drawn]
        if late:
            raise RuntimeError(f"At move {number} of φ the clock stopped before {late[0]} changed.")
