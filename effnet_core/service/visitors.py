"""Who asks, and whether the answer is still wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LOOK_S = 0.2
"""How often a question that waits looks whether somebody still wants its answer."""


def _always() -> None:
    """Want every answer."""


@dataclass(frozen=True)
class Visitor:
    """One who asks: `name` tells visitors apart, "" is nobody in particular.

    `check` is called in the thread that asked, every `LOOK_S` while it waits; what it raises ends
    the question and reaches whoever asked.
    """

    name: str = ""
    check: Callable[[], None] = _always

    def wait(self, done: Callable[[float], bool]) -> None:
        """Return once `done(seconds)` is true, which waits at most that long; else keep checking.

        Raises what `check` raises.
        """
        while not done(LOOK_S):
            self.check()


NOBODY = Visitor()
