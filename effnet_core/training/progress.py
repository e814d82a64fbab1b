"""How long a run has been going and how fast it trains, over all its resumptions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Two clocks that go from now on: `seconds` of the run, and `training` without what was aside.

    `seconds` and `training` are what they showed when the run was last saved.
    """

    def __init__(self, seconds: float = 0.0, training: float = 0.0) -> None:
        self._seconds, self._aside = seconds, seconds - training
        self._started = time.monotonic()

    @property
    def here(self) -> float:
        """Seconds since this resumption."""
        return time.monotonic() - self._started

    @property
    def seconds(self) -> float:
        """Seconds of the whole run."""
        return self._seconds + self.here

    @property
    def training(self) -> float:
        """Seconds of the whole run that went into training."""
        return self.seconds - self._aside

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What the block takes is no training: judging, saving."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self._aside += time.monotonic() - begun
