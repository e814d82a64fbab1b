"""What a trial is: the network of its place, trained by the short recipe, pruned by its curve."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna

from effnet_core.errors import InvalidInput
from effnet_core.search.running import ROOT, Stopped, reported, root
from effnet_core.search.space import NoNetwork, Proposal, SearchSpace
from effnet_core.search.surface import Shares
from effnet_core.training import job, loop
from effnet_core.training.distributed import World
from effnet_core.training.job import TrainingData
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.runs.run import Status
from effnet_core.training.trainer import TrainingError

NETWORK, SEED, FAILED, SECONDS, DEVICE = "network", "seed", "failed", "seconds", "device"
"""Attributes of a trial: its network, the seed, why it failed, seconds of training, on what."""

REDUCTION = 3
"""Of the trials that Hyperband compares at a rung, one in so many goes on."""

Progress = Callable[[int, Status], None]
"""Told a trial's number and how far it is."""


def pruner(epochs: int) -> optuna.pruners.BasePruner:
    """Hyperband (arXiv 1603.06560) over a trial's epochs."""
    return optuna.pruners.HyperbandPruner(
        min_resource=1, max_resource=epochs, reduction_factor=REDUCTION
    )


def about(space: SearchSpace, data: TrainingData) -> dict[str, Any]:
    """What a study is about: the space, and the photos without their place."""
    photos = data.describe(space.recipe)
    del photos["path"]
    return {**space.describe(), "data": photos}


class Training:
    """The objective: a trial's held-out top-1 after the last epoch.

    Each trial trains in a folder of its own below `folder`, and one that was broken off goes on
    there, if the folder is this machine's; the folder goes when the trial has ended. A network
    that was tried before is trained with the next seed, which shows what chance does.
    """

    def __init__(
        self,
        space: SearchSpace,
        data: TrainingData,
        folder: Path,
        world: World,
        progress: Progress = lambda number, status: None,
    ) -> None:
        self.space, self.data, self.folder, self.world = space, data, folder, world
        self.progress = progress

    def __call__(self, trial: optuna.Trial, shares: Shares) -> float:
        """The top-1 of a place; raises optuna.TrialPruned and Stopped."""
        try:
            proposal = self.space.propose(shares)
        except NoNetwork as error:
            raise _given_up(trial, error) from None
        number = int(trial.user_attrs.get(ROOT, trial.number))
        if SEED not in trial.user_attrs:
            trial.set_user_attr(NETWORK, network_of(self.space, proposal))
            trial.set_user_attr(SEED, _seed(trial, number))
        folder = RunFolder(self.folder / f"{trial.study.study_name}-{number}")
        top1 = self._trained(trial, number, proposal, folder)
        shutil.rmtree(folder.path, ignore_errors=True)
        return top1

    def _trained(
        self, trial: optuna.Trial, number: int, proposal: Proposal, folder: RunFolder
    ) -> float:
        recipe = dataclasses.replace(self.space.recipe, seed=trial.user_attrs[SEED])
        task = job.new_job(self.space.spec(proposal), self.data, recipe)
        if self.space.family.classifier == "zero":
            task = dataclasses.replace(task, model=job.zeroed_model(task.spec, recipe))
        report = _Report(trial, recipe.epochs, lambda status: self.progress(number, status))
        try:
            result = loop.run(task, folder, self.world, resume=folder.exists, report=report)
        except optuna.TrialPruned:
            self._told(trial, report.seconds)
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        except TrainingError as error:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise _given_up(trial, error) from None
        if result.state == "stopped":
            raise Stopped
        self._told(trial, result.seconds)
        assert result.top1 is not None  # `read` sees to it that photos are held out
        return result.top1

    def _told(self, trial: optuna.Trial, seconds: float) -> None:
        trial.set_user_attr(SECONDS, seconds)
        trial.set_user_attr(DEVICE, str(self.world.device))


def network_of(space: SearchSpace, proposal: Proposal) -> dict[str, Any]:
    """A proposal as a trial keeps it: rules, coefficients and the exact cost, as plain values."""
    spec = space.spec(proposal)
    blocks = [[one.stage, one.index, one.out_channels, one.kernel] for one in spec.blocks]
    return {
        "proposed": dataclasses.asdict(proposal.proposed),
        "rule": dataclasses.asdict(proposal.rule),
        "coefficients": dataclasses.asdict(proposal.coefficients),
        "mult_adds": proposal.mult_adds,
        "built": json.dumps([spec.resolution, spec.stem_channels, spec.head_channels, blocks]),
    }


class _Report:
    """Tells the trial each epoch's top-1, and stops one that is not worth going on with."""

    def __init__(self, trial: optuna.Trial, epochs: int, told: Callable[[Status], None]) -> None:
        self.trial, self.epochs, self.told = trial, epochs, told
        self.epoch, self.seconds = max(reported(trial), default=0), 0.0

    def __call__(self, status: Status) -> None:
        if status.state == "failed":  # which is what becomes of a run that is pruned
            return
        self.told(status)
        self.seconds = status.seconds
        if status.top1 is None or status.epoch <= self.epoch:
            return
        self.epoch = status.epoch
        self.trial.report(status.top1, self.epoch)
        if self.epoch < self.epochs and self.trial.should_prune():
            raise optuna.TrialPruned


def _seed(trial: optuna.Trial, number: int) -> int:
    """How many places before this one gave the same network."""
    own = trial.user_attrs[NETWORK]["built"]
    return len(
        {
            root(one)
            for one in trial.study.get_trials(deepcopy=False)
            if one.user_attrs.get(NETWORK, {}).get("built") == own and root(one) != number
        }
    )


def _given_up(trial: optuna.Trial, error: Exception) -> optuna.TrialPruned:
    """A trial that came to nothing still counts; its sentence is kept."""
    trial.set_user_attr(FAILED, str(error))
    return optuna.TrialPruned(str(error))


def require_suitable(space: SearchSpace, data: TrainingData) -> None:
    """Raise InvalidInput unless the photos are the search's, and some are held out."""
    family = space.family
    if family.class_ids and data.photos.class_ids != family.class_ids:
        raise InvalidInput(
            "The photos have other classes, or in another order, than the search is for; prepare "
            "them with `effnet data prepare --classes` and the list's class_ids."
        )
    if len(data.photos.classes) != family.num_classes:
        raise InvalidInput(
            f"The photos have {len(data.photos.classes)} classes, and the networks of the search "
            f"{family.num_classes}."
        )
    if not space.recipe.held_out:
        raise InvalidInput("A search compares trials on held-out photos: set held_out above 0.")
