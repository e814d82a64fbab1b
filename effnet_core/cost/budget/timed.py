"""The free search where every network's latency has to be predicted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from effnet_core.cost.budget.bounds import Floats
from effnet_core.cost.budget.grid import Grid, Pairs, Point, price
from effnet_core.cost.budget.limits import Latency, Setting


class Best(NamedTuple):
    """The most multiply-adds so far, and the width at which they are."""

    mult_adds: int
    width: float


@dataclass(frozen=True, eq=False)
class Stopwatch:
    """Says which networks are fast enough, and remembers those that are not."""

    setting: Setting
    latency: Latency
    most_ms: float
    _slow: list[Point] = field(default_factory=list)

    def allows(self, at: Point) -> bool:
        """Whether a network is fast enough; not asked where a smaller one is too slow."""
        slow = np.array(self._slow).reshape(-1, 3)
        if (slow <= at).all(axis=1).any():
            return False
        band = self.latency(self.setting.free_network(*at), self.setting.batch)
        if band.high_ms > self.most_ms:
            self._slow.append(at)
            return False
        return True


def most_in_time(
    grid: Grid, pairs: Pairs, watch: Stopwatch, best: Best | None, fine: Floats, reach: float
) -> tuple[Best | None, Grid, Pairs]:
    """The most multiply-adds of a network that fits, and the grid and pairs in which it was found.

    Of `fine` widths, those within `reach` of the best are tried until it stays the best; `best` is
    a network that fits without being asked about, None if there is none.
    """
    more = pairs
    while True:
        best = _best(grid, more.fitting, watch, best)
        if best is None:
            return None, grid, pairs
        near = np.setdiff1d(fine[np.abs(fine - best.width) < reach], grid.widths)
        if not len(near):
            return best, grid, pairs
        more = grid.pairs(near)
        grid, pairs = grid.with_widths(near), pairs.joined(more)


def _best(grid: Grid, pairs: Pairs, watch: Stopwatch, best: Best | None) -> Best | None:
    """The best of `pairs`, or the best so far.

    The latency of a pair is asked for only where it could be the most so far.
    """
    depth, width, top = pairs
    counts = price(grid.setting, depth[:, None], width[:, None], grid.sides)
    table = counts.mult_adds.reshape(len(top), len(grid.sides))
    reach = table[np.arange(len(top)), top]
    for row in np.argsort(-reach):
        most = -1 if best is None else best.mult_adds
        if reach[row] <= most:
            break
        low = int(np.searchsorted(table[row], most, side="right"))

        def allowed(place: int, at: tuple[float, float] = (depth[row], width[row])) -> bool:
            return watch.allows((float(at[0]), float(at[1]), int(grid.sides[place])))

        last = _last(allowed, low, int(top[row]))
        if last is not None:
            best = Best(int(table[row, last]), float(width[row]))
    return best


def _last(allowed: Callable[[int], bool], low: int, high: int) -> int | None:
    """The last place from `low` to `high` that is allowed, by halving; None if `low` is not."""
    if not allowed(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if allowed(middle):
            low = middle
        else:
            high = middle - 1
    return low
