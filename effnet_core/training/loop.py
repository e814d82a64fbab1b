"""A whole run: epochs of steps, measured on held-out photos, saved so that nothing is lost."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from types import FrameType
from typing import Any

import torch

from effnet_core.architecture import ArchitectureSpec
from effnet_core.builder import build, is_out_of_memory
from effnet_core.errors import EffnetError
from effnet_core.images import Preprocessing
from effnet_core.model import EfficientNet
from effnet_core.training.data import PhotoSet, hold_out
from effnet_core.training.evaluation import Accuracy, logits, right, views
from effnet_core.training.recipe import Recipe
from effnet_core.training.run_folder import RunFolder, RunResult, State, Status, environment
from effnet_core.training.trainer import Trainer, TrainingError, trained_spec
from effnet_core.training.world import World
from effnet_core.weights import save_checkpoint

LOG_STEPS = 20
"""Steps between two looks at the loss, which waits for the device."""

CHECKPOINT_SECONDS = 60.0
STATUS_SECONDS = 1.0

Report = Callable[[Status], None]


def preprocessing_for(spec: ArchitectureSpec) -> Preprocessing:
    """How photos are shown to a network trained here: the shorter edge at its resolution."""
    return Preprocessing(resize=spec.resolution, crop=spec.resolution, interpolation="bilinear")


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """What is trained: the network, on which photos, how; `model` is where the weights begin.

    `about` says where the photos are from. The spec's own number of classes must be the photos'.
    """

    spec: ArchitectureSpec
    photos: PhotoSet
    recipe: Recipe
    about: dict[str, Any]
    model: EfficientNet | None = None

    def __post_init__(self) -> None:
        if self.spec.num_classes != len(self.photos.classes):
            raise TrainingError(
                f"{self.spec.name} has {self.spec.num_classes} classes, and the photos have "
                f"{len(self.photos.classes)}."
            )


def run(
    job: Job,
    folder: RunFolder,
    world: World,
    *,
    resume: bool = False,
    report: Report = lambda status: None,
) -> RunResult:
    """Train until the end, or until a SIGTERM or Ctrl-C, after which it can be resumed.

    Raises TrainingError (loss no longer finite, out of memory, nothing to resume) and
    WeightsError (full disk); whatever was saved before stays.
    """
    spec = trained_spec(job.spec, job.recipe)
    job = replace(job, spec=spec)
    if world.first and not resume:
        folder.begin(spec, job.recipe, {**job.about, **environment(world.device)})
    world.wait()
    course = None
    try:
        course = _Course(job, folder, world, report, resume=resume)
        return course.follow()
    except Exception as error:
        sentence = str(error) if isinstance(error, EffnetError) else _advice(error, job.recipe)
        if course is not None:
            course.tell("failed", sentence)
        if isinstance(error, EffnetError) or not is_out_of_memory(error):
            raise
        raise TrainingError(sentence) from error


class _Course:
    """One run under way."""

    def __init__(
        self, job: Job, folder: RunFolder, world: World, report: Report, *, resume: bool
    ) -> None:
        self.job, self.folder, self.world, self.report = job, folder, world, report
        recipe = job.recipe
        self.shown = preprocessing_for(job.spec)
        train, held = hold_out(job.photos, recipe.held_out, seed=recipe.split_seed)
        model = job.model or build(
            job.spec, device=str(world.device), seed=recipe.seed, batch=recipe.micro_batch
        )
        self.trainer = Trainer(model, train, recipe, self.shown, world)
        self.photos, self.held_out = len(train), len(held)
        self.held = held.subset(torch.arange(world.rank, len(held), world.size))
        self.held_views = views(self.held, self.shown)
        self.judged = build(job.spec, device=str(world.device))
        self.loss_sum = torch.zeros((), device=world.device, dtype=torch.float64)
        self.loss: float | None = None
        self.accuracy: Accuracy | None = None
        self.earlier_seconds = 0.0
        if resume:
            self._restore()
        self.first_step = self.trainer.steps
        self.started = time.monotonic()

    def follow(self) -> RunResult:
        """Step until the end, or until some process is asked to stop."""
        trainer, stopped = self.trainer, False
        saved = told = self.started
        with _asked_to_stop() as wanted:
            while trainer.steps < trainer.total_steps and not stopped:
                self.loss_sum += trainer.step()
                stopped = trainer.settle(stop=bool(wanted))
                ends_epoch = trainer.steps % trainer.steps_per_epoch == 0
                if ends_epoch or trainer.steps % LOG_STEPS == 0:
                    self._log(ends_epoch)
                now = time.monotonic()
                if now - told >= STATUS_SECONDS:
                    told = now
                    self.tell("running")
                if stopped or ends_epoch or now - saved >= CHECKPOINT_SECONDS:
                    saved = now
                    self._save()
        return self._finish("stopped" if trainer.steps < trainer.total_steps else "finished")

    def tell(self, state: State, sentence: str = "") -> None:
        """Write and report how far the run is; the first process speaks for all."""
        if not self.world.first:
            return
        trainer, recipe = self.trainer, self.job.recipe
        done = trainer.steps - self.first_step
        seconds = time.monotonic() - self.started
        pace = seconds / done if done else None
        status = Status(
            state=state,
            pid=os.getpid(),
            epoch=trainer.steps // trainer.steps_per_epoch,
            epochs=recipe.epochs,
            step=trainer.steps,
            steps=trainer.total_steps,
            loss=self.loss,
            top1=None if self.accuracy is None else self.accuracy.top1,
            photos_per_second=recipe.batch / pace if pace else None,
            seconds=self.earlier_seconds + seconds,
            seconds_left=None if pace is None else pace * (trainer.total_steps - trainer.steps),
            sentence=sentence,
        )
        self.folder.write_status(status)
        self.report(status)

    def _log(self, ends_epoch: bool) -> None:
        """Look at the mean loss of the epoch so far, and at the held-out photos at its end."""
        trainer = self.trainer
        steps = (trainer.steps - 1) % trainer.steps_per_epoch + 1
        self.loss = float(self.world.mean_(self.loss_sum / steps))
        if not math.isfinite(self.loss):
            raise TrainingError(
                f"The loss is no longer a number at step {trainer.steps:,}: training has diverged. "
                "Begin again with a lower learning_rate, a longer warm-up or a smaller clip_norm."
            )
        metric: dict[str, Any] = {
            "kind": "epoch" if ends_epoch else "step",
            "step": trainer.steps,
            "epoch": trainer.steps / trainer.steps_per_epoch,
            "loss": self.loss,
            "learning_rate": trainer.optimizer.param_groups[-1]["lr"],
            "seconds": self.earlier_seconds + time.monotonic() - self.started,
        }
        if ends_epoch:
            self.loss_sum.zero_()
            if self.held_out:
                self.accuracy = self._judge()
                metric["held_out"] = asdict(self.accuracy)
        if self.world.first:
            self.folder.add_metric(metric)

    def _judge(self) -> Accuracy:
        """The kept weights on the held-out photos, each process taking its share."""
        self.judged.load_state_dict(self.trainer.kept_weights(), strict=True)
        device = self.world.device
        answers = logits(self.judged, self.held_views, self.shown, device=device)
        sums = right(answers, self.held.labels).to(device)
        count, first, five, loss = self.world.total_(sums).tolist()
        return Accuracy(photos=int(count), top1=first / count, top5=five / count, loss=loss / count)

    def _save(self) -> None:
        if not self.world.first:
            return
        self.folder.save_state(
            {
                **self.trainer.state(),
                "loss_sum": self.loss_sum,
                "seconds": self.earlier_seconds + time.monotonic() - self.started,
                "accuracy": None if self.accuracy is None else asdict(self.accuracy),
            }
        )

    def _restore(self) -> None:
        state = self.folder.load_state(self.world.device)
        if state is not None:
            self.trainer.restore(state)
            self.loss_sum = state["loss_sum"]
            self.earlier_seconds = state["seconds"]
            self.accuracy = state["accuracy"] and Accuracy(**state["accuracy"])
        if self.world.first:
            self.folder.keep_metrics_until(self.trainer.steps)

    def _finish(self, state: State) -> RunResult:
        seconds = self.earlier_seconds + time.monotonic() - self.started
        trainer = self.trainer
        result = RunResult(
            state=state,
            name=self.job.spec.name,
            epochs=self.job.recipe.epochs,
            steps=trainer.steps,
            photos=self.photos,
            held_out=self.held_out,
            top1=None if self.accuracy is None else self.accuracy.top1,
            top5=None if self.accuracy is None else self.accuracy.top5,
            seconds=seconds,
            photos_per_second=trainer.steps * self.job.recipe.batch / seconds,
            device=str(self.world.device),
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


@contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """A list that is no longer empty once SIGTERM or Ctrl-C came; a second Ctrl-C is as ever."""
    wanted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield wanted  # only the main thread may set handlers
        return

    def note(number: int, frame: FrameType | None) -> None:
        if wanted and number == signal.SIGINT:
            raise KeyboardInterrupt
        wanted.append(number)

    earlier = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield wanted
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _advice(error: Exception, recipe: Recipe) -> str:
    if is_out_of_memory(error):
        return (
            f"Memory ran out with {recipe.micro_batch} photos at once; raise micro_batches "
            f"(now {recipe.micro_batches}), which keeps the batch of {recipe.batch} as it is."
        )
    return f"The run broke off ({type(error).__name__}: {' '.join(str(error).split())[:300]})."
