"""The free depth, width and resolution with the most multiply-adds within a budget."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effnet_core.budget.answers import Answer, Candidate, candidate, nothing_fits, rooms
from effnet_core.budget.limits import (
    Counts,
    Latency,
    Limits,
    Setting,
    counted,
    require_possible,
)
from effnet_core.cost_curves import free_costs
from effnet_core.errors import InvalidInput
from effnet_core.scaling import PIXEL_DIVISOR, validate_resolution

Floats = npt.NDArray[np.float64]
Sides = npt.NDArray[np.int64]

RATIO_STEP = 0.01
RATIO_STEP_IN_TIME = 0.05
"""The steps of depth and width; coarser where every network's latency has to be predicted."""

_RATIO_MIN, _RATIO_MAX = 0.05, 10.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Where the free search looks, ends included: depth and width as ratios, resolution in pixels.

    The defaults hold every network of the paper's rule from φ = −6 to 10. Raises InvalidInput for
    ends that are no ratios from 0.05 to 10, no usable resolutions, or in the wrong order.
    """

    depth: tuple[float, float] = (0.25, 6.25)
    width: tuple[float, float] = (0.25, 2.75)
    resolution: tuple[int, int] = (32, 1024)

    def __post_init__(self) -> None:
        for axis, (low, high) in (("Depth", self.depth), ("Width", self.width)):
            if not _RATIO_MIN <= low <= high <= _RATIO_MAX:
                raise InvalidInput(
                    f"{axis} is searched between two ratios from {_RATIO_MIN:g} to {_RATIO_MAX:g}, "
                    f"the smaller first; got {low:g} and {high:g}."
                )
        low, high = (validate_resolution(pixels) for pixels in self.resolution)
        if low > high:
            raise InvalidInput(f"Resolution is searched from small to large; got {low} and {high}.")

    def searched(self, step: float) -> str:
        """What is searched, in words."""
        return (
            f"every depth from {self.depth[0]:g} to {self.depth[1]:g} and width from "
            f"{self.width[0]:g} to {self.width[1]:g} in steps of {step:g}, at every multiple of "
            f"{PIXEL_DIVISOR} pixels from {self.resolution[0]} to {self.resolution[1]}"
        )


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
    8 pixels. Networks whose multiply-adds are within the share `tie` of the most count as equal;
    among equals the one nearest to the rule's ratio is taken, by the distance of (ln depth, ln
    width, ln resolution / base) to the line t·(ln α, ln β, ln γ). No accuracy is implied: shapes
    far from that ratio can be poor networks, which is what `tie` is for.

    With a limit in milliseconds the steps are RATIO_STEP_IN_TIME, the slow edge of the band is held
    to it, and a network that is smaller on no axis than one too slow is not asked about. Raises
    InvalidInput as `largest_phi` does, and for a `tie` outside [0, 1).
    """
    setting, bounds = setting or Setting(), bounds or Bounds()
    require_possible(limits, setting, latency)
    if not 0 <= tie < 1:
        raise InvalidInput(f"The share that counts as a tie must lie in [0, 1); got {tie!r:.40}.")
    search = _Search(limits, setting, bounds, latency)
    searched = bounds.searched(search.step)
    most = search.most()
    if most is None:
        return nothing_fits(search.smallest(), limits, searched)
    found = search.nearest(most, tie)
    binding, ends = search.stops(found)
    return Answer(
        fits=True,
        network=found,
        rooms=rooms(found, limits),
        binding=binding,
        ends=ends,
        searched=searched,
    )


