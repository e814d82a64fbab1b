"""What a search for α, β and γ found, read from assets/measured/search. Needs no torch.

Accuracies are held-out top-1 after a short recipe, fractions from 0 to 1: they serve to choose
between the trials, and are lower than what a network reaches when it is trained longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from effnet_core.architecture.scaling import PAPER_RULE, ScalingCoefficients, ScalingRule
from effnet_core.files import (
    Amount,
    Number,
    Share,
    Text,
    Unfit,
    Whole,
    asset,
    conform,
    parse_json,
    unsealed,
)
from effnet_core.results.seeds import RunGroup
from effnet_core.results.trained import TrainedOn, read_record

AXES = ("depth", "width", "resolution")
DRAWS = 400
"""Bootstrap samples behind an uncertainty."""

FEWEST = 6
"""Fewer complete trials say nothing of importance: the curve that is fitted has three terms."""


@dataclass(frozen=True, kw_only=True)
class SearchTrial:
    """One trial: the place it was proposed at, the network that stands for it, and its curve.

    `proposed` lies on the surface; `rule` is what the network's coefficients come to after
    rounding, None with the rest where no network was trained. `curve` is the held-out top-1 after
    each epoch. `seed` is above 0 where an earlier trial had the same network. `seconds` are of
    training on `device`; `sentence` says why a trial failed.
    """

    number: Whole
    state: Literal["complete", "pruned", "failed"]
    proposed: ScalingRule
    rule: ScalingRule | None = None
    coefficients: ScalingCoefficients | None = None
    mult_adds: Whole | None = None
    seed: Whole = 0
    curve: tuple[Share, ...] = ()
    seconds: Amount | None = None
    device: Text | None = None
    sentence: str = ""

    @property
    def top1(self) -> float | None:
        """Held-out top-1 after the last epoch that was trained."""
        return self.curve[-1] if self.curve else None


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much of the complete trials' variance one axis alone explains, as a share.

    It is R² of a parabola in the logarithm of the axis' coefficient; `error` is the standard
    deviation over bootstrap samples of the trials.
    """

    axis: str
    share: float
    error: float


@dataclass(frozen=True, kw_only=True)
class SearchRecord:
    """A search as it was carried out.

    The base at φ = `base_phi` is grown by φ = `phi` of each rule to about `mult_adds`;
    `cost_factor` is the surface's α·β²·γ². `text` is the record as it lies.
    """

    id: Text
    name: Text
    sampler: Literal["random", "grid", "tpe"]
    seed: Whole
    base_phi: Number
    base_resolution: Whole
    num_classes: Whole
    phi: Number
    mult_adds: Whole
    base_mult_adds: Whole
    cost_factor: Number
    recipe: Mapping[str, Any]
    data: TrainedOn
    trials: tuple[SearchTrial, ...]
    date: Text
    text: str

    @property
    def complete(self) -> tuple[SearchTrial, ...]:
        """The trials that were trained to the end."""
        return tuple(one for one in self.trials if one.state == "complete" and one.rule)

    @property
    def pruned(self) -> int:
        """How many were given up for their curve."""
        return sum(one.state == "pruned" for one in self.trials)

    @property
    def best(self) -> SearchTrial | None:
        """The complete trial with the highest top-1."""
        return max(self.complete, key=lambda one: one.top1 or 0.0, default=None)

    @property
    def spread_of_seeds(self) -> float | None:
        """The standard deviation between seeds of one network, pooled over networks; or None."""
        groups: dict[object, list[float]] = {}
        for one in self.complete:
            groups.setdefault(one.coefficients, []).append(one.top1 or 0.0)
        several = [np.array(tops) for tops in groups.values() if len(tops) > 1]
        if not several:
            return None
        squares = sum(float(((tops - tops.mean()) ** 2).sum()) for tops in several)
        return float(np.sqrt(squares / sum(len(tops) - 1 for tops in several)))

    @cached_property
    def importance(self) -> tuple[Importance, ...]:
        """Each axis' importance, in the order of AXES; none for fewer than FEWEST trials."""
        complete = self.complete
        if len(complete) < FEWEST:
            return ()
        tops = np.array([one.top1 for one in complete])
        rules = [one.rule for one in complete if one.rule]
        found = []
        for axis, name in zip(AXES, ("alpha", "beta", "gamma"), strict=True):
            values = np.log([getattr(rule, name) for rule in rules])
            found.append(_importance(axis, values, tops))
        return tuple(found)


