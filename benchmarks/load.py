"""How much of the machine other programs take while something is timed."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")
_IDLE = (3, 4)  # idle and waiting for a disk; what runs in guests is already in user and nice
_LAST = 8


class Watch:
    """Counts from when it is made. Where the system does not tell (not Linux), others are 0."""

    def __init__(self) -> None:
        self._busy, self._own, self._start = _busy_seconds(), _own_seconds(), time.perf_counter()

    def others(self) -> float:
        """The part of all cores' time that others have had since, from 0 to 1.

        The system counts in hundredths of a second: over a tenth it is known to about 5 %.
        """
        elapsed = (time.perf_counter() - self._start) * (os.cpu_count() or 1)
        taken = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        return min(1.0, max(0.0, taken / elapsed))


def _busy_seconds() -> float:
    """Seconds that all cores together have worked, since the system started."""
    try:
        fields = STAT.read_text(encoding="ascii").split(maxsplit=11)[1 : _LAST + 1]
    except OSError:
        return 0.0
    ticks = sum(int(ticks) for place, ticks in enumerate(fields) if place not in _IDLE)
    return ticks / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """Seconds that this process has worked, all of its threads together."""
    return time.process_time()
