"""A whole run: epochs of steps, measured on held-out photos, saved so that nothing is lost."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from effnet_core.errors import EffnetError
from effnet_core.evaluation.accuracy import Accuracy
from effnet_core.network.build import build
from effnet_core.training.distributed import World
from effnet_core.training.holding_out import hold_out, told_of
from effnet_core.training.interruption import DIVERGED, asked_to_stop, is_foreseen, sentence
from effnet_core.training.job import Job, shown
from effnet_core.training.judge import Judge
from effnet_core.training.memory import require_room
from effnet_core.training.progress import Stopwatch
from effnet_core.training.runs.folder import RunFolder, environment
from effnet_core.training.runs.run import Result, State, Status
from effnet_core.training.schedule import work
from effnet_core.training.trainer import Trainer, TrainingError, trained_spec
from effnet_core.weights import save_checkpoint

LOG_STEPS = 20
"""Steps between two looks at the loss, which waits for the device."""

CHECKPOINT_SECONDS = 60.0
STATUS_SECONDS = 1.0

Report = Callable[[Status], None]


def run(
    job: Job,
    folder: RunFolder,
    world: World,
    *,
    resume: bool = False,
    report: Report = lambda status: None,
) -> Result:
    """Train until the end, or until a SIGTERM or Ctrl-C, after which it can be resumed.

    `report` is told the status about once a second, and whenever it changes its state. Raises
    TrainingError (the folder is taken, the loss is no longer finite, out of memory, nothing to
    resume), DoesNotFit and WeightsError (full disk); whatever was saved before stays.
    """
    job = replace(job, spec=trained_spec(job.spec, job.recipe))
    with folder.claimed() if world.first else nullcontext():
        if world.first and not resume:
            folder.require_new()
        course = None
        try:
            world.wait()
            course = _begun(job, folder, world, report, resume=resume)
            return course.follow()
        except Exception as error:
            told = sentence(error, job.recipe)
            if world.first:
                status = course.status("failed", told) if course else _not_begun(told)
                with suppress(EffnetError):  # of a full disk; what went wrong first is what is told
                    folder.write_status(status)
                report(status)
            if is_foreseen(error):
                raise TrainingError(told) from error
            raise


def _begun(job: Job, folder: RunFolder, world: World, report: Report, *, resume: bool) -> _Course:
    """The course of a run that begins, or goes on from what its folder holds."""
    recipe, about = job.recipe, folder.begun().about if resume else job.about
    preprocessing = shown(job, about if resume else {})
    require_room(job.spec, recipe, world)
    saved = _saved(job, folder, world) if resume else None
    rows, held = hold_out(job.photos, recipe, about if resume else None)
    mine = held[world.rank :: world.size]
    model = job.model or build(
        job.spec, device=str(world.device), seed=recipe.seed, batch=recipe.micro_batch
    )
    trainer = Trainer(model, job.photos, recipe, preprocessing, world, rows=rows)
    course = _Course(
        job=job,
        folder=folder,
        world=world,
        report=report,
        trainer=trainer,
        judge=Judge.of(job.spec, job.photos.subset(mine), preprocessing, world),
        loss_sum=torch.zeros((), device=world.device, dtype=torch.float64),
    )
    if saved is not None:
        course.restore(saved)
    if world.first and resume:
        folder.keep_metrics_until(trainer.steps)
    elif world.first:
        about = {**about, "preprocessing": preprocessing.to_dict(), **told_of(job.photos, held)}
        folder.begin(job.spec, recipe, about | environment(world.device), course.state())
    return course


def _saved(job: Job, folder: RunFolder, world: World) -> dict[str, Any] | None:
    """The state that the job's run was saved in, None before its first step."""
    begun = folder.begun()
    if (begun.recipe, begun.spec) != (job.recipe, job.spec):
        raise TrainingError(
            f"The run in {folder.path} was begun with another recipe or network; resume it as it "
            "is, or give another folder."
        )
    state = folder.load_state(world.device)
    if state is None and "from" in begun.about and job.model is None:
        raise TrainingError(
            f"{folder.checkpoint} is gone, and the weights that the run began from with it; begin "
            "again in another folder."
        )
    return state


