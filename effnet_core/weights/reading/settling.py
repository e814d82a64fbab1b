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

from effnet_core.architecture.names import architecture as architecture_named
from effnet_core.architecture.outputs import Activation, may_name
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.weights import outputs, tensor_files
from effnet_core.weights.class_names import require_names
from effnet_core.weights.convert import (
    class_count,
    guess_architecture,
    likely_name,
    rename,
    suggestion,
    with_conventions,
)
from effnet_core.weights.key_names import STEMS, TITLES, Style, detect_style
from effnet_core.weights.published import IMAGENET_CLASSES, imagenet_classes
from effnet_core.weights.published_preprocessing import published_preprocessing
from effnet_core.weights.reading import arguments
from effnet_core.weights.reading.bundles import Bundle
from effnet_core.weights.reading.heads import with_plain_head
from effnet_core.weights.reading.said import METADATA, SPEC_KEY, everything_said
from effnet_core.weights.reading.settings import Settings, Statement, completed
from effnet_core.weights.reading.understood import Understood
from effnet_core.weights.tensor_files import Array, TensorFile

CLASSES_KEY, PREPROCESSING_KEY = "effnet.classes", "effnet.preprocessing"

GIVEN = "given"
IMAGENET = "ImageNet-1k, assumed from 1,000 classes"
NUMBERED = "numbered, no names known"
GREY = "fed grey, whose mean and std are the mean of the three channels'"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a person says, which overrules the file; None where nothing is said."""

    architecture: str | ArchitectureSpec | None = None
    classes: Sequence[str] | None = None
    preprocessing: Preprocessing | None = None
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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Source:
    """A parsed file with its head in place, and all that is said of it besides."""

    name: str
    file: TensorFile
    style: Style
    said: tuple[Statement, ...]
    channels: int


def settle(bundle: Bundle, given: Given) -> Settled:
    """Read and understand a weights file and its companions.

    Raises CheckpointError: unreadable, unsafe, unfitting, or contradictory; InvalidInput for an
    unknown architecture or weights key.
    """
    name = bundle.file_name
    file = tensor_files.parse(bundle.data, name, key=given.weights_key)
    style = detect_style(file.tensors)
    file, head = with_plain_head(file, style, name)
    said, left_out = everything_said(file, bundle, is_named=given.architecture is not None)
    source = _Source(
        name=name, file=file, style=style, said=said, channels=_input_channels(file, style, name)
    )
    spec, asked, architecture_source = _spec(source, given.architecture)
    tensors: dict[str, Array] = {}
    fed, fed_source = None, ""
    if spec is not None:
        tensors = rename(file.tensors, spec)
        fed, fed_source = _preprocessing(source, given.preprocessing, spec, asked)
        spec = dataclasses.replace(spec, resolution=fed.crop)
    count = class_count(file.tensors) if spec is None else spec.num_classes
    classes, classes_source = _classes(source, given.classes, count)
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
        architecture_source=architecture_source,
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


def _trainer(source: _Source) -> str:
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


def _spec(
    source: _Source, given: str | ArchitectureSpec | None
) -> tuple[ArchitectureSpec | None, str, str]:
    """The spec that the file states, or else the one that is given or said; they may not differ.

    With it the name that stood for it, "" for one that is stated in full, and who said it. Without
    any the spec is None, and the last text says what is missing.
    """
    wanted, asked = (None, "") if given is None else _named_spec(source, given)
    if SPEC_KEY in source.file.metadata:
        return _stated_spec(source, wanted), "", METADATA
    if wanted is not None:
        return wanted, asked, GIVEN
    for statement in source.said:
        if statement.architecture is not None:
            return *_named_spec(source, statement.architecture), statement.source
    return None, "", _missing(source)


def _stated_spec(source: _Source, wanted: ArchitectureSpec | None) -> ArchitectureSpec:
    try:
        stated = ArchitectureSpec.from_json(source.file.metadata[SPEC_KEY])
    except InvalidInput as error:
        raise CheckpointError(
            f"What {source.name} says of its own architecture is unusable: {error}"
        ) from None
    if wanted is not None and wanted.blocks != stated.blocks:
        raise CheckpointError(
            f"{source.name} says that it is {stated.name}, not {wanted.name}; leave the "
            "architecture out to take the file's own."
        )
    return stated


def _named_spec(source: _Source, given: str | ArchitectureSpec) -> tuple[ArchitectureSpec, str]:
    """Only a name takes on the conventions of the library that named the tensors."""
    if isinstance(given, ArchitectureSpec):
        return given, ""
    if given.endswith(".json"):
        return architecture_named(given), ""
    spec = architecture_named(given, num_classes=class_count(source.file.tensors))
    spec = dataclasses.replace(spec, in_channels=source.channels)
    return with_conventions(spec, source.style), given


def _guess(source: _Source) -> str:
    found = guess_architecture(source.file.tensors)
    return likely_name(found, source.style) if found else ""


def _missing(source: _Source) -> str:
    guess = guess_architecture(source.file.tensors)
    looks = f"it looks like {guess}, " if guess else ""
    example = f": {suggestion(guess, source.style)}" if guess else ", such as b0"
    return (
        f"{source.name} does not say which architecture it is ({looks}named as in "
        f"{TITLES[source.style]}); give its name{example}."
    )


def _preprocessing(
    source: _Source, given: Preprocessing | None, spec: ArchitectureSpec, asked: str
) -> tuple[Preprocessing, str]:
    found, words = _stated_preprocessing(source, given, spec, asked)
    if found.channels == spec.in_channels:
        return found, words
    assumed = f"{words}; {GREY}" if spec.in_channels == 1 else words
    return found.for_channels(spec.in_channels), assumed


def _stated_preprocessing(
    source: _Source, given: Preprocessing | None, spec: ArchitectureSpec, asked: str
) -> tuple[Preprocessing, str]:
    if given is not None:
        return given, GIVEN
    if PREPROCESSING_KEY in source.file.metadata:
        stated = _json(source, PREPROCESSING_KEY)
        try:
            return Preprocessing.from_dict(stated if isinstance(stated, dict) else {}), METADATA
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
    source: _Source, given: Sequence[str] | None, count: int
) -> tuple[tuple[str, ...], str]:
    said = next((one for one in source.said if one.classes is not None), None)
    if given:
        names, words = tuple(given), GIVEN
    elif CLASSES_KEY in source.file.metadata:
        stated = _json(source, CLASSES_KEY)
        if not isinstance(stated, list) or not all(isinstance(label, str) for label in stated):
            raise CheckpointError(f"The class names in {source.name} are not a list of texts.")
        names, words = tuple(stated), METADATA
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


def _json(source: _Source, key: str) -> Any:
    try:
        return json.loads(source.file.metadata[key])
    except (ValueError, RecursionError):
        raise CheckpointError(f"What {source.name} says under {key} is not valid JSON.") from None
