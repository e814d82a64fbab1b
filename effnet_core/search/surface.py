"""The surface α·β²·γ² = constant with α, β, γ ≥ 1, as a triangle of shares.

The paper searches α, β and γ under that constraint (arXiv 1905.11946, equation 3). In logarithms
it is a plane, and with all three at least 1 a triangle: ln α, 2 ln β and 2 ln γ are the parts of
ln constant that go into depth, width and resolution. A place on it is given by two numbers in
[0, 1] that cover it evenly, so that whatever is proposed lies on it. This module needs no torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from effnet_core.architecture.scaling import ScalingRule
from effnet_core.errors import InvalidInput

Sampler = Literal["tpe", "random", "grid"]
SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)
"""Who may propose places: TPE, which learns; chance; an even grid."""

Square = tuple[float, float]
"""Two numbers in [0, 1] that stand for a place on the triangle."""


@dataclass(frozen=True)
class Shares:
    """Which share of a growth goes into each axis; the three add up to 1."""

    depth: float
    width: float
    resolution: float


@dataclass(frozen=True)
class Surface:
    """All rules with α·β²·γ² = `cost_factor` and no axis that shrinks; raises InvalidInput."""

    cost_factor: float

    def __post_init__(self) -> None:
        if not 1 < self.cost_factor <= 3:
            raise InvalidInput(
                f"α·β²·γ² must lie above 1 and at most at 3; got {self.cost_factor:g}."
            )

    def rule(self, shares: Shares) -> ScalingRule:
        """The rule that gives each axis its share."""
        factor = self.cost_factor
        return ScalingRule(
            factor**shares.depth, factor ** (shares.width / 2), factor ** (shares.resolution / 2)
        )

    def shares(self, rule: ScalingRule) -> Shares:
        """Each axis' share of the growth that the rule itself gives."""
        parts = (math.log(rule.alpha), 2 * math.log(rule.beta), 2 * math.log(rule.gamma))
        whole = sum(parts)
        return Shares(*(part / whole for part in parts))


def shares_at(place: Square) -> Shares:
    """The shares of a place: equal areas of the square are equal areas of the triangle."""
    root = math.sqrt(place[0])
    return Shares(1 - root, root * (1 - place[1]), root * place[1])


def place_of(shares: Shares) -> Square:
    """The place of the shares; `shares_at` gives them back."""
    rest = 1 - shares.depth
    return rest**2, shares.resolution / rest if rest else 0.0


def lattice(count: int) -> tuple[Square, ...]:
    """The finest even grid of at most `count` places on the triangle, its corners included.

    Raises InvalidInput for fewer than the three corners.
    """
    if count < 3:
        raise InvalidInput(f"A grid needs the three corners of the surface; got {count} trials.")
    steps = int((math.sqrt(8 * count + 1) - 3) / 2)
    return tuple(
        place_of(Shares((steps - rest) / steps, (rest - part) / steps, part / steps))
        for rest in range(steps + 1)
        for part in range(rest + 1)
    )
