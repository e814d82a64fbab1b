"""Who proposes: random places on the surface, an even grid of it, or TPE, which learns.

A worker draws with the search's seed and the trial's number, so that several workers never draw
the same, and one that goes on draws as if it had never stopped.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from effnet_core.search.surface import Sampler, Square, lattice

PARAMETERS = ("u", "v")
"""The two coordinates of a `Square`, as a study names them."""

STARTS = 10
"""Trials that TPE draws at random before it learns."""

_SPAN: dict[str, BaseDistribution] = {name: FloatDistribution(0, 1) for name in PARAMETERS}


def sampler(kind: Sampler, *, seed: int, trials: int) -> BaseSampler:
    """The sampler of a search for `trials` trials."""
    if kind == "grid":
        return _Grid(lattice(trials))
    if kind == "random":
        return _Numbered(seed, lambda drawn: RandomSampler(seed=drawn))
    return _Numbered(seed, _tpe)


def place(trial: optuna.Trial) -> Square:
    """Where on the surface a trial is."""
    u, v = (trial.suggest_float(name, 0, 1) for name in PARAMETERS)
    return u, v


def _tpe(seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(seed=seed, n_startup_trials=STARTS, multivariate=True, constant_liar=True)


class _Numbered(BaseSampler):
    """A sampler that is made anew for every trial, seeded with the trial's number."""

    def __init__(self, seed: int, make: Callable[[int], BaseSampler]) -> None:
        self.seed, self.make = seed, make
        self.inner = make(seed)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Seed with the search's seed and the trial's number."""
        self.inner = self.make((self.seed * 1_000_003 + trial.number) % 2**32)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Both coordinates together."""
        return _SPAN

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the inner sampler draws; nothing where it draws each coordinate alone."""
        return self.inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """What the inner sampler draws."""
        return self.inner.sample_independent(study, trial, param_name, param_distribution)


class _Grid(BaseSampler):
    """Goes through the places of a grid; the next is the first that no trial has yet."""

    def __init__(self, places: tuple[Square, ...]) -> None:
        self.places = places

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Both coordinates together."""
        return _SPAN

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The first place that is free, or the first of all once none is."""
        others = study.get_trials(deepcopy=False)
        taken = {_of(one.params) for one in others if one.number != trial.number and one.params}
        free = next((one for one in self.places if one not in taken), self.places[0])
        return dict(zip(PARAMETERS, free, strict=True))

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Never asked: both coordinates are always known together."""
        raise NotImplementedError


def _of(params: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(params.get(name) for name in PARAMETERS)