def searches(folder: Path | None = None) -> tuple[SearchRecord, ...]:
    """Every record below `folder` (default: the bundled ones), by id; raises InvalidInput."""
    if folder is None:
        try:
            folder = asset("assets/measured") / "search"
        except FileNotFoundError:
            return ()
    return tuple(read_search(path) for path in sorted(folder.glob("*.json")))


def read_search(path: Path) -> SearchRecord:
    """The record in a file; raises InvalidInput with a sentence that names it."""
    return read_record(path, _search, "id")


def _search(text: str) -> SearchRecord:
    values = unsealed(parse_json(text))
    if not isinstance(values, dict):
        raise Unfit("it is no JSON object")
    return conform(values | {"text": text}, SearchRecord, closed=False)


@dataclass(frozen=True, kw_only=True)
class SearchVerdict:
    """The best rule of a search against the paper's, each trained anew with several seeds.

    `margin` is the best's mean validation top-1 less the paper's; `error` the standard error that
    the seeds' spread gives it, None unless both have two seeds.
    """

    best: RunGroup
    paper: RunGroup
    margin: float
    error: float | None

    @property
    def apart(self) -> bool:
        """Whether the margin is beyond twice its standard error."""
        return self.error is not None and abs(self.margin) > 2 * self.error

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        points = f"{100 * abs(self.margin):.2f} points"
        seeds = f"{len(self.best.runs)} and {len(self.paper.runs)} seeds"
        if self.error is None:
            return "With one seed for either, nobody can tell the search's rule from the paper's."
        error = f"standard error {100 * self.error:.2f} over {seeds}"
        if not self.apart:
            return (
                f"The search's best rule and the paper's cannot be told apart: they lie {points} "
                f"apart ({error})."
            )
        word = "ahead of" if self.margin > 0 else "behind"
        return f"The search's best rule is {points} {word} the paper's ({error})."


def search_verdict(points: tuple[RunGroup, ...], record: SearchRecord) -> SearchVerdict | None:
    """The best of the search beside the paper's rule; None until both were trained alike.

    The paper's is the compound network of the duel from the same base, by the same recipe.
    """
    best = [one for one in points if one.group == "search" and one.base_phi == record.base_phi]
    for one in best:
        recipe = one.runs[0].shared_recipe
        for other in points:
            duel = other.group == "duel" and other.strategy == "compound"
            alike = other.base_phi == one.base_phi and other.runs[0].shared_recipe == recipe
            if duel and alike and other.runs[0].data == one.runs[0].data:
                return _verdict(one, other)
    return None


def on_surface(record: SearchRecord) -> ScalingRule:
    """The paper's rule moved along its own direction onto the record's surface."""
    power = np.log(record.cost_factor) / np.log(PAPER_RULE.cost_factor)
    rule = PAPER_RULE
    return ScalingRule(float(rule.alpha**power), float(rule.beta**power), float(rule.gamma**power))


def _verdict(best: RunGroup, paper: RunGroup) -> SearchVerdict:
    error = None
    if best.spread is not None and paper.spread is not None:
        parts = ((one.spread or 0.0) ** 2 / len(one.runs) for one in (best, paper))
        error = float(np.sqrt(sum(parts)))
    margin = best.mean_top1 - paper.mean_top1
    return SearchVerdict(best=best, paper=paper, margin=margin, error=error)


def _importance(axis: str, values: np.ndarray, tops: np.ndarray) -> Importance:
    drawn = np.random.default_rng(0)
    shares = []
    for _ in range(DRAWS):
        rows = drawn.integers(len(tops), size=len(tops))
        shares.append(_explained(values[rows], tops[rows]))
    return Importance(axis=axis, share=_explained(values, tops), error=float(np.std(shares)))


def _explained(values: np.ndarray, tops: np.ndarray) -> float:
    """R² of the parabola that fits best; 0 where nothing varies."""
    terms = np.stack([np.ones_like(values), values, values**2], axis=1)
    fitted = terms @ np.linalg.lstsq(terms, tops, rcond=None)[0]
    whole = float(((tops - tops.mean()) ** 2).sum())
    return 0.0 if not whole else max(0.0, 1 - float(((tops - fitted) ** 2).sum()) / whole)
