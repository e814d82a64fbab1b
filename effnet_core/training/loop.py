"""A whole run: epochs of steps, measured on held-out photos, saved so that nothing is lost."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, replace
from typing import Any

import torch

from effnet_core.datasets.photo_set import held_out_rows
from effnet_core.errors import EffnetError
from effnet_core.evaluation.accuracy import Accuracy, logits, right, views
from effnet_core.network.build import build, materialise
from effnet_core.training.distributed import World
from effnet_core.training.interruption import DIVERGED, asked_to_stop, is_foreseen, sentence
from effnet_core.training.job import Job, shown
from effnet_core.training.memory import require_room
from effnet_core.training.progress import Pace
from effnet_core.training.runs.folder import RunFolder, RunResult, State, Status, environment
from effnet_core.training.schedule import work
from effnet_core.training.trainer import Trainer, TrainingError, trained_spec
from effnet_core.weights import save_checkpoint

LOG_STEPS = 20
"""Steps between two looks at the loss, which waits for the device."""

CHECKPOINT_SECONDS = 60.0
STATUS_SECONDS = 1.0

Report = Callable[[Status], None]

__all__ = ["Job", "Report", "run"]


def run(
    job: Job,
    folder: RunFolder,
    world: World,
    *,
    resume: bool = False,
    report: Report = lambda status: None,
) -> RunResult:
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
            course = _Course(job, folder, world, report, resume=resume)
            return course.follow()
        except Exception as error:
            told = sentence(error, job.recipe)
            if world.first:
                status = course.status("failed", told) if course else _failed(told)
                with suppress(EffnetError):  # of a full disk; what went wrong first is what is told
                    folder.write_status(status)
                report(status)
            if is_foreseen(error):
                raise TrainingError(told) from error
            raise


class _Course:
    """One run under way."""

    def __init__(
        self, job: Job, folder: RunFolder, world: World, report: Report, *, resume: bool
    ) -> None:
        self.job, self.folder, self.world, self.report = job, folder, world, report
        recipe = job.recipe
        about = folder.about() if resume else job.about
        self.shown = shown(job, about if resume else {})
        require_room(job.spec, recipe, world)
        rows, held = held_out_rows(len(job.photos), recipe.held_out, seed=recipe.split_seed)
        model = job.model or build(
            job.spec, device=str(world.device), seed=recipe.seed, batch=recipe.micro_batch
        )
        self.trainer = Trainer(model, job.photos, recipe, self.shown, world, rows=rows)
        self.photos, self.held_out = len(rows), len(held)
        self.held = job.photos.subset(held[world.rank :: world.size])
        self.held_views = views(self.held, self.shown)
        self.judged = materialise(job.spec, world.device)
        self.loss_sum = torch.zeros((), device=world.device, dtype=torch.float64)
        self.loss: float | None = None
        self.accuracy: Accuracy | None = None
        self.pace = Pace()
        self.interrupted = False
        if resume:
            self._restore("from" in about)
        elif world.first:
            about = {**about, "preprocessing": self.shown.to_dict(), **environment(world.device)}
            folder.begin(job.spec, recipe, about, self._state())
        self.first_step = self.trainer.steps
        self.epoch_began = (self.trainer.steps, self.pace.training)

    def follow(self) -> RunResult:
        """Step until the end, or until some process is asked to stop."""
        trainer, stopped = self.trainer, False
        saved = told = self.pace.here
        with asked_to_stop(self.world) as wanted, _tuned(self.world.device):
            self.tell("running")
            while trainer.steps < trainer.total_steps and not stopped:
                loss, stopped = trainer.step(stop=bool(wanted))
                self.loss_sum += loss
                ends_epoch = trainer.steps % trainer.steps_per_epoch == 0
                if ends_epoch or trainer.steps % LOG_STEPS == 0:
                    self._log(ends_epoch)
                now = self.pace.here
                if stopped or ends_epoch or now - saved >= CHECKPOINT_SECONDS:
                    saved = now
                    self._save()
                if ends_epoch or now - told >= STATUS_SECONDS:
                    told = now
                    self.tell("running")
        self.interrupted = signal.SIGINT in wanted
        return self._finish("stopped" if trainer.steps < trainer.total_steps else "finished")

    def tell(self, state: State) -> None:
        """Write and report how far the run is; the first process speaks for all."""
        if self.world.first:
            status = self.status(state)
            self.folder.write_status(status)
            self.report(status)

    def status(self, state: State, told: str = "") -> Status:
        """How far the run is now."""
        trainer, recipe, seconds = self.trainer, self.job.recipe, self.pace.here
        before, now, whole = (
            work(recipe, step, trainer.steps_per_epoch, self.shown.crop)
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
            photos_per_second=recipe.batch * done / seconds if done else None,
            seconds=self.pace.seconds,
            seconds_left=seconds * (whole - now) / (now - before) if done else None,
            sentence=told,
        )

    def _log(self, ends_epoch: bool) -> None:
        """Look at the mean loss of the epoch so far, and at the held-out photos at its end."""
        trainer = self.trainer
        steps = (trainer.steps - 1) % trainer.steps_per_epoch + 1
        self.loss = float(self.loss_sum / steps)
        if not math.isfinite(self.loss):
            raise TrainingError(DIVERGED.format(step=trainer.steps))
        metric: dict[str, Any] = {
            "kind": "epoch" if ends_epoch else "step",
            "step": trainer.steps,
            "epoch": trainer.steps / trainer.steps_per_epoch,
            "loss": self.loss,
            "learning_rate": trainer.optimizer.param_groups[-1]["lr"],
            "seconds": self.pace.seconds,
        }
        if ends_epoch:
            metric["photos_per_second"] = self._epoch_speed()
            self.loss_sum.zero_()
            if self.held_out:
                with self.pace.aside():
                    self.accuracy = self._judge()
                metric["held_out"] = asdict(self.accuracy)
        if self.world.first:
            self.folder.add_metric(metric)

    def _epoch_speed(self) -> float:
        """Photos trained on a second, in as much of the epoch as this resumption took."""
        (steps, seconds), now = self.epoch_began, (self.trainer.steps, self.pace.training)
        self.epoch_began = now
        return (now[0] - steps) * self.job.recipe.batch / max(now[1] - seconds, 1e-9)

    def _judge(self) -> Accuracy:
        """The kept weights on the held-out photos, each process taking its share."""
        self.judged.load_state_dict(self.trainer.kept_weights(), strict=True)
        device = self.world.device
        sums = torch.zeros(4, dtype=torch.float64)
        if len(self.held):  # fewer photos than processes leave some without
            answers = logits(self.judged, self.held_views, self.shown, device=device)
            sums = right(answers, self.held.labels)
        count, first, five, loss = self.world.total_(sums.to(device)).tolist()
        return Accuracy(photos=int(count), top1=first / count, top5=five / count, loss=loss / count)

    def _state(self) -> dict[str, Any]:
        return {
            **self.trainer.state(),
            "loss_sum": self.loss_sum,
            "seconds": self.pace.seconds,
            "training_seconds": self.pace.training,
            "accuracy": None if self.accuracy is None else asdict(self.accuracy),
        }

    def _save(self) -> None:
        """Write the checkpoint, unless it would hold numbers that no training comes back from."""
        if not self.world.first:
            return
        with self.pace.aside():
            if not (self.trainer.is_finite() and self.loss_sum.isfinite()):
                raise TrainingError(DIVERGED.format(step=self.trainer.steps))
            self.folder.save_state(self._state())

    def _restore(self, fine_tuned: bool) -> None:
        if (self.folder.recipe(), self.folder.spec()) != (self.job.recipe, self.job.spec):
            raise TrainingError(
                f"The run in {self.folder.path} was begun with another recipe or network; resume "
                "it as it is, or give another folder."
            )
        state = self.folder.load_state(self.world.device)
        if state is not None:
            self.trainer.restore(state)
            self.loss_sum = state["loss_sum"]
            self.pace = Pace(state["seconds"], state.get("training_seconds", state["seconds"]))
            self.accuracy = state["accuracy"] and Accuracy(**state["accuracy"])
        elif fine_tuned and self.job.model is None:
            raise TrainingError(
                f"{self.folder.checkpoint} is gone, and the weights that the run began from with "
                "it; begin again in another folder."
            )
        if self.world.first:
            self.folder.keep_metrics_until(self.trainer.steps)

    def _finish(self, state: State) -> RunResult:
        trainer, accuracy = self.trainer, self.accuracy
        result = RunResult(
            state=state,
            name=self.job.spec.name,
            epochs=self.job.recipe.epochs,
            steps=trainer.steps,
            photos=self.photos,
            held_out=self.held_out,
            top1=None if accuracy is None else accuracy.top1,
            top5=None if accuracy is None else accuracy.top5,
            seconds=self.pace.seconds,
            photos_per_second=trainer.steps * self.job.recipe.batch / self.pace.training,
            device=str(self.world.device),
            interrupted=self.interrupted,
        )
        if state == "finished" and self.world.first:
            self.judged.load_state_dict(trainer.kept_weights(), strict=True)
            save_checkpoint(
                self.folder.model,
                self.judged,
                classes=self.job.photos.classes,
                preprocessing=self.shown,
            )
            self.folder.write_result(asdict(result))
        self.tell(state)
        return result


def _tuned(device: torch.device) -> AbstractContextManager[None]:
    """On CUDA, convolutions by whichever algorithm is the fastest here for their shapes."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=True)


def _failed(told: str) -> Status:
    """The status of a run that could not even begin."""
    return Status(
        state="failed", pid=os.getpid(), epoch=0, epochs=0, step=0, steps=0, sentence=told
    )
