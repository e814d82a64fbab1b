"""How far a training is, on standard error: a bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

from effnet_core.cli.family import readable_time
from effnet_core.cli.streams import say

if TYPE_CHECKING:
    from effnet_core.training.runs.folder import Status

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} steps{postfix}"


class Follower:
    """Shows each status that it is called with, as `loop.run` reports them."""

    def __init__(self) -> None:
        self._bar: tqdm[None] | None = None
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._epoch: int | None = None

    def __call__(self, status: Status) -> None:
        """Show how far the run is."""
        if status.state != "running":
            return
        if self._terminal:
            self._draw(status)
        elif self._epoch is not None and status.epoch > self._epoch:
            say(f"Epoch {status.epoch} of {status.epochs}: {_known(status)}")
        self._epoch = status.epoch

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def _draw(self, status: Status) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=status.steps, initial=status.step, bar_format=_BAR, leave=False, delay=0
            )
        at = min(status.epoch + 1, status.epochs)
        self._bar.set_description_str(f"Epoch {at} of {status.epochs}", refresh=False)
        self._bar.set_postfix_str(_known(status), refresh=False)
        self._bar.update(status.step - self._bar.n)
        self._bar.refresh()


@contextmanager
def following() -> Iterator[Follower]:
    """A Follower that leaves no bar behind."""
    follower = Follower()
    try:
        yield follower
    finally:
        follower.close()


def _known(status: Status) -> str:
    parts = []
    if status.loss is not None:
        parts.append(f"loss {status.loss:.3f}")
    if status.top1 is not None:
        parts.append(f"held-out top-1 {status.top1:.1%}")
    if status.photos_per_second is not None:
        parts.append(f"{status.photos_per_second:,.0f} photos/s")
    if status.seconds_left is not None:
        parts.append(f"{readable_time(status.seconds_left)} left")
    return ", ".join(parts)
