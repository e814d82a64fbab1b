"""From a file and what people say of it to a network's spec, classes and preprocessing.

What a person gives comes first, then the file's own metadata, then what lies beside it or what its
trainer wrote into it, then the defaults of the library whose names its tensors have. Every answer
says which of these it is.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from effnet_core.architecture.outputs import Activation, may_name
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.weights import outputs, tensor_files
from effnet_core.weights.class_names import require_names
from effnet_core.weights.convert import class_count, guess_architecture, likely_name, rename
from effnet_core.weights.key_names import STEMS, Style
from effnet_core.weights.published import IMAGENET_CLASSES, imagenet_classes
from effnet_core.weights.published_preprocessing import published_preprocessing
from effnet_core.weights.reading import arguments
from effnet_core.weights.reading.bundles import Bundle
from effnet_core.weights.reading.heads import with_plain_head
from effnet_core.weights.reading.other_networks import require_style
from effnet_core.weights.reading.said import everything_said
from effnet_core.weights.reading.settings import (
    GIVEN,
    METADATA,
    Settings,
    completed,
    overruled,
)
from effnet_core.weights.reading.stated import Source, Stated, stated
from effnet_core.weights.reading.understood import Understood
from effnet_core.weights.tensor_files import Array, TensorFile
from effnet_core.weights.transformers_config import require_same_padding

CLASSES_KEY, PREPROCESSING_KEY = "effnet.classes", "effnet.preprocessing"

IMAGENET = "ImageNet-1k, assumed from 1,000 classes"
NUMBERED = "numbered, no names known"
GREY = "fed grey, whose mean and std are the mean of the three channels'"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a person says, which overrules the file; None where nothing is said."""

    architecture: str | ArchitectureSpec | None = None
    classes: Sequence[str] | None = None
    preprocessing: Preprocessing | Settings | None = None
    activation: Activation | None = None
    weights_key: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Settled:
    """What was understood and, where the architecture is known, the network that it makes.

    `unwrapped` says in words which dictionaries were opened.
    """

    understood: Understood
    unwrapped: str
    spec: ArchitectureSpec | None = None
    tensors: dict[str, Array] = field(default_factory=dict, repr=False)


def settle(bundle: Bundle, given: Given) -> Settled:
    """Read and understand a weights file and its companions.

    Raises CheckpointError: unreadable, unsafe, unfitting, or contradictory; InvalidInput for an
    unknown architecture or weights key.
    """
    name = bundle.file_name
    file = tensor_files.parse(bundle.data, name, key=given.weights_key)
    style = require_style(file.tensors, name)
    file, head = with_plain_head(file, style, name)
    said, left_out = everything_said(file, bundle, given.architecture)
    source = Source(
        name=name, file=file, style=style, said=said, channels=_input_channels(file, style, name)
    )
    found = stated(source, given.architecture)
    spec, tensors, fed, fed_source = _network(source, found, given.preprocessing)
    count = class_count(file.tensors) if spec is None else spec.num_classes
    classes, classes_source = _classes(source, given.classes, count)
    _require_classes(source, given)
    beside = next(((one.activation, one.source) for one in said if one.activation), None)
    meant, meant_by = outputs.settled(given.activation, file.metadata, count, name, beside)
    prefix = (f'prefix "{file.prefix:.80}"',) if file.prefix else ()
    understood = Understood(
        kind=bundle.kind,
        trainer=_trainer(source),
        style=style,
        unwrapped=(
            *(f'key "{key:.80}"' for key in file.containers),
            *prefix,
            *((head,) if head else ()),
        ),
        architecture=None if spec is None else spec.name,
        architecture_source=found.source,
        padding=None if spec is None else spec.padding,
        bn_eps=None if spec is None else spec.bn_eps,
        classes=classes,
        classes_source=classes_source,
        preprocessing=fed,
        preprocessing_source=fed_source,
        activation=meant,
        activation_source=meant_by,
        ignored=(*file.ignored, *left_out),
        guess="" if spec is not None else _guess(source),
    )
    return Settled(understood=understood, unwrapped=file.unwrapped, spec=spec, tensors=tensors)


