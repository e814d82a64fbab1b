"""The free depth, width and resolution with the most multiply-adds within a budget."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from effnet_core.architecture.rounding import PIXEL_DIVISOR
from effnet_core.cost.arrays import free_costs
from effnet_core.cost.budget.answers import Answer, Candidate, candidate, nothing_fits, rooms
from effnet_core.cost.budget.bounds import Bounds, Floats, Sides, multiples, ratios
from effnet_core.cost.budget.limits import (
    Counts,
    Latency,
    Limits,
    Setting,
    counted,
    require_possible,
)
from effnet_core.cost.budget.phi import largest_phi
from effnet_core.errors import InvalidInput

RATIO_STEP = 0.01
"""The step of depth and width."""

WIDTH_STEP_IN_TIME = 0.05
"""The step of width far from the best, where every network's latency has to be predicted."""


def best_free(
    limits: Limits,
    setting: Setting | None = None,
    *,
    bounds: Bounds | None = None,
    tie: float = 0.0,
    latency: Latency | None = None,
) -> Answer:
    """The (depth, width, resolution) with the most multiply-adds that keeps every limit.

    Searched are all depths and widths within `bounds` in steps of RATIO_STEP, at every multiple of
    8 pixels; besides, where it lies within them, the depth, width and resolution of the largest φ,
    which therefore never has more. Networks whose multiply-adds are within the share `tie` of the
    most count as equal; among equals the one nearest to the rule's ratio is taken, by the distance
    of (ln depth, ln width, ln resolution / base) to the line t·(ln α, ln β, ln γ). No accuracy is
    implied: shapes far from that ratio can be poor networks, which is what `tie` is for.

    With a limit in milliseconds the steps of width are WIDTH_STEP_IN_TIME, but RATIO_STEP around
    the best. The slow edge of the band is held to the limit, and a network that is smaller on no
    axis than one too slow is not asked about. Raises InvalidInput as `largest_phi` does, and for a
    `tie` outside [0, 1).
    """
    setting, bounds = setting or Setting(), bounds or Bounds()
    require_possible(limits, setting, latency)
    if not 0 <= tie < 1:
        raise InvalidInput(f"The share that counts as a tie must lie in [0, 1); got {tie!r:.40}.")
    search = _Search(limits, setting, bounds, latency)
    most = search.most()
    if most is None:
        return nothing_fits(search.smallest(), limits, search.searched)
    found = search.nearest(most, tie)
    binding, ends = search.stops(found)
    return Answer(
        fits=True,
        network=found,
        rooms=rooms(found, limits),
        binding=binding,
        ends=ends,
        searched=search.searched,
    )


