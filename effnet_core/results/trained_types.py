"""The records of `effnet_core.results.trained`: one trained network, and the scores of its maps.

They are read from JSON of the form that `training.bundling` writes. Accuracies and scores are
fractions from 0 to 1.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from effnet_core.architecture.scaling import STRATEGIES
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.errors import InvalidInput

GROUPS = ("family", "duel", "ablation")
CONTROLS = ("random map", "centre Gaussian")
"""The subjects of map scores that know nothing of the photo."""

_WRONG = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Validation:
    """One look at the validation photos, with the file that is bundled.

    `top1`, `top5` and `calibration_error` are fractions, `loss` is in nats.
    """

    photos: int
    top1: float
    top5: float
    loss: float
    calibration_error: float
    images_per_second: float


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """How training stood after `epoch` epochs; `top1` (held out) is None where nobody looked."""

    epoch: float
    loss: float
    learning_rate: float
    top1: float | None


@dataclass(frozen=True, kw_only=True)
class MeasuredRun:
    """A network that this project trained, and how well it does.

    `group` is one of `GROUPS`; `phi` is None where the formula does not apply, `base_phi` is the φ
    that a duel starts from. `data_name` and the counts of photos say what it learnt from;
    `held_out` photos were kept from training for choices; top-1 and top-5 on them, None for none;
    `validation` is None until somebody looked. `origin` is the id of the weights that training
    started from, None for none. `seconds` and `photos_per_second` are of training,
    on `device`. `text` is the record as it lies, for people to keep.
    """

    id: str
    group: str
    strategy: str
    phi: float | None
    base_phi: float | None
    seed: int
    spec: ArchitectureSpec
    recipe: Mapping[str, Any]
    data_name: str
    train: int
    held_out: int
    origin: str | None
    device: str
    seconds: float
    photos_per_second: float
    held_out_top1: float | None
    held_out_top5: float | None
    validation: Validation | None
    curve: tuple[Epoch, ...]
    weights_file: str | None
    date: str
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
    def shared_recipe(self) -> Mapping[str, Any]:
        """The recipe without what leaves a result alone but for chance: seed and speed."""
        own = ("seed", "micro_batches", "compiled", "channels_last")
        return {key: value for key, value in self.recipe.items() if key not in own}


@dataclass(frozen=True, kw_only=True)
class Score:
    """A mean over photos and its standard error; None from a single photo."""

    mean: float
    standard_error: float | None


@dataclass(frozen=True, kw_only=True)
class MapRow:
    """How the maps of one subject score: a method's id, or one of `CONTROLS`.

    `stage` is where the map was made, or whose grid the random map has; None at the input. `grid`
    is (height, width) before enlarging. `box_share` is what an even map gets for pointing and
    energy. Deletion is better when smaller, the other three when larger.
    """

    subject: str
    stage: int | None
    grid: tuple[int, int]
    photos: int
    pointing: Score
    energy: Score
    insertion: Score
    deletion: Score
    box_share: Score

    @property
    def control(self) -> bool:
        """Whether it knows nothing of the photo."""
        return self.subject in CONTROLS


@dataclass(frozen=True, kw_only=True)
class MeasuredMaps:
    """The map scores of the run with the id `run`, controls among the rows."""

    run: str
    method: str
    photos: int
    seed: int
    rows: tuple[MapRow, ...]
    date: str


def read_run(path: Path) -> MeasuredRun:
    """The record in a file; raises InvalidInput with a sentence that names it."""
    values, text = _json(path)
    try:
        found = _run(values, text)
    except _WRONG as error:
        raise _damaged(path, error) from None
    if found.id != path.stem:
        raise _damaged(path, ValueError(f"its id is {found.id!r:.60}"))
    return found


def read_maps(path: Path) -> MeasuredMaps:
    """The map scores in a file; raises InvalidInput with a sentence that names it."""
    values, _ = _json(path)
    try:
        found = MeasuredMaps(
            run=_text(values["run"]),
            method=_text(values["method"]),
            photos=_whole(values["photos"]),
            seed=_whole(values["seed"]),
            rows=tuple(map(_map_row, values["rows"])),
            date=_text(values["date"]),
        )
    except _WRONG as error:
        raise _damaged(path, error) from None
    if found.run != path.stem:
        raise _damaged(path, ValueError(f"its run is {found.run!r:.60}"))
    return found


def _json(path: Path) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from None
    if not isinstance(values, dict):
        raise _damaged(path, ValueError("it is no JSON object"))
    return values, text


def _damaged(path: Path, error: Exception) -> InvalidInput:
    why = f"it lacks {error.args[0]!r}" if isinstance(error, KeyError) else str(error)
    return InvalidInput(
        f"The measured record {path} is damaged ({why.rstrip('.')}): restore or remove it."
    )


def _run(values: dict[str, Any], text: str) -> MeasuredRun:
    data, held_out = values["data"], values["held_out"]
    if values["group"] not in GROUPS:
        raise ValueError(f"its group is none of {', '.join(GROUPS)}")
    if values["strategy"] not in STRATEGIES:
        raise ValueError(f"its strategy is none of {', '.join(STRATEGIES)}")
    return MeasuredRun(
        id=_text(values["id"]),
        group=values["group"],
        strategy=values["strategy"],
        phi=None if values["phi"] is None else _number(values["phi"]),
        base_phi=None if values["base_phi"] is None else _number(values["base_phi"]),
        seed=_whole(values["seed"]),
        spec=ArchitectureSpec.from_json(json.dumps(values["spec"])),
        recipe=MappingProxyType(dict(values["recipe"])),
        data_name=_text(data["name"]),
        train=_whole(data["train"]),
        held_out=_whole(data["held_out"]),
        origin=None if values.get("from") is None else _text(values["from"]["id"]),
        device=_text(values["device"]),
        seconds=_number(values["seconds"], low=0),
        photos_per_second=_number(values["photos_per_second"], low=0),
        held_out_top1=None if held_out["top1"] is None else _share(held_out["top1"]),
        held_out_top5=None if held_out["top5"] is None else _share(held_out["top5"]),
        validation=_validation(values["validation"]),
        curve=tuple(map(_epoch, values["curve"])),
        weights_file=None if values["weights"] is None else _text(values["weights"]["file"]),
        date=_text(values["date"]),
        text=text,
    )


def _validation(values: dict[str, Any] | None) -> Validation | None:
    if values is None:
        return None
    photos = _whole(values["photos"])
    if photos == 0:
        raise ValueError("it was validated on no photo")
    return Validation(
        photos=photos,
        top1=_share(values["top1"]),
        top5=_share(values["top5"]),
        loss=_number(values["loss"], low=0),
        calibration_error=_share(values["calibration_error"]),
        images_per_second=_number(values["images_per_second"], low=0),
    )


def _epoch(values: dict[str, Any]) -> Epoch:
    return Epoch(
        epoch=_number(values["epoch"], low=0),
        loss=_number(values["loss"], low=0),
        learning_rate=_number(values["learning_rate"], low=0),
        top1=None if values["top1"] is None else _share(values["top1"]),
    )


def _map_row(values: dict[str, Any]) -> MapRow:
    height, width = map(_whole, values["grid"])
    metrics = ("pointing", "energy", "insertion", "deletion", "box_share")
    return MapRow(
        subject=_text(values["subject"]),
        stage=None if values["stage"] is None else _whole(values["stage"]),
        grid=(height, width),
        photos=_whole(values["photos"]),
        **{name: _score(values[name]) for name in metrics},
    )


def _score(values: dict[str, Any]) -> Score:
    error = values["standard_error"]
    return Score(
        mean=_number(values["mean"]),
        standard_error=None if error is None else _number(error, low=0),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r:.60} should be a text")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r:.60} should be a whole number of at least 0")
    return value


def _share(value: object) -> float:
    return _number(value, low=0, high=1)


def _number(value: object, low: float = -math.inf, high: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r:.60} should be a finite number")
    if not low <= value <= high:
        raise ValueError(f"{value!r:.60} should lie from {low:g} to {high:g}")
    return float(value)
