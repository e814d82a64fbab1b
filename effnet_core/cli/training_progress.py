"""How far a training is, on standard error: a bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

from effnet_core.cli.streams import say

if TYPE_CHECKING:
    from effnet_core.training.runs.run import Status

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {unit}s{postfix}"


class Follower:
    """Shows each status that it is called with, as `loop.run` reports them, under the run's name.

    A name that is not the last one's begins a new bar.
    """

    def __init__(self) -> None:
        self._bar: tqdm[None] | None = None
        self._shown = ""
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._epoch: int | None = None

    def __call__(self, status: Status, name: str = "") -> None:
        """Show how far the run is."""
        if status.state != "running":
            self._epoch = None
            return
        before = f"{name}: " if name else ""
        if self._terminal:
            at = min(status.epoch + 1, status.epochs)
            said = f"{before}Epoch {at} of {status.epochs}"
            self._draw(name, "step", status.step, status.steps, said, _known(status))
        elif self._epoch is not None and status.epoch > self._epoch:
            say(f"{before}Epoch {status.epoch} of {status.epochs}: {_known(status)}")
        self._epoch = status.epoch

    def validating(self, name: str, done: int, total: int) -> None:
        """Show how far the look at the validation photos is."""
        if self._terminal:
            self._draw(f"{name}, validation", "photo", done, total, f"{name}, validation")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def _draw(self, what: str, unit: str, done: int, total: int, said: str, more: str = "") -> None:
        if self._shown != what:
            self.close()
        if self._bar is None:
            self._bar = tqdm(
                total=total, initial=done, unit=unit, bar_format=_BAR, leave=False, delay=0
            )
            self._shown = what
        self._bar.set_description_str(said, refresh=False)
        self._bar.set_postfix_str(more, refresh=False)
        self._bar.update(done - self._bar.n)
        self._bar.refresh()


@contextmanager
def following() -> Iterator[Follower]:
    """A Follower that leaves no bar behind."""
    follower = Follower()
    try:
        yield follower
    finally:
        follower.close()


def readable_time(seconds: float) -> str:
    """A duration as people read it, such as "1 h 05 min" or "48 s"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


def _known(status: Status) -> str:
    parts = []
    if status.loss is not None:
        parts.append(f"loss {status.loss:.3f}")
    if status.top1 is not None:
        parts.append(f"held-out top-1 {status.top1:.1%}")
    if status.class_mean is not None:
        parts.append(f"mean of the classes {status.class_mean:.1%}")
    if status.photos_per_second is not None:
        parts.append(f"{status.photos_per_second:,.0f} photos/s")
    if status.seconds_left is not None:
        parts.append(f"{readable_time(status.seconds_left)} left")
    return ", ".join(parts)