class _Search:
    """The grid of coefficients, and which of its networks fit.

    Depths with the same repeats give the same networks, so one of each stands for all in `depth`
    (n,) and `width` (n,), the pairs that are searched; `top` (n,) is the place in `sides` of the
    largest resolution that keeps the countable limits, −1 where none does. `formula` is the largest
    φ's network, None where none fits within the bounds.
    """

    def __init__(
        self, limits: Limits, setting: Setting, bounds: Bounds, latency: Latency | None
    ) -> None:
        self.limits, self.setting, self.bounds = limits, setting, bounds
        self.latency = latency if limits.latency_ms is not None else None
        self.step = RATIO_STEP if self.latency is None else WIDTH_STEP_IN_TIME
        self.depths = ratios(bounds.depth, RATIO_STEP)
        self.widths = ratios(bounds.width, self.step)
        self.sides = multiples(bounds.resolution)
        self.formula = self._formula()
        if self.formula is not None:
            self.depths = np.union1d(self.depths, self.formula.depth)
            self.widths = np.union1d(self.widths, self.formula.width)
            self.sides = np.union1d(self.sides, self.formula.resolution)
        blocks = self.price(self.depths, np.ones(1), self.sides[:1]).blocks
        # repeats never fall when depth grows, so equal sums are equal repeats
        _, self.first, self.kind = np.unique(blocks, return_index=True, return_inverse=True)
        self.depth, self.width, self.top = self._pairs(self.widths)
        self.slow: Floats = np.empty((0, 3))

    @property
    def searched(self) -> str:
        """What is searched, in words."""
        held = self.bounds
        fine = "" if self.step == RATIO_STEP else f" and, near the best, of {RATIO_STEP:g}"
        own = "" if self.formula is None else "; also the depth, width and pixels of the largest φ"
        return (
            f"every depth from {held.depth[0]:g} to {held.depth[1]:g} in steps of {RATIO_STEP:g} "
            f"and width from {held.width[0]:g} to {held.width[1]:g} in steps of {self.step:g}{fine}"
            f", at every multiple of {PIXEL_DIVISOR} pixels from {held.resolution[0]} to "
            f"{held.resolution[1]}{own}"
        )

    def price(self, depth: Floats, width: Floats, side: Sides) -> Counts:
        """Counts of networks; lengths of 1 stand for all."""
        depth, width, side = (a.ravel() for a in np.broadcast_arrays(depth, width, side))
        held = self.setting
        return counted(
            lambda dtype: free_costs(
                depth,
                width,
                side,
                family=held.family,
                repeats=held.repeats,
                num_classes=held.num_classes,
                batch=held.batch,
                dtype=dtype,
            ),
            held.dtype,
        )

    def most(self) -> int | None:
        """The most multiply-adds of a network that fits; None where none does."""
        if self.latency is not None:
            return self._most_in_time()
        rows = np.flatnonzero(self.top >= 0)
        if not len(rows):
            return None
        counts = self.price(self.depth[rows], self.width[rows], self.sides[self.top[rows]])
        return int(counts.mult_adds.max())

    def nearest(self, most: int, tie: float) -> Candidate:
        """Of all that fit and have so many multiply-adds, or nearly, the nearest to the rule."""
        near = sorted(self._equals((1 - tie) * most, most))
        found = (self._candidate(*at).timed(self.setting, self.latency) for *_, at in near)
        return next(network for network in found if not network.broken(self.limits))

    def smallest(self) -> Candidate:
        """The network at the lower end of every axis."""
        place = (self.depths[0], self.widths[0], self.sides[0])
        return self._candidate(*place).timed(self.setting, self.latency)

    def stops(self, found: Candidate) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The limits that one step more on some axis breaks, and the axes without a step more."""
        broken: set[str] = set()
        ends = []
        for axis in ("depth", "width", "resolution"):
            larger = self._larger(found, axis)
            if larger is None:
                ends.append(axis)
            else:
                broken |= set(larger.timed(self.setting, self.latency).broken(self.limits))
        return tuple(name for name in self.limits.given if name in broken), tuple(ends)

    def _formula(self) -> Candidate | None:
        found = largest_phi(self.limits, self.setting, latency=self.latency)
        return found.network if found.fits and self.bounds.hold(found.network) else None

    def _pairs(self, widths: Floats) -> tuple[Floats, Floats, Sides]:
        """Every depth that gives other repeats with each of `widths`, and how far it goes.

        That is found by halving: nothing that is counted falls when only the resolution grows.
        """
        grid = np.meshgrid(self.depths[self.first], widths, indexing="ij")
        depth, width = (axis.ravel() for axis in grid)
        low, high = np.full(len(depth), -1), np.full(len(depth), len(self.sides) - 1)
        while (open_ := low < high).any():
            middle = (low + high + 1) // 2
            fits = self.price(depth, width, self.sides[middle]).within(self.limits)
            low = np.where(open_ & fits, middle, low)
            high = np.where(open_ & ~fits, middle - 1, high)
        return depth, width, low

    def _most_in_time(self) -> int | None:
        """As `most`, in small steps of width around the best until it stays the best."""
        own = self.formula
        best = None if own is None else (own.mult_adds, own.width)
        best = self._best_in_time(np.flatnonzero(self.top >= 0), best)
        while best is not None:
            fine = ratios(self.bounds.width, RATIO_STEP)
            near = np.setdiff1d(fine[np.abs(fine - best[1]) < WIDTH_STEP_IN_TIME], self.widths)
            if not len(near):
                return best[0]
            depth, width, top = self._pairs(near)
            rows = len(self.depth) + np.flatnonzero(top >= 0)
            self.depth, self.width = np.append(self.depth, depth), np.append(self.width, width)
            self.top, self.widths = np.append(self.top, top), np.union1d(self.widths, near)
            best = self._best_in_time(rows, best)
        return None

    def _best_in_time(
        self, rows: Sides, best: tuple[int, float] | None
    ) -> tuple[int, float] | None:
        """The most multiply-adds and their width, of the pairs in `rows` or the best so far.

        The latency of a pair is asked for only where it could be the most so far.
        """
        counts = self.price(self.depth[rows, None], self.width[rows, None], self.sides)
        table = counts.mult_adds.reshape(len(rows), len(self.sides))
        tops = self.top[rows]
        reach = table[np.arange(len(rows)), tops]
        for row in np.argsort(-reach):
            most = -1 if best is None else best[0]
            if reach[row] <= most:
                break
            low = int(np.searchsorted(table[row], most, side="right"))
            last = self._last_in_time(int(rows[row]), low, int(tops[row]))
            if last is not None:
                best = int(table[row, last]), float(self.width[rows[row]])
        return best

    def _last_in_time(self, pair: int, low: int, high: int) -> int | None:
        """The largest place in `sides` from `low` to `high` that is fast enough; None if none."""
        if not self._in_time(pair, low):
            return None
        while low < high:
            middle = (low + high + 1) // 2
            if self._in_time(pair, middle):
                low = middle
            else:
                high = middle - 1
        return low

    def _in_time(self, pair: int, place: int) -> bool:
        """Whether a network is fast enough; not asked where a smaller one is too slow."""
        assert self.latency is not None and self.limits.latency_ms is not None
        at = (float(self.depth[pair]), float(self.width[pair]), int(self.sides[place]))
        if (self.slow <= at).all(axis=1).any():
            return False
        band = self.latency(self.setting.free_network(*at), self.setting.batch)
        if band.high_ms <= self.limits.latency_ms:
            return True
        larger = (self.slow >= at).all(axis=1)
        self.slow = np.vstack((self.slow[~larger], at))
        return False

    def _equals(
        self, least: float, most: int
    ) -> Iterator[tuple[float, int, tuple[float, float, int]]]:
        """(distance, −multiply-adds, coefficients) of all that keep the countable limits.

        Of the depths that give one network, the nearest.
        """
        rows, top = np.flatnonzero(self.top >= 0), self.top[self.top >= 0]
        while len(rows):
            sides = self.sides[top]
            counts = self.price(self.depth[rows], self.width[rows], sides)
            enough = np.flatnonzero(counts.mult_adds >= least)
            for place in enough[counts.mult_adds[enough] <= most]:
                width, side = float(self.width[rows[place]]), int(sides[place])
                depths = self._same_network(self.depth[rows[place]])
                far = self._distances(depths, width, side)
                at = (float(depths[far.argmin()]), width, side)
                yield float(far.min()), -int(counts.mult_adds[place]), at
            rows, top = rows[enough], top[enough] - 1
            rows, top = rows[top >= 0], top[top >= 0]

    def _same_network(self, depth: float) -> Floats:
        """All depths of the grid with the same repeats."""
        return self.depths[self.kind == self.kind[np.searchsorted(self.depths, depth)]]

    def _distances(self, depths: Floats, width: float, side: int) -> Floats:
        """From the rule's line, all three axes as logarithms of ratios to the baseline."""
        rule = self.setting.rule
        side_ratio = side / self.setting.base
        ratios = np.stack(np.broadcast_arrays(depths, width, side_ratio), axis=1)
        points, line = np.log(ratios), np.log([rule.alpha, rule.beta, rule.gamma])
        length = np.linalg.norm(line)
        along = points @ line / length if length else np.zeros(len(depths))
        return np.sqrt(np.maximum((points**2).sum(axis=1) - along**2, 0))

    def _candidate(self, depth: float, width: float, side: int) -> Candidate:
        counts = self.price(np.array([depth]), np.array([width]), np.array([side]))
        return candidate(counts, 0, depth=float(depth), width=float(width))

    def _larger(self, found: Candidate, axis: str) -> Candidate | None:
        """The next network along one axis that has more multiply-adds; None at the bound."""
        held = {"depth": found.depth, "width": found.width, "resolution": found.resolution}
        values = {"depth": self.depths, "width": self.widths, "resolution": self.sides}[axis]
        for value in values[values > held[axis]]:
            network = self._candidate(*(held | {axis: value}).values())
            if network.mult_adds > found.mult_adds:
                return network
        return None
