"""How several ways to the same answer are timed beside each other.

All run in one process, on the same input, with the same number of threads. A way is timed in
blocks: a pause, some passes that are not timed, then some that are. The blocks of all ways make a
round, and each round starts with the next way, so that a change of the machine's load meets all
alike.

Passes are not alternated one by one: a runtime's threads go on spinning for some milliseconds after
a pass, and take the cores from whoever runs next. On two cores a pass of ONNX Runtime takes 6.5 ms
by itself and 10.5 ms right after one of torch. The pause lets them fall asleep, and the untimed
passes wake the block's own.

Other programs are watched: as soon as one takes a core, a pass on two threads takes as long as on
one. A block during which others had more than a small part of the processor is timed again, a few
times at most, and the block with the least of it counts; how much it was stands in the results.

A ratio is the median over rounds of one round's ratio of medians, because a shared machine may also
change its speed from one second to the next.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.load import Watch

Call = Callable[[], object]
Timer = Callable[[Call], float]
"""Calls, and gives the milliseconds that it took."""

QUIET = 0.1
"""The part of all cores' time that other programs may have had for a block to count at once."""


def by_clock(call: Call) -> float:
    """Milliseconds from asking to having it."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How often: `rounds` blocks a way, each of a pause, `untimed` calls and then timed ones.

    Calls are timed by `timer` until `seconds` have passed, and at least one is, whoever is timed. A
    block that others disturb is timed up to `tries` times.
    """

    rounds: int
    seconds: float
    untimed: int = 2
    tries: int = 4
    pause_seconds: float = 0.05
    timer: Timer = by_clock


@dataclass(frozen=True)
class Block:
    """Milliseconds of the timed calls, and which part of all cores' time others had meanwhile."""

    times: tuple[float, ...]
    others: float


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A median and the 25 % and 75 % quantiles."""

    median: float
    low: float
    high: float


def time_in_blocks(calls: Sequence[Call], plan: Plan) -> tuple[tuple[Block, ...], ...]:
    """Time every call as the module says: for each, in their order, its block of every round."""
    for call in calls:
        call()
    blocks: list[list[Block]] = [[] for _ in calls]
    for turn in range(plan.rounds):
        for step in range(len(calls)):
            place = (turn + step) % len(calls)
            blocks[place].append(_quietest(calls[place], plan))
    return tuple(map(tuple, blocks))


def summary(times: Sequence[float]) -> Timing:
    """Return median and quartiles of at least two values."""
    low, median, high = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(median=median, low=low, high=high)


def pooled(blocks: Sequence[Block]) -> Timing:
    """Median and quartiles of all timed calls together."""
    return summary([each for block in blocks for each in block.times])


def paired_ratio(ours: Sequence[Block], peer: Sequence[Block]) -> Timing:
    """Median and quartiles, over rounds, of our median divided by the peer's."""
    return summary(
        [
            statistics.median(mine.times) / statistics.median(other.times)
            for mine, other in zip(ours, peer, strict=True)
        ]
    )


def _quietest(call: Call, plan: Plan) -> Block:
    tried = [_block(call, plan)]
    while tried[-1].others > QUIET and len(tried) < plan.tries:
        tried.append(_block(call, plan))
    return min(tried, key=lambda block: block.others)


def _block(call: Call, plan: Plan) -> Block:
    time.sleep(plan.pause_seconds)
    for _ in range(plan.untimed):
        call()
    times: list[float] = []
    watch = Watch()
    while not times or sum(times) < plan.seconds * 1e3:
        times.append(plan.timer(call))
    return Block(tuple(times), watch.others())
