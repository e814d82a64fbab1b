"""Which of many engines a question about a model goes to: enough of them, and no more than needed.

A proxy sends what has the same header to the same engine. With the model's name alone a model that
everybody asks would have one engine for all; with another header each time every engine would hold
every model. So a name has a number behind it, below as many as the model's share of the questions
is worth, and an engine that is busy is passed over for the next number. `benchmarks.soak.fleet`
simulates a hundred engines by these rules.
"""

from __future__ import annotations

import math
import random
import threading
from collections import Counter

from effnet_core.errors import InvalidInput

MAX_ENGINES = 10_000
PLACES, TRIES = 3, 6
"""A model has so many engines times its share of all, and so many of them are asked in turn."""
_HALVED_AFTER = 4096  # questions: what was asked long ago counts less


def places(share: float, engines: int) -> int:
    """How many numbers a model has that so large a share of the questions is about."""
    return min(engines, max(2, math.ceil(share * PLACES * engines)))


def engine_count(text: str) -> int:
    """How many engines a setting says; raises InvalidInput for anything but a whole number."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_ENGINES):
        raise InvalidInput(
            f"EFFNET_ENGINE_COUNT is to be how many engines there are, from 1 to {MAX_ENGINES:,}; "
            f"got {text!r:.40}."
        )
    return int(text)


class Spread:
    """Counts what is asked, for any number of threads."""

    def __init__(self, engines: int) -> None:
        self._engines = engines
        self._lock = threading.Lock()
        self._asked: Counter[str] = Counter()

    def numbers(self, model: str) -> list[int]:
        """The numbers to try for a question about this model, in order."""
        with self._lock:
            self._asked[model] += 1
            total = self._asked.total()
            count = places(self._asked[model] / total, self._engines)
            if total > _HALVED_AFTER:
                self._asked = Counter({name: n // 2 for name, n in self._asked.items() if n > 1})
        return random.sample(range(count), min(TRIES, count))
