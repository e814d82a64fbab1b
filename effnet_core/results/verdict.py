"""Did the paper's compound rule win at equal cost? The duel of this project's own networks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from effnet_core.architecture.scaling import STRATEGIES
from effnet_core.results.seeds import RunGroup, grouped, validated
from effnet_core.results.trained import MeasuredRun

EQUAL_COST = 0.03
"""Costs count as equal when the dearest is at most this share above the cheapest."""


@dataclass(frozen=True, kw_only=True)
class DuelVerdict:
    """Did the compound rule win at equal cost? All accuracies are validation top-1, fractions.

    `rivals` are depth, width and resolution only, best first. `margin` is compound's mean less
    the best rival's: negative where it lost. `spread` is the larger standard deviation over seeds
    of those two, None unless both have two seeds. `photo_error` is the standard error that the
    number of validation photos alone gives the margin. `cost_gap` is how much more multiply-adds
    the dearest of the four takes than the cheapest, as a share.
    """

    base_phi: float | None
    compound: RunGroup
    rivals: tuple[RunGroup, ...]
    margin: float
    spread: float | None
    photo_error: float
    cost_gap: float

    @property
    def equal_cost(self) -> bool:
        """Whether the four cost the same, within `EQUAL_COST`."""
        return self.cost_gap <= EQUAL_COST

    @property
    def won(self) -> bool | None:
        """Whether compound has the higher mean, by however little; None at unequal cost."""
        return self.margin > 0 if self.equal_cost else None

    @property
    def clear(self) -> bool:
        """Whether the margin, either way, is beyond twice the photos' error and the spread."""
        return abs(self.margin) > max(2 * self.photo_error, self.spread or 0.0)

    @property
    def headline(self) -> str:
        """The answer in one sentence."""
        if not self.equal_cost:
            return "The duel was not fought at equal cost, so nobody won it."
        rival = in_words(self.rivals[0].strategy)
        if self.margin == 0:
            return f"Compound scaling did not win the duel at this scale: {rival} is level with it."
        if self.won:
            how = "won the duel" if self.clear else "leads in the duel by what may be chance"
            return f"Compound scaling {how}: {_points(self.margin)} ahead of {rival}."
        behind = f"{_points(-self.margin)} behind {rival}"
        return f"Compound scaling did not win the duel at this scale: it is {behind}."

    @property
    def details(self) -> str:
        """The numbers behind the answer, and what chance may have done to them."""
        four = (self.compound, *self.rivals)
        reached = ", ".join(f"{in_words(one.strategy)} {100 * one.mean_top1:.1f} %" for one in four)
        start = "" if self.base_phi is None else f" from φ = {self.base_phi:g}".replace("-", "−")
        millions = self.compound.cost.mult_adds / 1e6
        if self.spread is None:
            seeds = "with one seed for either, the spread between seeds is unknown"
        else:
            seeds = f"their seeds spread by {_points(self.spread)} (standard deviation)"
        judged = "beyond what these two explain" if self.clear else "one that chance could make"
        return (
            f"Four networks grown{start} to about {millions:,.0f} M multiply-adds, the dearest "
            f"{100 * self.cost_gap:.1f} % above the cheapest, by one recipe; validation top-1: "
            f"{reached}. The number of photos alone gives the difference between compound and the "
            f"best other a standard error of {_points(self.photo_error)}, and {seeds}: the margin "
            f"is {judged}."
        )


def in_words(strategy: str) -> str:
    """What people call a strategy of the duel: "compound", "depth only"."""
    return strategy if strategy == "compound" else f"{strategy} only"


def duel_verdict(runs: Iterable[MeasuredRun]) -> DuelVerdict | None:
    """The answer of the duel with the most runs; None unless all four were trained and validated.

    The four share their base φ, their recipe and their data.
    """
    duels: dict[tuple[object, ...], dict[str, RunGroup]] = {}
    for one in grouped(run for run in runs if run.group == "duel"):
        run = one.runs[0]
        place = (one.base_phi, run.shared_recipe, run.data.name, run.data.train, _photos(run))
        held = duels.setdefault(place, {})
        if one.strategy not in held or len(held[one.strategy].runs) < len(one.runs):
            held[one.strategy] = one
    whole = [four for four in duels.values() if set(four) == set(STRATEGIES)]
    if not whole:
        return None
    return _verdict(max(whole, key=lambda four: sum(len(one.runs) for one in four.values())))


def _verdict(four: dict[str, RunGroup]) -> DuelVerdict:
    compound = four["compound"]
    rivals = sorted(
        (one for name, one in four.items() if name != "compound"),
        key=lambda one: one.mean_top1,
        reverse=True,
    )
    spreads = [one.spread for one in (compound, rivals[0]) if one.spread is not None]
    costs = [one.cost.mult_adds for one in four.values()]
    return DuelVerdict(
        base_phi=compound.base_phi,
        compound=compound,
        rivals=tuple(rivals),
        margin=compound.mean_top1 - rivals[0].mean_top1,
        spread=max(spreads) if len(spreads) == 2 else None,
        photo_error=math.hypot(_photo_error(compound), _photo_error(rivals[0])),
        cost_gap=max(costs) / min(costs) - 1,
    )


def _points(share: float) -> str:
    return f"{100 * share:.2f} points"


def _photo_error(one: RunGroup) -> float:
    """√(p(1 − p)/n), as if every seed saw the same n photos and erred on the same ones."""
    return math.sqrt(one.mean_top1 * (1 - one.mean_top1) / _photos(one.runs[0]))


def _photos(run: MeasuredRun) -> int:
    return validated(run).photos
