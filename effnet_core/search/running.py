"""The trials of a search, by as many processes and machines as share its storage.

A trial is a place on the surface. Where its process dies, the place is tried again, under a new
number whose `ROOT` is the old one's; a root counts once, when a trial of it has ended. What a dead
process leaves behind is found by whoever works next: no list of workers is kept.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import optuna
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages._heartbeat import BaseHeartbeat, is_heartbeat_enabled
from optuna.trial import FrozenTrial, TrialState

from effnet_core.search import samplers
from effnet_core.search.surface import Shares, shares_at

ROOT, SURPLUS, SEEN = "root", "surplus", "seen"
"""Attributes of a trial: the number of the first that tried its place; that it must not count;
that it has given a sign of life."""

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)

Objective = Callable[[optuna.Trial, Shares], float]
"""The accuracy of a place; may raise optuna.TrialPruned, or `Stopped`."""


class Stopped(Exception):
    """The process was asked to stop in the middle of a trial, which is tried again later."""


class _Surplus(Exception):
    """Another trial has this one's turn."""


@dataclass(frozen=True)
class Tally:
    """How many places have been tried to the end, and how many are under way or wait."""

    ended: int
    running: int
    waiting: int


def run(
    study: optuna.Study,
    objective: Objective,
    trials: int,
    *,
    grace: float,
    told: Callable[[FrozenTrial, Tally], None] = lambda trial, tally: None,
) -> Tally:
    """Work until `trials` places have been tried, by this process and others, each of them once.

    `grace` is after how many seconds without a sign of life a trial is lost. Lets `Stopped` and
    KeyboardInterrupt through, after which the same call goes on.
    """
    while True:
        recover(study, grace)
        found = tally(study)
        if found.ended >= trials:
            return found
        if not found.waiting and found.ended + found.running >= trials:
            time.sleep(min(1.0, grace / 4))  # another process has the last ones; it may yet die
            continue
        _one(study, objective, trials, grace, told)


def tally(study: optuna.Study) -> Tally:
    """Count roots, so that a place that was tried twice counts once."""
    states: dict[int, set[TrialState]] = {}
    for trial in study.get_trials(deepcopy=False):
        if SURPLUS not in trial.user_attrs:
            states.setdefault(root(trial), set()).add(trial.state)
    ended = [one for one in states.values() if one & set(ENDED)]
    rest = [one for one in states.values() if not one & set(ENDED)]
    running = sum(TrialState.RUNNING in one for one in rest)
    waiting = sum(TrialState.WAITING in one - {TrialState.RUNNING} for one in rest)
    return Tally(len(ended), running, waiting)


def counted(study: optuna.Study) -> tuple[FrozenTrial, ...]:
    """One trial for each place that was tried to the end, in the order of their roots."""
    found: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False, states=ENDED):
        if SURPLUS not in trial.user_attrs:
            found.setdefault(root(trial), trial)
    return tuple(found[number] for number in sorted(found))


def root(trial: FrozenTrial) -> int:
    """The number of the first trial of a trial's place."""
    return int(trial.user_attrs.get(ROOT, trial.number))


def reported(trial: optuna.Trial) -> dict[int, float]:
    """What a trial, or the one that it takes the place of, has reported, by step."""
    return trial.study._storage.get_trial(trial._trial_id).intermediate_values


def has_place(trial: FrozenTrial) -> bool:
    """Whether it is known what the trial was to try; one that died earlier has lost nothing."""
    return len(trial.params) == len(samplers.PARAMETERS)


def recover(study: optuna.Study, grace: float) -> None:
    """Give up trials whose process died, and put their places in line again."""
    _give_up(study, grace)
    trials = study.get_trials(deepcopy=False)
    alive = {root(one) for one in trials if one.state != TrialState.FAIL}
    for trial in trials:
        lost = trial.state == TrialState.FAIL and SURPLUS not in trial.user_attrs
        if lost and has_place(trial) and root(trial) not in alive:
            alive.add(root(trial))
            known = {key: value for key, value in trial.user_attrs.items() if key != SEEN}
            study.add_trial(
                optuna.trial.create_trial(
                    state=TrialState.WAITING,
                    params=trial.params,
                    distributions=trial.distributions,
                    user_attrs={**known, ROOT: root(trial)},
                    intermediate_values=trial.intermediate_values,
                )
            )


def _give_up(study: optuna.Study, grace: float) -> None:
    """Fail the trials that gave no sign of life, among them those that died before the first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    long_ago = datetime.now() - timedelta(seconds=grace)
    storage = study._storage
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        began = trial.datetime_start
        if SEEN not in trial.user_attrs and began is not None and began < long_ago:
            try:
                storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            except UpdateFinishedTrialError:
                continue  # another process was faster


def _one(
    study: optuna.Study,
    objective: Objective,
    trials: int,
    grace: float,
    told: Callable[[FrozenTrial, Tally], None],
) -> None:
    """One trial, unless another process took the turn meanwhile."""

    storage = study._storage

    def tried(trial: optuna.Trial) -> float:
        if isinstance(storage, BaseHeartbeat) and is_heartbeat_enabled(storage):
            # the first at once: one that is killed before it would never be found
            storage.record_heartbeat(trial._trial_id)
        trial.set_user_attr(SEEN, True)
        shares = shares_at(samplers.place(trial))
        _await_places(study, trial.number, grace)
        _require_turn(study, trial, trials)
        return objective(trial, shares)

    def ended(study: optuna.Study, trial: FrozenTrial) -> None:
        if trial.state in ENDED:
            told(trial, tally(study))

    try:
        study.optimize(tried, n_trials=1, catch=(_Surplus,), callbacks=[ended])
    except UpdateFinishedTrialError:
        return  # this process slept so long that it was given up; another has the place


def _await_places(study: optuna.Study, number: int, grace: float) -> None:
    """Wait until every trial under way before this one says what it tries, or is lost."""
    until = time.monotonic() + grace
    while time.monotonic() < until and any(
        one.number < number and not has_place(one)
        for one in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    ):
        time.sleep(0.05)


def _require_turn(study: optuna.Study, trial: optuna.Trial, trials: int) -> None:
    """Raise _Surplus where enough places are ahead of this one, or it is tried by another."""
    others = [
        one
        for one in study.get_trials(deepcopy=False)
        if one.number != trial.number
        and one.state != TrialState.FAIL
        and SURPLUS not in one.user_attrs
    ]
    own = int(trial.user_attrs.get(ROOT, trial.number))
    ahead = {root(one) for one in others if root(one) < own}
    twins = [
        one
        for one in others
        if root(one) == own or (one.params == trial.params and one.number < trial.number)
    ]
    first = min((one.number for one in twins), default=trial.number)
    if len(ahead) >= trials or first < trial.number or any(one.state in ENDED for one in twins):
        trial.set_user_attr(SURPLUS, True)
        raise _Surplus
