"""Depth, width, resolution or all three, at one common cost. This module needs no torch.

Equal φ is not equal cost: repeats, channels and sides become whole. The paper compares at equal
cost (arXiv 1905.11946, section 5.3, table 7); here the φ of each strategy is searched for it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.rounding import ROUNDINGS
from effnet_core.architecture.scaling import STRATEGIES, ScalingRule
from effnet_core.cost.arrays import scaled_costs
from effnet_core.cost.budget.limits import Setting
from effnet_core.errors import InvalidInput
from effnet_core.limits import PHI_MAX, PHI_MIN

TIMES_MIN, TIMES_MAX = 0.5, 16.0
"""The costs that can be asked for, in multiples of the baseline's."""

WITHIN = 0.01
"""Costs count as equal when each lies within this share of the common one."""

NEAR = 0.04
"""How far from what was asked for the common cost may lie, as a share."""

_DECIMALS = 3
"""Of φ."""

_WINDOW = 3.0
"""How many times dearer or cheaper than α·β²·γ² says is searched, since rounding does that."""

Phis: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Way:
    """What one strategy gives: the formula with it, its φ, and exact multiply-adds for one image.

    The formula's rounding may be other than the one asked for.
    """

    setting: Setting
    phi: float
    mult_adds: int


@dataclass(frozen=True, kw_only=True)
class EqualCost:
    """Networks of one cost, one a strategy in the order of STRATEGIES.

    `setting` is what was asked for, `base` the multiply-adds of φ = 0, `asked` those asked for.
    """

    setting: Setting
    base: int
    asked: float
    ways: tuple[Way, ...]

    @property
    def common(self) -> float:
        """The multiply-adds in the middle between the cheapest and the dearest."""
        costs = [way.mult_adds for way in self.ways]
        return (min(costs) + max(costs)) / 2

    @property
    def apart(self) -> float:
        """How far from the common cost the cheapest and the dearest lie, as a share."""
        return max(way.mult_adds for way in self.ways) / self.common - 1

    @property
    def equal(self) -> bool:
        """Whether they cost the same, within WITHIN."""
        return self.apart <= WITHIN

    @property
    def rounded_otherwise(self) -> tuple[Way, ...]:
        """Those whose rounding is not the one asked for."""
        return tuple(way for way in self.ways if _rounding(way.setting) != _rounding(self.setting))


def equal_cost(times: float, setting: Setting | None = None) -> EqualCost:
    """The network of each strategy at about `times` the multiply-adds of φ = 0; `setting`'s own
    strategy is not read.

    Where no common cost near that brings all four within WITHIN under the setting's rounding, every
    rounding there is may help; where that is not enough either, the result is the nearest there is.
    Raises InvalidInput for `times` out of [0.5, 16] and where the rule gives no such networks.
    """
    if not TIMES_MIN <= times <= TIMES_MAX:
        raise InvalidInput(
            f"The cost must lie between {TIMES_MIN:g} and {TIMES_MAX:g} times the baseline's; got "
            f"{times:g}."
        )
    setting = setting or Setting()
    phis = _phis(times, setting.rule)
    base = _priced(setting, np.zeros(1))[0].mult_adds
    own = list(_of_each_strategy([setting], phis))
    found = _best(own, setting, base, times)
    if found is None or not found.equal:
        found = _best([*own, *_of_each_strategy(_roundings(setting), phis)], setting, base, times)
    if found is None:
        raise InvalidInput(
            "Depth, width, resolution and all three have no common cost near "
            f"{times:g} times the baseline's under this rule: ask for another cost, or move α, β "
            "and γ."
        )
    return found


def _phis(times: float, rule: ScalingRule) -> Phis:
    """Where φ is searched, nearest to 0 first."""
    if rule.cost_factor <= 1:
        raise InvalidInput(
            f"With α·β²·γ² = {rule.cost_factor:.2f} no network grows with φ: choose a rule whose "
            "product is above 1."
        )
    one, step = 10**_DECIMALS, math.log(rule.cost_factor)
    ends = (math.log(times / _WINDOW) / step, math.log(times * _WINDOW) / step)
    low, high = (min(max(end, PHI_MIN), PHI_MAX) for end in ends)
    found = np.arange(math.ceil(low * one), math.floor(high * one) + 1)
    ordered: Phis = found[np.argsort(np.abs(found), kind="stable")] / one
    return ordered


def _roundings(setting: Setting) -> Iterable[Setting]:
    """The same formula under every other rounding."""
    for repeats, exact in itertools.product(ROUNDINGS, (False, True)):
        if (repeats, exact) != _rounding(setting):
            yield replace(setting, repeats=repeats, exact_pixels=exact)


def _rounding(setting: Setting) -> tuple[str, bool]:
    return setting.repeats, setting.exact_pixels


def _of_each_strategy(settings: Iterable[Setting], phis: Phis) -> Iterable[Way]:
    for setting, strategy in itertools.product(settings, STRATEGIES):
        yield from _priced(replace(setting, strategy=strategy), phis)


def _priced(setting: Setting, phis: Phis) -> list[Way]:
    """The networks at these φ, cheapest first; of one cost that of the first φ alone."""
    costs = scaled_costs(
        phis,
        family=setting.family,
        rule=setting.rule,
        strategy=setting.strategy,
        repeats=setting.repeats,
        base_resolution=setting.base_resolution,
        exact_pixels=setting.exact_pixels,
        num_classes=setting.num_classes,
    )
    amounts, first = np.unique(costs.mult_adds, return_index=True)
    return [
        Way(setting=setting, phi=float(phis[place]), mult_adds=int(amount))
        for amount, place in zip(amounts, first, strict=True)
        if costs.exists[place]
    ]


def _best(ways: list[Way], setting: Setting, base: int, times: float) -> EqualCost | None:
    """Of all common costs near the one asked for that with the least apart, WITHIN being enough."""
    asked, reach = base * times, NEAR + 2 * WITHIN
    near = [way for way in ways if abs(way.mult_adds / asked - 1) <= reach]
    each = [[way for way in near if way.setting.strategy == name] for name in STRATEGIES]
    if not all(each):
        return None
    costs = [np.array([way.mult_adds for way in held]) for held in each]
    places = {
        tuple(int(np.abs(cost - middle).argmin()) for cost in costs)
        for middle in np.unique(np.concatenate(costs))
    }
    found = (
        EqualCost(
            setting=setting,
            base=base,
            asked=asked,
            ways=tuple(held[place] for held, place in zip(each, four, strict=True)),
        )
        for four in places
    )
    reached = (four for four in found if abs(four.common / asked - 1) <= NEAR)
    return min(reached, key=_merit, default=None)


def _merit(found: EqualCost) -> tuple[float, float]:
    """Smaller is better: apart, then how far from what was asked for."""
    return max(found.apart, WITHIN), abs(found.common / found.asked - 1)
