"""How two ways to the same answer are timed beside each other.

Both run in one process on the same input. After a warm-up each round times one call of ours and one
of the peer's, in alternating order, so that a change of the machine's load meets both alike. The
median of each is compared; the quartiles say how far to trust it.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

Call = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Milliseconds of one call: median and the 25 % and 75 % quantiles."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison in milliseconds; `ratio` is ours over the peer's, met at `target` or less."""

    name: str
    peer_name: str
    ours: float
    peer: float
    ours_quartiles: tuple[float, float]
    peer_quartiles: tuple[float, float]
    ratio: float
    target: float
    met: bool
    runs: int
    warm_up: int


def compare(
    name: str, ours: Call, peer_name: str, peer: Call, *, target: float, runs: int, warm_up: int = 3
) -> Row:
    """Time two calls that give the same answer, `runs` times each after `warm_up` untimed ones."""
    calls = (ours, peer)
    for call in calls * warm_up:
        call()
    times: dict[Call, list[float]] = {ours: [], peer: []}
    for turn in range(runs):
        for call in calls if turn % 2 else reversed(calls):
            start = time.perf_counter()
            call()
            times[call].append((time.perf_counter() - start) * 1e3)
    mine, other = summary(times[ours]), summary(times[peer])
    ratio = mine.median / other.median
    return Row(
        name=name,
        peer_name=peer_name,
        ours=mine.median,
        peer=other.median,
        ours_quartiles=(mine.low, mine.high),
        peer_quartiles=(other.low, other.high),
        ratio=ratio,
        target=target,
        met=ratio <= target,
        runs=runs,
        warm_up=warm_up,
    )


def summary(times: list[float]) -> Timing:
    """Return median and quartiles of at least two times."""
    low, median, high = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(median=median, low=low, high=high)


def machine() -> dict[str, str | int]:
    """Return what the times depend on: processor, cores, torch's threads, system, Python."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
