"""Training a family run by run, so that whatever breaks off goes on where it was.

Every run has a folder of its own below one folder: a run's files (see runs.run) and, once it is
finished, validation.json: the one look at the validation photos that a finished network gets.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from effnet_core import files
from effnet_core.datasets import prepared
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import DataError, InvalidInput
from effnet_core.evaluation.accuracy import evaluate
from effnet_core.training import interruption, job, loop
from effnet_core.training.distributed import World
from effnet_core.training.family.runs import Family, FamilyRun
from effnet_core.training.job import TrainingData
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import RunFolder, alone
from effnet_core.training.runs.run import State, Status, read_json
from effnet_core.training.trainer import TrainingError, trained_spec
from effnet_core.weights import load_checkpoint

VALIDATION = "validation.json"
LOCK = ".family.lock"


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
    state: State | Literal["needs CUDA"]
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
    training, validation = job.read_data(folder), prepared.load(folder, "val")
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
    taken = TrainingError(
        f"Another process is training in {out}; wait for it or stop it, or give another folder."
    )
    with alone(out / LOCK, taken):
        for run in runs:
            folder = RunFolder(out / run.id)
            if folder.result() is None and needs_cuda(run, world.device, every=every):
                outcome = Outcome(id=run.id, state="needs CUDA", sentence="It needs a CUDA device.")
            else:
                progress = partial(validating, run)
                outcome = _tried(family, run, data, folder, world, partial(report, run), progress)
            outcomes.append(outcome)
            ended(outcome)
            if outcome.state == "stopped":
                break
    return tuple(outcomes)


def needs_cuda(run: FamilyRun, device: torch.device, *, every: bool = False) -> bool:
    """Whether a run is left for a machine with a CUDA device."""
    return not (device.type == "cuda" or run.always or every)


def validation_of(folder: Path) -> dict[str, Any] | None:
    """What a finished run came to on the validation photos; None as long as nobody looked."""
    path = folder / VALIDATION
    try:
        return read_json(path, dict[str, Any])
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{path} cannot be read ({error}); it is not measured again, so bring it back, or "
            "train the run anew in another folder."
        ) from None


def _tried(
    family: Family,
    run: FamilyRun,
    data: FamilyData,
    folder: RunFolder,
    world: World,
    report: loop.Report,
    validating: Callable[[int, int], None],
) -> Outcome:
    """The outcome of a run; an error of any kind is the run's own, in a sentence."""
    try:
        _train(family, run, data, folder, world, report)
        return _measured(run, data, folder, world, validating)
    except Exception as error:  # noqa: BLE001 (the next run has its own chance)
        told = interruption.sentence(error, family.recipe)
        return Outcome(id=run.id, state="failed", sentence=told)
    finally:
        _free(world, family.recipe)


def _train(
    family: Family,
    run: FamilyRun,
    data: FamilyData,
    folder: RunFolder,
    world: World,
    report: loop.Report,
) -> None:
    """Train what is left of a run, whose folder then says how far it came."""
    if folder.exists:
        recipe = _begun_recipe(family, run, data, folder)
    else:
        recipe = family.recipe_of(run, on_cpu=world.device.type != "cuda")
    if folder.result() is not None:
        return
    place = family.describe(run, on_cpu=recipe != family.recipe_of(run, on_cpu=False))
    spec = family.spec(run)
    task = job.Job(
        spec=spec,
        photos=data.training.photos,
        recipe=recipe,
        about={
            "data": data.training.describe(recipe),
            "family": {"list": family.name, "classifier": family.classifier, **place},
        },
        model=job.zeroed_model(spec, recipe) if family.classifier == "zero" else None,
    )
    loop.run(task, folder, world, resume=folder.exists, report=report)


def _begun_recipe(family: Family, run: FamilyRun, data: FamilyData, folder: RunFolder) -> Recipe:
    """The recipe that the folder's run was begun by; raises TrainingError for another run.

    It may have been begun on a CPU and go on elsewhere, or the other way round.
    """
    begun = folder.begun()
    recipe, photos = begun.recipe, _without_place(begun.about.get("data"))
    spec = trained_spec(family.spec(run), recipe)
    recipes = [family.recipe_of(run, on_cpu=on_cpu) for on_cpu in (True, False)]
    for name, same in (
        ("recipe", recipe in recipes),
        ("network", begun.spec == spec),
        ("set of photos", photos == _without_place(data.training.describe(recipe))),
    ):
        if not same:
            raise TrainingError(
                f"{folder.path} was begun with another {name} than now; give another folder for "
                "the runs, or move this one away."
            )
    return recipe


def _without_place(photos: object) -> object:
    """What a record says of its photos but where they lay, which may change."""
    if not isinstance(photos, dict):
        return photos
    return {name: value for name, value in photos.items() if name != "path"}


def _measured(
    run: FamilyRun,
    data: FamilyData,
    folder: RunFolder,
    world: World,
    progress: Callable[[int, int], None],
) -> Outcome:
    """How a trained run stands; a finished one is shown the validation photos if nobody has."""
    result, seen = folder.result(), validation_of(folder.path)
    if result is None:
        return Outcome(id=run.id, state="stopped", sentence="It was interrupted.")
    validation = seen or _validate(data, folder, world, progress)
    return Outcome(
        id=run.id,
        state="finished",
        earlier=seen is not None,
        held_out_top1=result.top1,
        validation_top1=validation["top1"],
        validation_top5=validation["top5"],
        seconds=result.seconds,
        photos_per_second=result.photos_per_second,
    )


def _validate(
    data: FamilyData, folder: RunFolder, world: World, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Measure the kept weights on the validation photos and write the result down."""
    loaded = load_checkpoint(folder.model)
    predictor = Predictor(loaded, device=str(world.device))
    found = evaluate(predictor, data.validation, progress=progress)
    record = {
        **found.measured(),
        "device": found.device,
        "sha256": data.training.sha256[prepared.path_of(Path(), "val").name],
        "weights_sha256": loaded.sha256,
        "date": datetime.now(UTC).date().isoformat(),
    }
    files.write_json(folder.path / VALIDATION, record)
    return record


def _require_suitable(family: Family, data: FamilyData, world: World) -> None:
    if world.size > 1:
        raise InvalidInput("A family is trained by one process; start it without torchrun.")
    classes = len(data.training.photos.classes)
    if classes != family.num_classes:
        raise InvalidInput(
            f"The photos have {classes} classes, and the networks of the list "
            f"{family.num_classes}; prepare the classes that the list is for."
        )
    if family.class_ids and data.training.photos.class_ids != family.class_ids:
        raise InvalidInput(
            "The photos have other classes, or in another order, than the list is for; prepare "
            "them with `effnet data prepare --classes` and the list's class_ids."
        )


def _free(world: World, recipe: Recipe) -> None:
    """Give back what a run held, so that the next one finds all of the device."""
    gc.collect()
    if world.device.type == "cuda":
        torch.cuda.empty_cache()
    if recipe.compiled:
        torch.compiler.reset()  # else compiled networks count towards one limit
