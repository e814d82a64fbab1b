"""Runs that differ in nothing but their seed: one point with a spread. Needs no torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from effnet_core.cost.report import CostTotals
from effnet_core.results.trained import MeasuredRun, Validation


@dataclass(frozen=True, kw_only=True)
class RunGroup:
    """Validated runs of one network under one recipe, which differ in their seed: one point.

    `mean_top1` is a fraction; `spread` is the seeds' standard deviation (n − 1), None for one run.
    """

    group: str
    strategy: str
    base_phi: float | None
    runs: tuple[MeasuredRun, ...]
    mean_top1: float
    spread: float | None

    @property
    def cost(self) -> CostTotals:
        """Exact cost, the same for every seed."""
        return self.runs[0].cost

    @property
    def seed_range(self) -> tuple[float, float]:
        """The lowest and the highest seed's top-1."""
        tops = [validated(run).top1 for run in self.runs]
        return min(tops), max(tops)


def grouped(runs: Iterable[MeasuredRun]) -> tuple[RunGroup, ...]:
    """The validated runs as points, in their order: same group, strategy, base φ and φ.

    Networks, origins, photos or recipes that differ in more than their seed are never averaged.
    """
    found: dict[tuple[object, ...], list[MeasuredRun]] = {}
    for run in runs:
        if run.validation is not None:
            network = (run.group, run.strategy, run.base_phi, run.phi, run.spec, run.origin)
            photos = (run.data.name, run.data.train, run.validation.photos)
            found.setdefault((network, run.shared_recipe, photos), []).append(run)
    return tuple(_group(tuple(ours)) for ours in found.values())


def validated(run: MeasuredRun) -> Validation:
    """The look at the validation photos of a run that is part of a `RunGroup`."""
    assert run.validation is not None  # `grouped` takes no other
    return run.validation


def _group(runs: tuple[MeasuredRun, ...]) -> RunGroup:
    tops = [validated(run).top1 for run in runs]
    first = runs[0]
    return RunGroup(
        group=first.group,
        strategy=first.strategy,
        base_phi=first.base_phi,
        runs=runs,
        mean_top1=statistics.fmean(tops),
        spread=statistics.stdev(tops) if len(tops) > 1 else None,
    )


@dataclass(frozen=True, kw_only=True)
class Paired:
    """The mean difference of two points' top-1 over the seeds that both have, and its error.

    `error` is the standard error of the mean, None for one seed.
    """

    difference: float
    error: float | None
    seeds: int


def paired(one: RunGroup, other: RunGroup) -> Paired | None:
    """`one` less `other`, seed by seed; None where they share no seed."""
    first, second = (
        {run.seed: validated(run).top1 for run in group.runs} for group in (one, other)
    )
    differences = [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]
    if not differences:
        return None
    count, error = len(differences), None
    if count > 1:
        error = statistics.stdev(differences) / count**0.5
    return Paired(difference=statistics.fmean(differences), error=error, seeds=count)
