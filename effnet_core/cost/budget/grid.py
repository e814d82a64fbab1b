"""The coefficients that the free search tries, and what the networks of a grid cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from effnet_core.cost.arrays import free_costs
from effnet_core.cost.budget.answers import Candidate, candidate
from effnet_core.cost.budget.bounds import Bounds, Floats, Sides, multiples, ratios
from effnet_core.cost.budget.limits import Counts, Limits, Setting, counted

Point = tuple[float, float, int]
"""Depth, width and side."""


class Pairs(NamedTuple):
    """Depths and widths (n,) that are searched, of the depths that give one network one each.

    `top` (n,) is the place in the grid's `sides` of the largest resolution that keeps the countable
    limits, −1 where none does.
    """

    depth: Floats
    width: Floats
    top: Sides

    @property
    def fitting(self) -> Pairs:
        """Those with a resolution that keeps the limits."""
        rows = self.top >= 0
        return Pairs(self.depth[rows], self.width[rows], self.top[rows])

    def joined(self, more: Pairs) -> Pairs:
        """These and `more`."""
        return Pairs(
            np.append(self.depth, more.depth),
            np.append(self.width, more.width),
            np.append(self.top, more.top),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Depths, widths and sides in ascending order; a network lies at each combination.

    `kinds` says of each depth which others have the same repeats, and so the same networks.
    """

    limits: Limits
    setting: Setting
    depths: Floats
    widths: Floats
    sides: Sides
    kinds: Sides

    def with_widths(self, widths: Floats) -> Grid:
        """The grid with more widths."""
        return replace(self, widths=np.union1d(self.widths, widths))

    def pairs(self, widths: Floats) -> Pairs:
        """Every depth that gives other repeats with each of `widths`, and how far it goes.

        That is found by halving: nothing that is counted falls when only the resolution grows.
        """
        _, first = np.unique(self.kinds, return_index=True)
        mesh = np.meshgrid(self.depths[first], widths, indexing="ij")
        depth, width = (axis.ravel() for axis in mesh)
        low, high = np.full(len(depth), -1), np.full(len(depth), len(self.sides) - 1)
        while (open_ := low < high).any():
            middle = (low + high + 1) // 2
            fits = price(self.setting, depth, width, self.sides[middle]).within(self.limits)
            low = np.where(open_ & fits, middle, low)
            high = np.where(open_ & ~fits, middle - 1, high)
        return Pairs(depth, width, low)

    def between(self, pairs: Pairs, least: float, most: int) -> Iterator[tuple[float, int, Point]]:
        """(distance, −multiply-adds, point) of all that keep the countable limits.

        Of the depths that give one network, the nearest to the rule.
        """
        depth, width, top = pairs.fitting
        while len(top):
            sides = self.sides[top]
            counts = price(self.setting, depth, width, sides)
            enough = counts.mult_adds >= least
            for place in np.flatnonzero(enough & (counts.mult_adds <= most)):
                side = int(sides[place])
                depths = self._same_network(depth[place])
                far = _distances(self.setting, depths, float(width[place]), side)
                at = (float(depths[far.argmin()]), float(width[place]), side)
                yield float(far.min()), -int(counts.mult_adds[place]), at
            smaller = Pairs(depth[enough], width[enough], top[enough] - 1)
            depth, width, top = smaller.fitting

    def smallest(self) -> Candidate:
        """The network at the lower end of every axis."""
        return priced(self.setting, (self.depths[0], self.widths[0], self.sides[0]))

    def larger(self, found: Candidate, axis: str) -> Candidate | None:
        """The next network along one axis that has more multiply-adds; None at the bound."""
        held = {"depth": found.depth, "width": found.width, "resolution": found.resolution}
        values = {"depth": self.depths, "width": self.widths, "resolution": self.sides}[axis]
        for value in values[values > held[axis]]:
            depth, width, side = (held | {axis: value}).values()
            network = priced(self.setting, (depth, width, int(side)))
            if network.mult_adds > found.mult_adds:
                return network
        return None

    def _same_network(self, depth: float) -> Floats:
        """All depths of the grid with the same repeats."""
        return self.depths[self.kinds == self.kinds[np.searchsorted(self.depths, depth)]]


def grid(
    limits: Limits,
    setting: Setting,
    bounds: Bounds,
    *,
    steps: tuple[float, float],
    own: Candidate | None,
) -> Grid:
    """All multiples of `steps` in depth and width and of 8 pixels, and where `own` lies."""
    depths, widths = ratios(bounds.depth, steps[0]), ratios(bounds.width, steps[1])
    sides = multiples(bounds.resolution)
    if own is not None:
        depths, widths = np.union1d(depths, own.depth), np.union1d(widths, own.width)
        sides = np.union1d(sides, own.resolution)
    blocks = price(setting, depths, np.ones(1), sides[:1]).blocks
    # repeats never fall when depth grows, so equal sums are equal repeats
    _, kinds = np.unique(blocks, return_inverse=True)
    return Grid(
        limits=limits, setting=setting, depths=depths, widths=widths, sides=sides, kinds=kinds
    )


def price(setting: Setting, depth: Floats, width: Floats, side: Sides) -> Counts:
    """Counts of networks; lengths of 1 stand for all."""
    depth, width, side = (a.ravel() for a in np.broadcast_arrays(depth, width, side))
    return counted(
        lambda dtype: free_costs(
            depth,
            width,
            side,
            family=setting.family,
            repeats=setting.repeats,
            num_classes=setting.num_classes,
            batch=setting.batch,
            dtype=dtype,
        ),
        setting,
    )


def priced(setting: Setting, at: Point) -> Candidate:
    """One network, not timed."""
    depth, width, side = at
    counts = price(setting, np.array([depth]), np.array([width]), np.array([side]))
    return candidate(counts, 0, depth=float(depth), width=float(width))


def _distances(setting: Setting, depths: Floats, width: float, side: int) -> Floats:
    """From the rule's line, all three axes as logarithms of ratios to the baseline."""
    rule = setting.rule
    ratios = np.stack(np.broadcast_arrays(depths, width, side / setting.base), axis=1)
    points, line = np.log(ratios), np.log([rule.alpha, rule.beta, rule.gamma])
    length = np.linalg.norm(line)
    along = points @ line / length if length else np.zeros(len(depths))
    return np.sqrt(np.maximum((points**2).sum(axis=1) - along**2, 0))
