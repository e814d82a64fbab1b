"""Training a family run by run, so that whatever breaks off goes on where it was.

Every run has a folder of its own below one folder: a run's files (see run_folder) and, once it is
finished, validation.json: the one look at the validation photos that a finished network gets.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import filelock
import torch

from effnet_core import files
from effnet_core.datasets import prepared
from effnet_core.datasets.photo_set import DataError, PhotoSet
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import InvalidInput
from effnet_core.evaluation.accuracy import evaluate
from effnet_core.training import interruption, launch, loop
from effnet_core.training.distributed import World
from effnet_core.training.family.runs import Family, FamilyRun
from effnet_core.training.launch import TrainingData
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import RunFolder, Status
from effnet_core.training.trainer import TrainingError, trained_spec
from effnet_core.weights import load_checkpoint

VALIDATION = "validation.json"
LOCK = ".family.lock"

State = Literal["finished", "stopped", "failed", "needs CUDA"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FamilyData:
    """The photos of a prepared folder: to train on (held-out ones among them) and to validate."""

    training: TrainingData
    validation: PhotoSet


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one run stands. `sentence` says why it failed or waits; shares are of photos.

    `earlier` is whether it had been finished, validation included, before it was asked for.
    """

    id: str
    state: State
    earlier: bool = False
    sentence: str = ""
    held_out_top1: float | None = None
    validation_top1: float | None = None
    validation_top5: float | None = None
    seconds: float | None = None
    photos_per_second: float | None = None


def read_data(folder: Path) -> FamilyData:
    """The photos of a folder that `effnet data prepare` made, its files checked by SHA-256.

    Raises DataError, also where there are no validation photos.
    """
    training, validation = launch.read_data(folder), prepared.load(folder, "val")
    if validation is None:
        raise DataError(
            f"{folder} has no validation photos, on which each finished network is measured; "
            "prepare a source that has train/ and val/."
        )
    return FamilyData(training=training, validation=validation)


def train_family(
    family: Family,
    runs: tuple[FamilyRun, ...],
    data: FamilyData,
    out: Path,
    world: World,
    *,
    every: bool = False,
    report: Callable[[FamilyRun, Status], None] = lambda run, status: None,
    validating: Callable[[FamilyRun, int, int], None] = lambda run, done, total: None,
    ended: Callable[[Outcome], None] = lambda outcome: None,
) -> tuple[Outcome, ...]:
    """Train `runs` one after another, each in out/<its id>; finished ones are left as they are.

    One that broke off goes on from its checkpoint, a failed one is told by `ended` and the next
    begins, and after a SIGTERM or Ctrl-C none begins. On a CPU only the runs that are trained
    `always`, or all with `every`. `report` and `validating` (photos done and in total) follow the
    run under way. Raises TrainingError while another process trains in `out`, and InvalidInput
    for several processes or photos of another number of classes.
    """
    _require_suitable(family, data, world)
    outcomes = []
    with _locked(out):
        for run in runs:
            finished = RunFolder(out / run.id).result() is not None
            if not finished and needs_cuda(run, world.device, every=every):
                outcome = Outcome(id=run.id, state="needs CUDA", sentence="It needs a CUDA device.")
            else:
                outcome = _tried(_Course(family, run, data, out, world), report, validating)
                _free(world, family.recipe)
            outcomes.append(outcome)
            ended(outcome)
            if outcome.state == "stopped":
                break
    return tuple(outcomes)


def needs_cuda(run: FamilyRun, device: torch.device, *, every: bool = False) -> bool:
    """Whether a run is left for a machine with a CUDA device."""
    return not (device.type == "cuda" or run.always or every)


