"""A training recipe as data: everything that decides a run besides the network and the photos."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from effnet_core.errors import InvalidInput

Optimizer = Literal["sgd", "rmsprop", "adamw"]
Schedule = Literal["cosine", "step"]
Policy = Literal["none", "autoaugment", "randaugment", "trivialaugment"]
Precision = Literal["float32", "bfloat16"]


def _within(low: float, high: float, *, default: float | None) -> Any:
    """A field that takes numbers from `low` to `high`, and `default` where nothing is said."""
    return dataclasses.field(default=default, metadata={"bounds": (low, high)})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained; saved with every run.

    `batch` is the number of photos between two steps of the optimizer, over all devices, and
    `micro_batches` into how many equal parts it is cut (one device takes them one after another,
    several devices share them); batch-norm sees one part, mixup and cutmix mix within it.
    `learning_rate` belongs to `batch` as it is. With AdamW `momentum` is its β₁; `decay_factor` and
    `decay_epochs` are of the schedule "step". `crop_area` and `crop_aspect` bound the random
    resized crop, as shares of the photo's area and as width/height. `first_resolution` is the share
    of the network's resolution in the first quarter of the run; the quarters after it step up
    evenly to the whole in the last, in multiples of 8 pixels (progressive learning, arXiv
    2104.00298, section 4; 1 trains at the whole resolution throughout). `mixup` and `cutmix` are
    the α of the Beta distribution, 0 for none; with both, each part of a batch draws one of the
    two. `drop_path` is the rate that stochastic depth would have after the last block, rising
    linearly from 0 at the first; None keeps the architecture's own, as does None for `dropout`.
    `ema_decay`, `clip_norm` and `frozen_stages` are off at 0; stages 0…frozen_stages-1 (0 is the
    stem) are frozen. `body_rate` multiplies the learning rate of everything but the classifier.
    `held_out` photos of the training set are kept from training, drawn with `split_seed`, for
    choices. Raises InvalidInput.
    """

    epochs: int = _within(1, 10_000, default=24)
    batch: int = _within(1, 65_536, default=64)
    micro_batches: int = _within(1, 65_536, default=1)
    optimizer: Optimizer = "sgd"
    learning_rate: float = _within(1e-9, 1e3, default=0.1)
    momentum: float = _within(0, 0.9999, default=0.9)
    rmsprop_decay: float = _within(0, 0.9999, default=0.9)
    rmsprop_eps: float = _within(1e-12, 1, default=1e-3)
    weight_decay: float = _within(0, 1, default=2e-5)
    schedule: Schedule = "cosine"
    warmup_epochs: float = _within(0, 1000, default=0.5)
    decay_factor: float = _within(0.01, 1, default=0.97)
    decay_epochs: float = _within(0.01, 10_000, default=2.4)
    policy: Policy = "none"
    policy_operations: int = _within(1, 8, default=2)
    policy_magnitude: int = _within(0, 30, default=9)
    crop_area: tuple[float, float] = (0.35, 1.0)
    crop_aspect: tuple[float, float] = (0.75, 4 / 3)
    flip: float = _within(0, 1, default=0.5)
    first_resolution: float = _within(0.25, 1, default=1.0)
    mixup: float = _within(0, 100, default=0.0)
    cutmix: float = _within(0, 100, default=0.0)
    label_smoothing: float = _within(0, 0.9, default=0.1)
    drop_path: float | None = _within(0, 0.9, default=None)
    dropout: float | None = _within(0, 0.9, default=None)
    ema_decay: float = _within(0, 0.999999, default=0.0)
    clip_norm: float = _within(0, 1e6, default=5.0)
    precision: Precision = "float32"
    channels_last: bool = True
    compiled: bool = False
    sync_batch_norm: bool = False
    frozen_stages: int = _within(0, 100, default=0)
    body_rate: float = _within(0, 1, default=1.0)
    held_out: int = _within(0, 10**9, default=0)
    split_seed: int = _within(0, 2**63 - 1, default=0)
    seed: int = _within(0, 2**63 - 1, default=0)

    def __post_init__(self) -> None:
        for name in ("crop_area", "crop_aspect"):
            if isinstance(getattr(self, name), list):  # as JSON gives them
                object.__setattr__(self, name, tuple(getattr(self, name)))
        _check_types(self)
        _check_ranges(self)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, for JSON."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """JSON text that `from_json` reads back to an equal recipe."""
        return json.dumps(self.to_dict(), indent=1)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Recipe:
        """The recipe of plain values; fields left out take their defaults. Raises InvalidInput."""
        known = {field.name for field in dataclasses.fields(Recipe)}
        unknown = sorted(set(values) - known)
        if unknown:
            near = difflib.get_close_matches(str(unknown[0])[:60], known, 1)
            meant = f"; perhaps {near[0]} is meant" if near else ""
            raise InvalidInput(f"A recipe has no field called {unknown[0]!r:.60}{meant}.")
        return Recipe(**values)

    @staticmethod
    def from_json(text: str) -> Recipe:
        """Read `to_json`'s text, or any JSON object of fields; raises InvalidInput."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"The recipe is not valid JSON: {error}.") from None
        if not isinstance(values, dict):
            raise InvalidInput("A recipe is a JSON object of its fields.")
        return Recipe.from_dict(values)

    @property
    def micro_batch(self) -> int:
        """Photos in one forward pass."""
        return self.batch // self.micro_batches


_KINDS = {"int": "a whole number", "bool": "true or false", "tuple[float, float]": "two numbers"}


_DECLARED = get_type_hints(Recipe)

CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(kind) for name, kind in _DECLARED.items() if get_origin(kind) is Literal
}
"""The fields that take one of several words, with the words."""


def _check_types(recipe: Recipe) -> None:
    for field in dataclasses.fields(recipe):
        value = getattr(recipe, field.name)
        try:
            msgspec.convert(value, _DECLARED[field.name])
        except msgspec.ValidationError:
            words = " or ".join(CHOICES.get(field.name, ()))
            kind = words or _KINDS.get(str(field.type), "a number")
            raise InvalidInput(f"{field.name} must be {kind}; got {value!r:.60}.") from None


def _check_ranges(recipe: Recipe) -> None:
    for field in dataclasses.fields(recipe):
        value = getattr(recipe, field.name)
        low, high = field.metadata.get("bounds", (None, None))
        if low is not None and value is not None and not low <= value <= high:
            raise InvalidInput(
                f"{field.name} must lie from {low:g} to {high:g}; got {value!s:.60}."
            )
    low, high = recipe.crop_area
    if not 0 < low <= high <= 1:
        raise InvalidInput(f"crop_area must rise within (0, 1]; got {low:g} and {high:g}.")
    low, high = recipe.crop_aspect
    if not 0.1 <= low <= high <= 10:
        raise InvalidInput(f"crop_aspect must rise within [0.1, 10]; got {low:g} and {high:g}.")
    if recipe.batch % recipe.micro_batches:
        raise InvalidInput(
            f"A batch of {recipe.batch} cannot be cut into {recipe.micro_batches} equal parts."
        )
    if recipe.micro_batch < 2:
        raise InvalidInput(
            f"A batch of {recipe.batch} in {recipe.micro_batches} parts leaves fewer than the two "
            "photos at once that batch-norm needs."
        )
    if recipe.warmup_epochs >= recipe.epochs:
        raise InvalidInput(
            f"A warm-up of {recipe.warmup_epochs:g} epochs leaves nothing of {recipe.epochs}."
        )
