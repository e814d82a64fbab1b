"""What this project measured on networks that it trained itself, read from assets/measured.

Other photos than the published accuracies' (fewer classes, smaller pictures): the two are never
comparable. Accuracies and scores are fractions from 0 to 1. This module needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from msgspec import Meta

from effnet_core.architecture.scaling import Strategy
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution.scores import CONTROLS, MapScores
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.errors import InvalidInput
from effnet_core.files import (
    Amount,
    Number,
    Share,
    Text,
    Unfit,
    Whole,
    asset,
    conform,
    parse_json,
    unsealed,
)

Group = Literal["family", "duel", "ablation", "search"]
GROUPS = get_args(Group)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Validation:
    """One look at the validation photos, with the file that is bundled.

    `top1`, `top5` and `calibration_error` are fractions, `loss` is in nats.
    """

    photos: Annotated[int, Meta(ge=1, description="a number of photos: no photo says nothing")]
    top1: Share
    top5: Share
    loss: Amount
    calibration_error: Share
    images_per_second: Amount


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """How training stood after `epoch` epochs; `top1` (held out) is None where nobody looked."""

    epoch: Amount
    loss: Amount
    learning_rate: Amount
    top1: Share | None


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """What a network learnt from; `held_out` photos were kept from training for choices.

    `side` is theirs in pixels.
    """

    name: Text
    train: Whole
    held_out: Whole
    side: Whole = 0


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Accuracy on the held-out photos, None for none of them."""

    top1: Share | None
    top5: Share | None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The weights that a training started from."""

    id: Text


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """The file of a network that is bundled."""

    file: Text


@dataclass(frozen=True, kw_only=True)
class MeasuredRun:
    """A network that this project trained, and how well it does.

    `phi` is None where the formula does not apply, `base_phi` is the φ that a duel starts from.
    `validation` is None until somebody looked, `origin` without weights to start from, `weights`
    where none are bundled. `seconds` and `photos_per_second` are of training, on `device`. `text`
    is the record as it lies, for people to keep.
    """

    id: Text
    group: Group
    strategy: Strategy
    phi: Number | None
    base_phi: Number | None
    seed: Whole
    spec: ArchitectureSpec
    recipe: Mapping[str, Any]
    data: TrainedOn
    origin: Origin | None
    device: Text
    seconds: Amount
    photos_per_second: Amount
    held_out: HeldOut
    validation: Validation | None
    curve: tuple[Epoch, ...]
    weights: WeightsFile | None
    date: Text
    text: str

    @property
    def name(self) -> str:
        """The network's own name, such as "compound φ=-4"."""
        return self.spec.name

    @cached_property
    def cost(self) -> CostTotals:
        """Exact cost of the network at its own resolution, computed here."""
        return summarize(self.spec)

    @property
    def shared_recipe(self) -> str:
        """The recipe without what leaves a result alone but for chance: seed and speed; as JSON."""
        own = ("seed", "micro_batches", "compiled", "channels_last")
        shared = {key: value for key, value in self.recipe.items() if key not in own}
        return json.dumps(shared, sort_keys=True)


@dataclass(frozen=True, kw_only=True)
class MeasuredMaps:
    """The map scores of the run or packaged network `run`, controls among the rows."""

    run: Text
    method: Text
    photos: Whole
    seed: Whole
    rows: tuple[MapScores, ...]
    date: Text


def measured_runs(folder: Path | None = None) -> tuple[MeasuredRun, ...]:
    """Every run's record below `folder` (default: the bundled ones), family first, then by cost.

    Empty where there is no such folder. Raises InvalidInput for a damaged record.
    """
    found = [read_run(path) for path in _files(folder, "runs")]
    return tuple(
        sorted(found, key=lambda run: (GROUPS.index(run.group), run.cost.mult_adds, run.id))
    )


def measured_maps(folder: Path | None = None) -> tuple[MeasuredMaps, ...]:
    """Every record of map scores, by the run's id; as `measured_runs`."""
    return tuple(read_maps(path) for path in _files(folder, "maps"))


def packaged_maps(folder: Path | None = None) -> dict[str, BesideControls]:
    """The last maps of the packaged networks beside their controls, by id; as `measured_runs`."""
    found = map(read_maps, _files(folder, "packaged"))
    return {maps.run: beside_controls(maps)[0] for maps in found}


def read_run(path: Path) -> MeasuredRun:
    """The record in a file; raises InvalidInput with a sentence that names it."""
    return read_record(path, _run, "id")


def read_maps(path: Path) -> MeasuredMaps:
    """The map scores in a file; raises InvalidInput with a sentence that names it."""
    return read_record(
        path, lambda text: conform(unsealed(parse_json(text)), MeasuredMaps, closed=False), "run"
    )


def _run(text: str) -> MeasuredRun:
    values = unsealed(parse_json(text))
    if isinstance(values, dict) and "spec" in values:
        spec = ArchitectureSpec.from_dict(values["spec"])
        values |= {"spec": spec, "origin": values.get("from"), "text": text}
    return conform(values, MeasuredRun, closed=False)


def read_record(path: Path, read: Callable[[str], T], key: str) -> T:
    """What `read` finds in a file whose name is the value of `key`; raises InvalidInput."""
    try:
        found = read(path.read_text(encoding="utf-8"))
        if getattr(found, key) != path.stem:
            raise Unfit(f"its {key} is {getattr(found, key)!r:.60}")
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"The measured record {path} is damaged ({str(error).rstrip('.')}): restore or remove "
            "it."
        ) from None
    return found


@dataclass(frozen=True, kw_only=True)
class BesideControls:
    """A method's maps at one stage; random maps on the same grid; a Gaussian at the centre."""

    found: MapScores
    random: MapScores | None
    centre: MapScores | None


def beside_controls(maps: MeasuredMaps) -> tuple[BesideControls, ...]:
    """The method's maps of a record, each with its controls."""
    controls = {(row.subject, row.stage): row for row in maps.rows if row.control}
    random, centre = CONTROLS
    return tuple(
        BesideControls(
            found=row,
            random=controls.get((random, row.stage)),
            centre=controls.get((centre, None)),
        )
        for row in maps.rows
        if not row.control
    )


def _files(folder: Path | None, kind: str) -> list[Path]:
    if folder is None:
        try:
            folder = asset("assets/measured")
        except FileNotFoundError:
            return []
    return sorted((folder / kind).glob("*.json"))