def _network(
    source: Source, found: Stated, given: Preprocessing | Settings | None
) -> tuple[ArchitectureSpec | None, dict[str, Array], Preprocessing | None, str]:
    """The network, its tensors, and how it is fed and who says so; none of it without a spec."""
    if found.spec is None:
        return None, {}, None, ""
    fed, fed_source = _preprocessing(source, given, found.spec, found.asked)
    spec = dataclasses.replace(found.computation.of(found.spec), resolution=fed.crop)
    try:
        tensors = rename(source.file.tensors, spec)
    except CheckpointError as error:
        if found.source in (GIVEN, METADATA):
            raise
        raise CheckpointError(
            f"{error} The name {spec.name} is by {found.source}; give another architecture to "
            "overrule it."
        ) from None
    if found.computation.fixed_padding is not None:
        require_same_padding(spec, found.computation.fixed_padding)
    return spec, tensors, fed, fed_source


def _require_classes(source: Source, given: Given) -> None:
    """Raise CheckpointError for a regression's numbers, unless a person says what they mean."""
    by = next((one.source for one in source.said if one.is_regression), None)
    if by is not None and given.activation is None:
        raise CheckpointError(
            f"The {by} of {source.name} says problem_type regression: its outputs are numbers, "
            "neither classes nor probabilities, so it cannot classify. If they are logits all the "
            "same, give the activation (softmax or sigmoid)."
        )


def _trainer(source: Source) -> str:
    if tensor_files.FORMAT_KEY in source.file.metadata:
        return "this project"
    said = next((statement.trainer for statement in source.said if statement.trainer), "")
    return said or arguments.trainer(source.file.around)


def _input_channels(file: TensorFile, style: Style, name: str) -> int:
    """Channels that the stem takes; raises CheckpointError unless it is fed colour or grey."""
    stem = next(file.tensors[key] for key, its in STEMS.items() if its == style)
    channels = stem.shape[1] if stem.ndim == 4 else 3
    if channels not in (1, 3):
        raise CheckpointError(
            f"The network in {name} takes {channels} channels; photos have 3, and nothing here can "
            "make the others."
        )
    return int(channels)


def _guess(source: Source) -> str:
    found = guess_architecture(source.file.tensors)
    return likely_name(found, source.style) if found else ""


def _preprocessing(
    source: Source, given: Preprocessing | Settings | None, spec: ArchitectureSpec, asked: str
) -> tuple[Preprocessing, str]:
    if isinstance(given, Preprocessing):
        found, words = given, GIVEN
    else:
        found, words = overruled(given, *_stated_preprocessing(source, spec, asked))
    if found.channels == spec.in_channels:
        return found, words
    assumed = f"{words}; {GREY}" if spec.in_channels == 1 else words
    return found.for_channels(spec.in_channels), assumed


def _stated_preprocessing(
    source: Source, spec: ArchitectureSpec, asked: str
) -> tuple[Preprocessing, str]:
    if PREPROCESSING_KEY in source.file.metadata:
        held = _json(source, PREPROCESSING_KEY)
        try:
            return Preprocessing.from_dict(held if isinstance(held, dict) else {}), METADATA
        except InvalidInput as error:
            raise CheckpointError(
                f"What {source.name} says of its preprocessing is unusable: {error}"
            ) from None
    usual = published_preprocessing(spec, source.style, asked)
    for statement in source.said:
        if statement.settings != Settings():
            return completed(statement.settings, statement.source, *usual)
    return usual


def _classes(
    source: Source, given: Sequence[str] | None, count: int
) -> tuple[tuple[str, ...], str]:
    said = next((one for one in source.said if one.classes is not None), None)
    if given:
        names, words = tuple(given), GIVEN
    elif CLASSES_KEY in source.file.metadata:
        held = _json(source, CLASSES_KEY)
        if not isinstance(held, list) or not all(isinstance(label, str) for label in held):
            raise CheckpointError(f"The class names in {source.name} are not a list of texts.")
        names, words = tuple(held), METADATA
    elif said is not None and said.classes is not None:
        names, words = said.classes, f"{said.source} ({said.classes_field})"
    elif count == IMAGENET_CLASSES and source.style != "own":
        names, words = imagenet_classes(), IMAGENET
    else:
        names, words = tuple(f"class {index}" for index in range(count)), NUMBERED
    if not may_name(len(names), count):
        raise CheckpointError(disagreement(len(names), count))
    return require_names(names), words


def disagreement(names: int, classes: int) -> str:
    """The sentence for class names that are too many or too few."""
    return (
        f"There are {names:,} class names, but the network has {classes:,} classes; give one name "
        "a class, in the order of the outputs."
    )


def _json(source: Source, key: str) -> Any:
    try:
        return json.loads(source.file.metadata[key])
    except (ValueError, RecursionError):
        raise CheckpointError(f"What {source.name} says under {key} is not valid JSON.") from None