@dataclass(kw_only=True, eq=False)
class _Course:
    """One run under way: what trains and judges, and how far it is.

    `loss_sum` is over the steps of this epoch and `loss` its mean at the last look, `accuracy` is
    the last epoch's; this process took over at `first_step`.
    """

    job: Job
    folder: RunFolder
    world: World
    report: Report
    trainer: Trainer
    judge: Judge
    loss_sum: Tensor
    clock: Stopwatch = field(default_factory=Stopwatch)
    first_step: int = 0
    loss: float | None = None
    accuracy: Accuracy | None = None

    def follow(self) -> Result:
        """Step until the end, or until some process is asked to stop."""
        trainer, stopped = self.trainer, False
        with asked_to_stop(self.world) as wanted, _tuned(self.world.device):
            self._tell("running")
            while trainer.steps < trainer.total_steps and not stopped:
                stopped = self._epoch(wanted)
        finished = trainer.steps == trainer.total_steps
        result = self._result("finished" if finished else "stopped", signal.SIGINT in wanted)
        if finished and self.world.first:
            self._keep(result)
        self._tell(result.state)
        return result

    def status(self, state: State, told: str = "") -> Status:
        """How far the run is now."""
        trainer, recipe, seconds = self.trainer, self.job.recipe, self.clock.here
        before, now, whole = (
            work(recipe, step, trainer.steps_per_epoch, self.judge.shown.crop)
            for step in (self.first_step, trainer.steps, trainer.total_steps)
        )
        done = trainer.steps - self.first_step
        return Status(
            state=state,
            pid=os.getpid(),
            epoch=trainer.steps // trainer.steps_per_epoch,
            epochs=recipe.epochs,
            step=trainer.steps,
            steps=trainer.total_steps,
            loss=self.loss,
            top1=None if self.accuracy is None else self.accuracy.top1,
            class_mean=None if self.accuracy is None else self.accuracy.class_mean,
            photos_per_second=recipe.batch * done / seconds if done else None,
            seconds=self.clock.seconds,
            seconds_left=seconds * (whole - now) / (now - before) if done else None,
            sentence=told,
        )

    def state(self) -> dict[str, Any]:
        """All that `restore` needs to go on as if nothing had happened."""
        return {
            **self.trainer.state(),
            "loss_sum": self.loss_sum,
            "seconds": self.clock.seconds,
            "training_seconds": self.clock.training,
            "accuracy": None if self.accuracy is None else asdict(self.accuracy),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.trainer.restore(state)
        self.first_step, self.loss_sum = self.trainer.steps, state["loss_sum"]
        self.clock = Stopwatch(state["seconds"], state.get("training_seconds", state["seconds"]))
        self.accuracy = state["accuracy"] and Accuracy(**state["accuracy"])

    def _epoch(self, wanted: list[int]) -> bool:
        """Step until the epoch ends or some process is asked to stop; whether it was."""
        trainer, stopped, ends = self.trainer, False, False
        began = (trainer.steps, self.clock.training)
        saved = told = self.clock.here
        while not (stopped or ends):
            loss, stopped = trainer.step(stop=bool(wanted))
            self.loss_sum += loss
            ends = trainer.steps % trainer.steps_per_epoch == 0
            if ends or trainer.steps % LOG_STEPS == 0:
                metric = self._end_of_epoch(*began) if ends else self._look("step")
                if self.world.first:
                    self.folder.add_metric(metric)
            now = self.clock.here
            if stopped or ends or now - saved >= CHECKPOINT_SECONDS:
                saved = now
                self._save()
            if ends or now - told >= STATUS_SECONDS:
                told = now
                self._tell("running")
        return stopped

    def _end_of_epoch(self, first_step: int, began: float) -> dict[str, Any]:
        """Look at the epoch, of which this process took the steps from `first_step` on."""
        metric = self._look("epoch")
        photos = (self.trainer.steps - first_step) * self.job.recipe.batch
        metric["photos_per_second"] = photos / max(self.clock.training - began, 1e-9)
        self.loss_sum.zero_()
        if self.job.recipe.held_out:
            with self.clock.aside():
                self.accuracy = self.judge.accuracy(self.trainer.kept_weights())
            metric["held_out"] = asdict(self.accuracy)
        return metric

    def _look(self, kind: str) -> dict[str, Any]:
        """The mean loss of the epoch so far, and what belongs to it; raises TrainingError."""
        trainer = self.trainer
        self.loss = float(self.loss_sum / ((trainer.steps - 1) % trainer.steps_per_epoch + 1))
        if not math.isfinite(self.loss):
            raise TrainingError(DIVERGED.format(step=trainer.steps))
        return {
            "kind": kind,
            "step": trainer.steps,
            "epoch": trainer.steps / trainer.steps_per_epoch,
            "loss": self.loss,
            "learning_rate": trainer.optimizer.param_groups[-1]["lr"],
            "seconds": self.clock.seconds,
        }

    def _tell(self, state: State) -> None:
        """Write and report how far the run is; the first process speaks for all."""
        if self.world.first:
            status = self.status(state)
            self.folder.write_status(status)
            self.report(status)

    def _save(self) -> None:
        """Write the checkpoint, unless it would hold numbers that no training comes back from."""
        if not self.world.first:
            return
        with self.clock.aside():
            if not (self.trainer.is_finite() and self.loss_sum.isfinite()):
                raise TrainingError(DIVERGED.format(step=self.trainer.steps))
            self.folder.save_state(self.state())

    def _result(self, state: State, interrupted: bool) -> Result:
        trainer, accuracy, recipe = self.trainer, self.accuracy, self.job.recipe
        return Result(
            state=state,
            name=self.job.spec.name,
            epochs=recipe.epochs,
            steps=trainer.steps,
            photos=len(trainer.rows),
            held_out=recipe.held_out,
            top1=None if accuracy is None else accuracy.top1,
            top5=None if accuracy is None else accuracy.top5,
            class_mean=None if accuracy is None else accuracy.class_mean,
            seconds=self.clock.seconds,
            photos_per_second=trainer.steps * recipe.batch / self.clock.training,
            device=str(self.world.device),
            interrupted=interrupted,
        )

    def _keep(self, result: Result) -> None:
        """Write what came out: the weights, and then what says that the run is finished."""
        network, classes = self.judge.network, self.job.photos.classes
        network.load_state_dict(self.trainer.kept_weights(), strict=True)
        save_checkpoint(self.folder.model, network, classes=classes, preprocessing=self.judge.shown)
        self.folder.write_result(result)


def _tuned(device: torch.device) -> AbstractContextManager[None]:
    """On CUDA, convolutions by whichever algorithm is the fastest here for their shapes."""
    on_cuda = device.type == "cuda"
    return torch.backends.cudnn.flags(enabled=True, benchmark=True) if on_cuda else nullcontext()


def _not_begun(told: str) -> Status:
    """The status of a run that could not even begin."""
    none = {"epoch": 0, "epochs": 0, "step": 0, "steps": 0}
    return Status(state="failed", pid=os.getpid(), sentence=told, **none)
