"""Searches without photos: the accuracy is a formula, and processes are forked to be killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from multiprocessing.process import BaseProcess
from typing import Any

import optuna

from effnet_core.search import running, samplers, storage
from effnet_core.search.surface import Sampler, Shares, Surface

SURFACE = Surface(1.944)
INTERVAL, GRACE = 1, 2


def objective(best: tuple[float, float, float], pause: float = 0.0) -> running.Objective:
    """An accuracy that falls with the square of the distance from the rule `best`."""

    def accuracy(trial: optuna.Trial, shares: Shares) -> float:
        rule = SURFACE.rule(shares)
        off = ((rule.alpha - best[0]), (rule.beta - best[1]), (rule.gamma - best[2]))
        for epoch in (1, 2):
            time.sleep(pause)
            if epoch not in running.reported(trial):
                trial.report(0.1 * epoch, epoch)
        return 0.5 - sum(one**2 for one in off)

    return accuracy


def study(url: str, about: dict[str, Any] | None = None) -> optuna.Study:
    """The study of a formula."""
    place = storage.open_storage(url, interval=INTERVAL, grace=GRACE)
    return storage.open_study(
        place, "formula", about or {"recipe": 1, "data": 2}, optuna.pruners.NopPruner()
    )


def work(url: str, trials: int, kind: Sampler = "tpe", pause: float = 0.05) -> None:
    """What a worker does: everything up to `trials`."""
    found = study(url)
    found.sampler = samplers.sampler(kind, seed=0, trials=trials)
    running.run(found, objective((1.2, 1.1, 1.15), pause), trials, grace=GRACE)


def worker(url: str, trials: int, kind: Sampler = "tpe") -> BaseProcess:
    """A forked worker, which has nothing open that its parent has."""
    started = multiprocessing.get_context("fork").Process(target=work, args=(url, trials, kind))
    started.start()
    return started


def kill(process: BaseProcess) -> None:
    """kill -9."""
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def require_whole(found: optuna.Study, trials: int) -> None:
    """Every place was tried to the end once, and none that was begun is missing."""
    counted = running.counted(found)
    assert len(counted) == trials
    roots = [running.root(one) for one in counted]
    assert len(set(roots)) == trials
    assert len({tuple(one.params.values()) for one in counted}) == trials
    begun = {
        running.root(one)
        for one in found.get_trials(deepcopy=False)
        if running.has_place(one) and running.SURPLUS not in one.user_attrs
    }
    assert begun == set(roots)  # what was begun was not lost, and nothing else was counted
