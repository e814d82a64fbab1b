"""What is searched: the base network, the cost that every proposal has, and the short recipe.

A proposal on the surface becomes a network of that cost: its resolution is rounded to pixels, and
depth and width are moved as little as brings the exact cost, from the walk, within 1.5 % of what
is asked for. So no two differ by more than 3 %. This module needs no torch.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from effnet_core import files
from effnet_core.architecture.families import V1
from effnet_core.architecture.rounding import round_resolution
from effnet_core.architecture.scaling import (
    PAPER_RULE,
    ScalingCoefficients,
    ScalingRule,
    dropout_for,
)
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.report import summarize
from effnet_core.errors import InvalidInput
from effnet_core.limits import MAX_FAMILY_BYTES
from effnet_core.search.surface import Shares, Surface
from effnet_core.training.family.runs import Family, list_path
from effnet_core.training.family.runs import read as read_family
from effnet_core.training.recipe import Recipe

FORMAT = "effnet-search/1"
OWN = ("processor",)
"""The project's own search, in assets/search."""

APART = 0.03
"""How much dearer the dearest proposal may be than the cheapest, as a share."""

_STEP, _FARTHEST = 0.02, 0.6  # of the natural logarithm of what depth and width are moved by


class NoNetwork(InvalidInput):
    """No network near a proposal has the cost that is asked for."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A place on the surface and the network that stands for it.

    `proposed` is the rule of the place itself, `rule` what the network's depth, width and
    resolution come to after rounding; `mult_adds` is exact.
    """

    shares: Shares
    proposed: ScalingRule
    rule: ScalingRule
    coefficients: ScalingCoefficients
    mult_adds: int


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """The base at φ = `base_phi`, grown by φ = `phi` of the rule that is searched to `mult_adds`.

    `family` is the list whose base resolution, classes and classifier hold here too; `recipe` is
    its recipe but for what a trial has otherwise.
    """

    name: str
    family: Family
    base_phi: float
    mult_adds: int
    phi: float
    recipe: Recipe

    @functools.cached_property
    def base(self) -> ScalingCoefficients:
        """The network that every proposal grows from, by the paper's rule."""
        return PAPER_RULE.coefficients(self.base_phi, base_resolution=self.family.base_resolution)

    @functools.cached_property
    def base_mult_adds(self) -> int:
        """Exact cost of the base."""
        return summarize(self.network(self.base, "base")).mult_adds

    @functools.cached_property
    def surface(self) -> Surface:
        """α·β²·γ² such that `phi` steps grow the base to `mult_adds`; raises InvalidInput."""
        return Surface((self.mult_adds / self.base_mult_adds) ** (1 / self.phi))

    def network(self, coefficients: ScalingCoefficients, name: str) -> ArchitectureSpec:
        """The architecture of explicit coefficients."""
        return expand(V1, coefficients, name=name, num_classes=self.family.num_classes)

    def propose(self, shares: Shares) -> Proposal:
        """The network of a place on the surface; raises NoNetwork where none has the cost."""
        proposed = self.surface.rule(shares)
        base = self.base
        depth, width = proposed.alpha**self.phi, proposed.beta**self.phi  # ratios to the base
        pixels = round_resolution(base.resolution * proposed.gamma**self.phi)
        for deeper, wider in _moves():
            ratios = (depth * math.exp(deeper), width * math.exp(wider))
            if min(ratios) < 1 and min(deeper, wider) < 0:
                continue  # an axis that shrinks is no growth
            found = self._coefficients(ratios[0] * base.depth, ratios[1] * base.width, pixels)
            cost = self._cost(found)
            if abs(cost / self.mult_adds - 1) <= APART / 2.02:  # twice that is within APART
                return Proposal(
                    shares=shares,
                    proposed=proposed,
                    rule=self._rule(found),
                    coefficients=found,
                    mult_adds=cost,
                )
        raise NoNetwork(
            f"No network near {shares.depth:.0%} depth, {shares.width:.0%} width and "
            f"{shares.resolution:.0%} resolution costs {self.mult_adds / 1e6:.1f} M multiply-adds."
        )

    def spec(self, proposal: Proposal) -> ArchitectureSpec:
        """The architecture of a proposal, named after its rule."""
        rule = proposal.rule
        name = f"α {rule.alpha:.2f}, β {rule.beta:.2f}, γ {rule.gamma:.2f}"
        return self.network(proposal.coefficients, name)

    def describe(self) -> dict[str, Any]:
        """What a study is about, as plain values; a study never mixes two of these."""
        return {
            "format": FORMAT,
            "base_phi": self.base_phi,
            "base_resolution": self.family.base_resolution,
            "num_classes": self.family.num_classes,
            "classifier": self.family.classifier,
            "mult_adds": self.mult_adds,
            "phi": self.phi,
            "recipe": self.recipe.to_dict(),
        }

    def _coefficients(self, depth: float, width: float, pixels: int) -> ScalingCoefficients:
        whole = self.phi + self.base_phi
        return ScalingCoefficients(round(depth, 6), round(width, 6), pixels, dropout_for(whole))

    def _cost(self, coefficients: ScalingCoefficients) -> int:
        return summarize(self.network(coefficients, "")).mult_adds

    def _rule(self, found: ScalingCoefficients) -> ScalingRule:
        base, power = self.base, 1 / self.phi
        return ScalingRule(
            (found.depth / base.depth) ** power,
            (found.width / base.width) ** power,
            (found.resolution / base.resolution) ** power,
        )


@dataclass(frozen=True, kw_only=True)
class _Stated:
    """A search as its file states it."""

    format: str
    name: str
    list: str
    base_phi: float
    mult_adds: int
    phi: float
    recipe: Mapping[str, Any] = field(default_factory=dict)


def read(name: str = OWN[0]) -> SearchSpace:
    """The search of this project by its name, or of a file; raises InvalidInput."""
    path = files.asset(f"assets/search/{name}.json") if name in OWN else Path(name)
    try:
        stated = files.conform(files.read_json(path, MAX_FAMILY_BYTES), _Stated)
    except (OSError, files.Unfit) as error:
        raise InvalidInput(f"{path} cannot be read as a search ({error}).") from None
    if stated.format != FORMAT:
        raise InvalidInput(f'{path.name}: a search says "format": "{FORMAT}".')
    if stated.phi <= 0:
        raise InvalidInput(f"{path.name}: φ, by which the base grows, must be above 0.")
    family = read_family(list_path(stated.list))
    space = SearchSpace(
        name=stated.name,
        family=family,
        base_phi=stated.base_phi,
        mult_adds=stated.mult_adds,
        phi=stated.phi,
        recipe=Recipe.from_dict({**family.recipe.to_dict(), **stated.recipe}),
    )
    assert space.surface  # which says what is wrong with the cost
    return space


@functools.cache
def _moves() -> tuple[tuple[float, float], ...]:
    """By how much (natural logarithm) depth and width are moved, nearest first.

    Width counts twice, because cost grows with its square.
    """
    count = round(_FARTHEST / _STEP)
    steps = [number * _STEP for number in range(-count, count + 1)]
    far = lambda move: (abs(move[0]) + 2 * abs(move[1]), move)  # noqa: E731
    return tuple(sorted(itertools.product(steps, steps), key=far))
