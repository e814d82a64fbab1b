"""What a family's runs cost and how far they are, before any is begun."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from effnet_core.cost.report import summarize
from effnet_core.training.family.runs import LISTS, Family, FamilyRun, list_path
from effnet_core.training.family.training import needs_cuda, validation_of
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import read_run
from effnet_core.training.runs.run import Run, read_if_whole

RECORDS = "measured/runs"

Stage = Literal["finished", "begun", "to do", "needs CUDA"]


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run with its exact cost for one photo at the full resolution, and how far it is.

    `photos_per_second` is what was measured in this run, or else in the one of this id that comes
    with the program, on the device `measured_on`; from it and the photos that are still to be
    shown comes the estimate `seconds_left`. What is not known is None.
    """

    id: str
    group: str
    name: str
    strategy: str
    phi: float | None
    seed: int
    depth: float
    width: float
    resolution: int
    blocks: int
    params: int
    mult_adds: int
    epochs: int
    state: Stage
    photos_per_second: float | None
    measured_on: str | None
    seconds_left: float | None


@dataclass(frozen=True)
class _Speed:
    """What the record of a measured run says of its speed."""

    photos_per_second: float
    device: str


def plan(
    family: Family,
    runs: tuple[FamilyRun, ...],
    device: torch.device,
    *,
    every: bool = False,
    out: Path | None = None,
    photos: int | None = None,
    records: Path | None = None,
) -> tuple[PlannedRun, ...]:
    """The runs in their order as they would go on `device`, with `every` all of them on a CPU.

    `out` is where their folders are or would be, `photos` how many the training set has, the
    held-out ones included, and `records` the folder of measured runs (by default the program's).
    """
    records = (
        records or list_path(LISTS[0]).parents[1] / RECORDS
    )  # absent where nothing was measured
    return tuple(
        _planned(
            family,
            run,
            None if out is None else out / run.id,
            on_cpu=device.type != "cuda",
            away=needs_cuda(run, device, every=every),
            photos=photos,
            records=records,
        )
        for run in runs
    )


def _planned(
    family: Family,
    run: FamilyRun,
    place: Path | None,
    *,
    on_cpu: bool,
    away: bool,
    photos: int | None,
    records: Path,
) -> PlannedRun:
    spec, recipe = family.spec(run), family.recipe_of(run, on_cpu=on_cpu)
    totals = summarize(spec)
    found = None if place is None else read_run(place)
    state = _state(place, found, away=away)
    speed, measured_on = _speed(run.id, found, records)
    left = 0 if state == "finished" else _photos_left(recipe, found, photos)
    return PlannedRun(
        id=run.id,
        group=run.group,
        name=spec.name,
        strategy=run.strategy,
        phi=spec.phi,
        seed=run.seed,
        depth=spec.depth,
        width=spec.width,
        resolution=spec.resolution,
        blocks=totals.blocks,
        params=totals.params,
        mult_adds=totals.mult_adds,
        epochs=recipe.epochs,
        state=state,
        photos_per_second=speed,
        measured_on=measured_on,
        seconds_left=None if left is None or speed is None else left / speed,
    )


def _state(place: Path | None, found: Run | None, *, away: bool) -> Stage:
    trained = found is not None and found.result is not None
    if place and trained and validation_of(place):
        return "finished"
    if away and not trained:
        return "needs CUDA"
    return "begun" if found and found.begun else "to do"


def _photos_left(recipe: Recipe, found: Run | None, photos: int | None) -> int | None:
    """How many photos are still to be shown, each epoch's anew; None where nobody knows."""
    if found and found.begun and found.status and found.status.steps:  # 0 where it failed at once
        return (found.status.steps - found.status.step) * found.begun.recipe.batch
    if photos is None:
        return None
    steps = max(0, photos - recipe.held_out) // recipe.batch
    return recipe.epochs * steps * recipe.batch


def _speed(run_id: str, found: Run | None, records: Path) -> tuple[float | None, str | None]:
    """Photos a second that were measured, and on which device."""
    if found and found.begun and found.status and found.status.photos_per_second:
        return found.status.photos_per_second, str(found.begun.about.get("device"))
    record = read_if_whole(records / f"{run_id}.json", _Speed)
    return (record.photos_per_second, record.device) if record else (None, None)
