"""The duel: a base network made deeper, wider, finer or all three, at one common cost.

The paper compares its compound rule with scaling one dimension alone (arXiv 1905.11946, section
5.3, table 7 and figure 8). Rounding decides which costs each of the four can reach; the common one
is found here by trying what rounding allows. A test proves that the networks that
the lists in `assets/family` state are those that this gives.

Usage: python -m effnet_core.training.family.duel [BASE_PHI]
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

from effnet_core.architecture.families import V1
from effnet_core.architecture.rounding import PIXEL_DIVISOR
from effnet_core.architecture.scaling import (
    PAPER_RULE,
    STRATEGIES,
    ScalingCoefficients,
    Strategy,
    dropout_for,
)
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.report import summarize
from effnet_core.errors import InvalidInput

STEP = 0.01
"""The grid of depth, width and φ; resolution goes in steps of 8 pixels."""

NEAR = 0.1
"""How far from the cost that is asked for the common cost may lie, as a share."""

DECIMALS = 6
"""Depth and width are stated to so many decimals, and built from what is stated."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One of the four: what it scales, its coefficients, φ (compound only), exact multiply-adds."""

    strategy: Strategy
    coefficients: ScalingCoefficients
    phi: float | None
    mult_adds: int

    @property
    def name(self) -> str:
        """What people read, such as "depth only"."""
        return self.strategy if self.strategy == "compound" else f"{self.strategy} only"


@dataclass(frozen=True, kw_only=True)
class Duel:
    """Four networks of one cost, in the order of STRATEGIES, grown from the network at base_phi."""

    base_phi: float
    contenders: tuple[Contender, ...]

    @property
    def spread(self) -> float:
        """How much dearer the dearest is than the cheapest, as a share."""
        return _spread(self.contenders)


def duel(
    base_phi: float = -2.0,
    tolerance: float = 0.03,
    *,
    around: float = 190e6,
    base_resolution: int = 128,
    num_classes: int = 100,
) -> Duel:
    """The four networks whose multiply-adds differ least, all within 10 % of `around`.

    The one-dimensional ones keep the other two coefficients of φ = `base_phi`; compound is the
    formula at a larger φ. Of equal spreads that one is taken in which the four lie nearest to
    their middle. All four get the dropout of the compound network's φ. Raises InvalidInput if they
    cannot come within `tolerance` (the dearest over the cheapest, less 1) of each other.
    """
    base = _stated(PAPER_RULE.coefficients(base_phi, base_resolution=base_resolution))
    found = [
        tuple(_affordable(_grown(strategy, base, base_phi, base_resolution), around, num_classes))
        for strategy in STRATEGIES
    ]
    best = min(itertools.product(*found), key=_apartness, default=None)
    if best is None or _spread(best) > tolerance:
        raise InvalidInput(
            f"Depth, width, resolution and all three from φ = {base_phi:g} have no common cost "
            f"near {around / 1e6:,.0f} M multiply-adds within {tolerance:.1%}; ask for another "
            "cost or a larger tolerance."
        )
    dropout = dropout_for(next(one.phi for one in best if one.phi is not None))
    return Duel(
        base_phi=base_phi,
        contenders=tuple(
            replace(one, coefficients=replace(one.coefficients, dropout=dropout)) for one in best
        ),
    )


def network(
    coefficients: ScalingCoefficients, *, name: str, num_classes: int, phi: float | None = None
) -> ArchitectureSpec:
    """EfficientNet-B0's table scaled by explicit coefficients."""
    return expand(V1, coefficients, name=name, num_classes=num_classes, phi=phi)


def _affordable(
    growing: Iterator[tuple[Strategy, float | None, ScalingCoefficients]],
    around: float,
    num_classes: int,
) -> Iterator[Contender]:
    """Those of the growing networks that cost about `around`; of one cost the first alone."""
    last = 0
    for strategy, phi, coefficients in growing:
        cost = _cost(coefficients, num_classes)
        if cost > around * (1 + NEAR):
            return
        if cost >= around * (1 - NEAR) and cost != last:
            yield Contender(strategy=strategy, coefficients=coefficients, phi=phi, mult_adds=cost)
        last = cost


def _grown(
    strategy: Strategy, base: ScalingCoefficients, base_phi: float, base_resolution: int
) -> Iterator[tuple[Strategy, float | None, ScalingCoefficients]]:
    """(strategy, φ or None, coefficients) along one axis, growing from the base without it."""
    for number in itertools.count(1):
        if strategy == "compound":
            phi = _beyond(base_phi, number)
            rule = PAPER_RULE.coefficients(phi, base_resolution=base_resolution)
            yield strategy, phi, _stated(rule)
        elif strategy == "depth":
            yield strategy, None, replace(base, depth=_beyond(base.depth, number))
        elif strategy == "width":
            yield strategy, None, replace(base, width=_beyond(base.width, number))
        else:
            yield strategy, None, replace(base, resolution=base.resolution + number * PIXEL_DIVISOR)


def _beyond(start: float, number: int) -> float:
    """The `number`-th multiple of STEP above `start`."""
    return round((math.floor(round(start / STEP, DECIMALS)) + number) * STEP, DECIMALS)


def _stated(coefficients: ScalingCoefficients) -> ScalingCoefficients:
    return replace(
        coefficients,
        depth=round(coefficients.depth, DECIMALS),
        width=round(coefficients.width, DECIMALS),
    )


def _cost(coefficients: ScalingCoefficients, num_classes: int) -> int:
    return summarize(network(coefficients, name="", num_classes=num_classes)).mult_adds


def _spread(four: tuple[Contender, ...]) -> float:
    costs = [one.mult_adds for one in four]
    return max(costs) / min(costs) - 1


def _apartness(four: tuple[Contender, ...]) -> tuple[float, float]:
    costs = [one.mult_adds for one in four]
    middle = (max(costs) + min(costs)) / 2
    return _spread(four), sum(abs(cost - middle) for cost in costs)


if __name__ == "__main__":
    for one in duel(*map(float, sys.argv[1:])).contenders:
        print(one)
