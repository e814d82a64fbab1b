"""The largest φ of the formula within a budget."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from effnet_core.cost.arrays import CostArrays, scaled_costs
from effnet_core.cost.budget.answers import Answer, Candidate, candidate, nothing_fits, rooms
from effnet_core.cost.budget.limits import (
    Counts,
    Latency,
    Limits,
    Setting,
    counted,
    require_possible,
)
from effnet_core.limits import PHI_MAX, PHI_MIN

PHI_STEP = 0.01

_STEPS = round(1 / PHI_STEP)
_PHIS = np.arange(round(PHI_MIN * _STEPS), round(PHI_MAX * _STEPS) + 1) / _STEPS
SEARCHED = f"every φ from {PHI_MIN:g} to {PHI_MAX:g} in steps of {PHI_STEP:g}"


def largest_phi(
    limits: Limits, setting: Setting | None = None, *, latency: Latency | None = None
) -> Answer:
    """The largest φ whose network keeps every limit, among all φ in steps of PHI_STEP.

    Every one of them is priced: where a factor of the rule is below 1, an axis shrinks while φ
    grows, and a network may fit though a smaller φ does not. `latency` is asked from the largest φ
    downwards until the slow edge of its band is within the limit. Raises InvalidInput for limits
    that no network can meet, or that need a latency where there is none.
    """
    setting = setting or Setting()
    require_possible(limits, setting, latency)
    latency = latency if limits.latency_ms is not None else None
    formula = _Formula(setting, latency, counted(partial(_price, setting), setting))
    for place in np.flatnonzero(formula.counts.within(limits))[::-1]:
        found = formula.network(int(place))
        if not found.broken(limits):
            break
    else:
        return nothing_fits(formula.smallest(), limits, SEARCHED)
    above = formula.above(int(place))
    return Answer(
        fits=True,
        network=found,
        rooms=rooms(found, limits),
        binding=above.broken(limits) if above else (),
        ends=() if above else ("phi",),
        searched=SEARCHED,
    )


@dataclass(frozen=True, eq=False)
class _Formula:
    """The networks of every φ searched, priced."""

    setting: Setting
    latency: Latency | None
    counts: Counts

    def network(self, place: int) -> Candidate:
        """The network of the φ at `place`."""
        phi = float(_PHIS[place])
        depth, width, _ = self.setting.rule.ratios(phi, self.setting.strategy)
        found = candidate(self.counts, place, phi=phi, depth=depth, width=width)
        return found.timed(self.setting, self.latency)

    def above(self, place: int) -> Candidate | None:
        """The network of the next φ; None where the search or the formula's cap ends."""
        after = place + 1
        if after == len(_PHIS) or not self.counts.exists[after]:
            return None
        return self.network(after)

    def smallest(self) -> Candidate:
        """The network with the fewest multiply-adds."""
        existing = np.flatnonzero(self.counts.exists)
        return self.network(int(existing[np.argmin(self.counts.mult_adds[existing])]))


def _price(setting: Setting, dtype: str) -> CostArrays:
    return scaled_costs(
        _PHIS,
        family=setting.family,
        rule=setting.rule,
        strategy=setting.strategy,
        repeats=setting.repeats,
        base_resolution=setting.base_resolution,
        exact_pixels=setting.exact_pixels,
        num_classes=setting.num_classes,
        batch=setting.batch,
        dtype=dtype,
    )
