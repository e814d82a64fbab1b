"""Trials by one process and by several, killed in the middle: none lost, none counted twice."""

from __future__ import annotations

import random
import time
from pathlib import Path

import optuna
import pytest

from effnet_core.search import running, samplers
from effnet_core.search.surface import SAMPLERS, Sampler, lattice, shares_at
from tests.core.search.formula import GRACE, SURFACE, kill, objective, require_whole, study, worker


@pytest.mark.parametrize("best", [(1.2, 1.1), (1.05, 1.25), (1.4, 1.05)])
def test_tpe_finds_the_optimum_of_a_known_surface_in_sixty_trials(
    best: tuple[float, float], tmp_path: Path
) -> None:
    alpha, beta = best
    gamma = (SURFACE.cost_factor / alpha / beta**2) ** 0.5  # so that it lies on the surface
    found = optuna.create_study(direction="maximize")  # in memory: the same trials, sooner
    found.sampler = samplers.sampler("tpe", seed=0, trials=60)
    tally = running.run(found, objective((alpha, beta, gamma)), 60, grace=GRACE)
    assert tally == running.Tally(60, 0, 0)
    rule = SURFACE.rule(shares_at((found.best_params["u"], found.best_params["v"])))
    assert (rule.alpha, rule.beta, rule.gamma) == pytest.approx((alpha, beta, gamma), abs=0.05)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_a_sampler_draws_the_same_again(kind: Sampler) -> None:
    drawn = []
    for _ in range(2):
        found = optuna.create_study(direction="maximize")
        found.sampler = samplers.sampler(kind, seed=3, trials=15)
        running.run(found, objective((1.2, 1.1, 1.15)), 15, grace=GRACE)
        drawn.append([tuple(one.params.values()) for one in found.trials])
    assert drawn[0] == drawn[1]
    if kind == "grid":
        assert sorted(drawn[0]) == sorted(lattice(15))


def test_twenty_kills_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    url, trials, drawn = f"sqlite:///{tmp_path / 'search.db'}", 24, random.Random(0)
    study(url)  # its tables
    for _ in range(20):
        process = worker(url, trials)
        time.sleep(drawn.uniform(0.2, 1.2))
        kill(process)
    last = worker(url, trials)
    last.join()
    assert last.exitcode == 0
    found = study(url)
    require_whole(found, trials)
    lost = [one for one in found.trials if one.state == optuna.trial.TrialState.FAIL]
    assert lost  # or nothing was killed in the middle, and this proves nothing


def test_two_workers_do_not_try_more_than_was_asked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'search.db'}"
    study(url)
    workers = [worker(url, 10, "grid") for _ in range(2)]
    for one in workers:
        one.join()
    found = study(url)
    require_whole(found, 10)
    assert {tuple(one.params.values()) for one in running.counted(found)} == set(lattice(10))


def test_a_worker_asked_to_stop_leaves_its_place_to_the_next(tmp_path: Path) -> None:
    found = study(f"sqlite:///{tmp_path / 'search.db'}")
    found.sampler = samplers.sampler("random", seed=0, trials=4)

    def stopped(trial: optuna.Trial, shares: object) -> float:
        if trial.number == 2:
            raise running.Stopped
        return 0.5

    with pytest.raises(running.Stopped):
        running.run(found, stopped, 4, grace=GRACE)
    place = found.trials[2].params
    running.run(found, lambda trial, shares: 0.5, 4, grace=GRACE)
    require_whole(found, 4)
    assert running.counted(found)[2].params == place