class _Search:
    """The grid of coefficients, and which of its networks fit.

    Depths with the same repeats give the same networks, so one of each stands for all in `depth`
    (n,) and `width` (n,), the pairs that are searched; `top` (n,) is the place in `sides` of the
    largest resolution that keeps the countable limits, −1 where none does. That is found by
    halving: nothing that is counted falls when only the resolution grows.
    """

    def __init__(
        self, limits: Limits, setting: Setting, bounds: Bounds, latency: Latency | None
    ) -> None:
        self.limits, self.setting = limits, setting
        self.latency = latency if limits.latency_ms is not None else None
        self.step = RATIO_STEP if self.latency is None else RATIO_STEP_IN_TIME
        self.depths = _ratios(bounds.depth, self.step)
        self.widths = _ratios(bounds.width, self.step)
        self.sides = _multiples(bounds.resolution)
        blocks = self.price(self.depths, np.ones(1), self.sides[:1]).blocks
        # repeats never fall when depth grows, so equal sums are equal repeats
        _, first, self.kind = np.unique(blocks, return_index=True, return_inverse=True)
        pairs = np.meshgrid(self.depths[first], self.widths, indexing="ij")
        self.depth, self.width = (axis.ravel() for axis in pairs)
        self.top = self._tops()
        self.slow: Floats = np.empty((0, 3))

    def price(self, depth: Floats, width: Floats, side: Sides) -> Counts:
        """Counts of networks; lengths of 1 stand for all."""
        depth, width, side = (a.ravel() for a in np.broadcast_arrays(depth, width, side))
        held = self.setting
        return counted(
            lambda dtype: free_costs(
                depth,
                width,
                side,
                repeats=held.repeats,
                num_classes=held.num_classes,
                batch=held.batch,
                dtype=dtype,
            ),
            held.dtype,
        )

    def most(self) -> int | None:
        """The most multiply-adds of a network that fits; None where none does."""
        rows = np.flatnonzero(self.top >= 0)
        if not len(rows):
            return None
        if self.latency is not None:
            return self._most_in_time(rows)
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

    def _tops(self) -> npt.NDArray[np.int64]:
        low = np.full(len(self.depth), -1)
        high = np.full(len(self.depth), len(self.sides) - 1)
        while (open_ := low < high).any():
            middle = (low + high + 1) // 2
            fits = self.price(self.depth, self.width, self.sides[middle]).within(self.limits)
            low = np.where(open_ & fits, middle, low)
            high = np.where(open_ & ~fits, middle - 1, high)
        return low

    def _most_in_time(self, rows: npt.NDArray[np.int64]) -> int | None:
        """As `most`, asking for the latency of a pair only where it could be the most so far."""
        counts = self.price(self.depth[rows, None], self.width[rows, None], self.sides)
        table = counts.mult_adds.reshape(len(rows), len(self.sides))
        tops = self.top[rows]
        reach = table[np.arange(len(rows)), tops]
        most = -1
        for row in np.argsort(-reach):
            if reach[row] <= most:
                break
            low = int(np.searchsorted(table[row], most, side="right"))
            last = self._last_in_time(int(rows[row]), low, int(tops[row]))
            most = most if last is None else int(table[row, last])
        return None if most < 0 else most

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
        self.slow = np.vstack((self.slow, at))
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
        side_ratio = side / self.setting.base_resolution
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


def _ratios(ends: tuple[float, float], step: float) -> Floats:
    """The multiples of `step` between two ratios, ends included; raises InvalidInput if none."""
    parts = round(1 / step)
    first, last = math.ceil(round(ends[0] * parts, 6)), math.floor(round(ends[1] * parts, 6))
    return _some(np.arange(first, last + 1), f"{step:g}") / parts


def _multiples(ends: tuple[int, int]) -> Sides:
    """The multiples of 8 between two resolutions, ends included; raises InvalidInput if none."""
    first, last = -(-ends[0] // PIXEL_DIVISOR), ends[1] // PIXEL_DIVISOR
    return _some(np.arange(first, last + 1), f"{PIXEL_DIVISOR}") * PIXEL_DIVISOR


def _some(multiples: Sides, step: str) -> Sides:
    if not len(multiples):
        raise InvalidInput(f"A range that is searched holds no multiple of {step}; widen it.")
    return multiples