def validation_of(folder: RunFolder) -> dict[str, Any] | None:
    """What a finished run came to on the validation photos; None as long as nobody looked."""
    try:
        return dict(json.loads((folder.path / VALIDATION).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{folder.path / VALIDATION} cannot be read ({error}); it is not measured again, so "
            "bring it back, or train the run anew in another folder."
        ) from None


class _Course:
    """One run of the family, from wherever it stands to the end."""

    def __init__(
        self, family: Family, run: FamilyRun, data: FamilyData, out: Path, world: World
    ) -> None:
        self.family, self.run, self.data, self.world = family, run, data, world
        self.folder = RunFolder(out / run.id)

    def follow(
        self, report: Callable[[Status], None], validating: Callable[[int, int], None]
    ) -> Outcome:
        """Train what is left, and look at the validation photos if nobody has."""
        begun = self.folder.exists
        recipe = self._begun_recipe() if begun else self._recipe(self.world.device.type != "cuda")
        result = self.folder.result()
        if result is None:
            state = loop.run(
                self._job(recipe), self.folder, self.world, resume=begun, report=report
            ).state
            if state == "stopped":
                return Outcome(id=self.run.id, state="stopped", sentence="It was interrupted.")
            result = self.folder.result()
        validation = validation_of(self.folder)
        earlier = validation is not None
        validation = validation or self._validate(validating)
        assert result is not None  # a finished run has written it
        return Outcome(
            id=self.run.id,
            state="finished",
            earlier=earlier,
            held_out_top1=result["top1"],
            validation_top1=validation["top1"],
            validation_top5=validation["top5"],
            seconds=result["seconds"],
            photos_per_second=result["photos_per_second"],
        )

    def _recipe(self, on_cpu: bool) -> Recipe:
        return self.family.recipe_of(self.run, on_cpu=on_cpu)

    def _job(self, recipe: Recipe) -> loop.Job:
        on_cpu = recipe != self._recipe(on_cpu=False)
        return loop.Job(
            spec=self.family.spec(self.run),
            photos=self.data.training.photos,
            recipe=recipe,
            about={
                "data": self.data.training.describe(recipe),
                "family": {
                    "list": self.family.name,
                    **self.family.describe(self.run, on_cpu=on_cpu),
                },
            },
        )

    def _begun_recipe(self) -> Recipe:
        """The recipe that the folder's run was begun by; raises TrainingError for another run.

        It may have been begun on a CPU and go on elsewhere, or the other way round.
        """
        recipe, photos = self.folder.recipe(), _without_place(self.folder.about().get("data"))
        spec = self.family.spec(self.run)
        for name, same in (
            ("recipe", recipe in (self._recipe(True), self._recipe(False))),
            ("network", self.folder.spec() == trained_spec(spec, recipe)),
            ("set of photos", photos == _without_place(self.data.training.describe(recipe))),
        ):
            if not same:
                raise TrainingError(
                    f"{self.folder.path} was begun with another {name} than now; give another "
                    "folder for the runs, or move this one away."
                )
        return recipe

    def _validate(self, progress: Callable[[int, int], None]) -> dict[str, Any]:
        """Measure the kept weights on the validation photos and write the result down."""
        loaded = load_checkpoint(self.folder.model)
        predictor = Predictor(loaded, device=str(self.world.device))
        found = evaluate(predictor, self.data.validation, progress=progress)
        record = {
            **found.measured(),
            "device": found.device,
            "sha256": self.data.training.sha256[prepared.path_of(Path(), "val").name],
            "weights_sha256": loaded.sha256,
            "date": datetime.now(UTC).date().isoformat(),
        }
        files.write(self.folder.path / VALIDATION, json.dumps(record, indent=1).encode("ascii"))
        return record


def _without_place(photos: object) -> object:
    """What a record says of its photos but where they lay, which may change."""
    if not isinstance(photos, dict):
        return photos
    return {name: value for name, value in photos.items() if name != "path"}


def _require_suitable(family: Family, data: FamilyData, world: World) -> None:
    if world.size > 1:
        raise InvalidInput("A family is trained by one process; start it without torchrun.")
    classes = len(data.training.photos.classes)
    if classes != family.num_classes:
        raise InvalidInput(
            f"The photos have {classes} classes, and the networks of the list "
            f"{family.num_classes}; prepare the classes that the list is for."
        )


def _tried(
    course: _Course,
    report: Callable[[FamilyRun, Status], None],
    validating: Callable[[FamilyRun, int, int], None],
) -> Outcome:
    """The outcome of a run; an error of any kind is the run's own, in a sentence."""
    run = course.run
    try:
        return course.follow(
            lambda status: report(run, status),
            lambda done, total: validating(run, done, total),
        )
    except Exception as error:  # noqa: BLE001 (the next run has its own chance)
        sentence = interruption.sentence(error, course.family.recipe)
        return Outcome(id=run.id, state="failed", sentence=sentence)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold `out` for this process, until it ends in whatever way."""
    lock = filelock.FileLock(out / LOCK, timeout=0)
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        raise TrainingError(
            f"Another process is training in {out}; wait for it or stop it, or give another folder."
        ) from None
    except OSError as error:
        raise files.storage_error(error, out) from error
    with lock:
        yield


def _free(world: World, recipe: Recipe) -> None:
    """Give back what a run held, so that the next one finds all of the device."""
    gc.collect()
    if world.device.type == "cuda":
        torch.cuda.empty_cache()
    if recipe.compiled:
        torch.compiler.reset()  # else compiled networks count towards one limit
