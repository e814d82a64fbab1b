"""What somebody says of a set of weights beside their tensors, as far as it is said.

A configuration, a trainer's arguments and metadata each make one `Statement`; what none of them
says is completed from the architecture's own defaults, and the result says so.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from effnet_core.architecture.outputs import Activation
from effnet_core.architecture.scaling import validate_resolution
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.limits import MAX_CLASS_NAME
from effnet_core.weights.reading.computation import Computation

GIVEN, METADATA = "given", "metadata"
"""Who says something: a person, or the file's own metadata."""

CropMode = Literal["center", "squash", "border"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Preprocessing as far as it is stated; None where nothing is.

    `crop` is the input's side and `resize` the shorter edge before it, both in pixels;
    `crop_ratio` is the one through the other. `mean` and `std` have one number a channel.
    """

    crop: int | None = None
    resize: int | None = None
    crop_ratio: float | None = None
    crop_mode: CropMode | None = None
    interpolation: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What one source says: the network's name, how many classes and which, how it is fed.

    `source` names it as people see it and `trainer` who wrote it ("" where it does not tell).
    `classes_field` is the field that has the names, `activation` what the logits mean, and
    `is_regression` says that they are no answers of classes at all. `refused` is the sentence that
    says why the network it describes is not built here, "" for one that is.
    """

    source: str
    trainer: str = ""
    architecture: str | ArchitectureSpec | None = None
    computation: Computation = field(default_factory=Computation)
    refused: str = ""
    num_classes: int | None = None
    classes: tuple[str, ...] | None = None
    classes_field: str = ""
    activation: Activation | None = None
    is_regression: bool = False
    settings: Settings = field(default_factory=Settings)


def overruled(
    given: Preprocessing | Settings | None, usual: Preprocessing, usual_source: str
) -> tuple[Preprocessing, str]:
    """The preprocessing with what a person gives, whole or in part, and who said what.

    Raises InvalidInput for values that no preprocessing here has.
    """
    if given is None or given == Settings():
        return usual, usual_source
    if isinstance(given, Preprocessing):
        return given, GIVEN
    return _followed(given, GIVEN, usual, usual_source)


def completed(
    stated: Settings, source: str, usual: Preprocessing, usual_source: str
) -> tuple[Preprocessing, str]:
    """The preprocessing that `stated` asks for, `usual` where it says nothing, and who said what.

    Raises CheckpointError for values that no preprocessing here has.
    """
    try:
        return _followed(stated, source, usual, usual_source)
    except InvalidInput as error:
        raise CheckpointError(
            f"What {source} says of the preprocessing cannot be followed: {error}"
        ) from None


def _followed(
    stated: Settings, source: str, usual: Preprocessing, usual_source: str
) -> tuple[Preprocessing, str]:
    if stated.crop_mode == "border":
        raise InvalidInput(
            f"crop mode {stated.crop_mode!r} is not made here; give crop and resize by hand."
        )
    shared = {"interpolation": stated.interpolation, "mean": stated.mean, "std": stated.std}
    given: dict[str, Any] = {name: value for name, value in shared.items() if value is not None}
    crop = usual.crop if stated.crop is None else validate_resolution(stated.crop)
    at = usual.at(crop)
    if 1 in (len(stated.mean or ()), len(stated.std or ())):
        at = at.for_channels(1)
    if stated.resize is not None:
        least = 0 if source == GIVEN else crop
        at = dataclasses.replace(at, resize=max(stated.resize, least))
    elif stated.crop_ratio is not None:
        at = dataclasses.replace(at, resize=math.floor(crop / stated.crop_ratio))
    squash = usual.squash if stated.crop_mode is None else stated.crop_mode == "squash"
    found = dataclasses.replace(at, squash=squash, **given)
    silent = [name for name, value in shared.items() if value is None]
    if stated.crop is None:
        silent.insert(0, "crop")
    if stated.resize is None and stated.crop_ratio is None:
        silent.insert(0, "resize")
    if usual.squash and stated.crop_mode is None:
        silent.append("squash")
    return found, f"{source}; {', '.join(silent)}: {usual_source}" if silent else source


def listed_names(
    names: dict[str, str] | Sequence[str], count: int | None
) -> tuple[str, ...] | None:
    """Class names in the order of the outputs, from a list or from index → name.

    Indices that have no name are numbered. None where the indices are no whole numbers in range.
    """
    if not isinstance(names, dict):
        return tuple(map(_readable, names))
    if not all(index.isdecimal() and len(index) < 8 for index in names):
        return None
    by_index = {int(index): name for index, name in names.items()}
    size = max(by_index, default=-1) + 1 if count is None else count
    if max(by_index, default=-1) >= size or size > 2 * len(by_index) + 1000:
        return None
    return tuple(_readable(by_index.get(index, f"class {index}")) for index in range(size))


def _readable(name: str) -> str:
    """Half of a surrogate pair, which JSON may hold, cannot be shown nor saved."""
    return name.encode("utf-8", "replace").decode()[:MAX_CLASS_NAME]
