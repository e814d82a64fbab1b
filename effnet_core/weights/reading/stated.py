"""Which architecture a file is, by who says so: a person, its metadata, or what lies beside it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from effnet_core.architecture.aliases import VARIANTS
from effnet_core.architecture.names import architecture as architecture_named
from effnet_core.architecture.names import variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.weights.convert import (
    class_count,
    guess_architecture,
    suggestion,
    with_conventions,
)
from effnet_core.weights.key_names import TITLES, Style
from effnet_core.weights.reading import arguments
from effnet_core.weights.reading.computation import Computation
from effnet_core.weights.reading.said import SPEC_KEY, is_whole
from effnet_core.weights.reading.settings import GIVEN, METADATA, Statement
from effnet_core.weights.tensor_files import TensorFile


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A parsed file with its head in place, and all that is said of it besides."""

    name: str
    file: TensorFile
    style: Style
    said: tuple[Statement, ...]
    channels: int


@dataclass(frozen=True, kw_only=True)
class Stated:
    """The architecture by who says so; `spec` is None, and `source` what is missing, without any.

    `asked` is the name that stands for it, "" for one that is stated in full. `spec` is as that
    name means it; `computation` is how it is computed all the same.
    """

    spec: ArchitectureSpec | None
    asked: str
    source: str
    computation: Computation = dataclasses.field(default_factory=Computation)


def stated(source: Source, given: str | ArchitectureSpec | None) -> Stated:
    """What the file states, or else what is given or said; these may not differ.

    Raises CheckpointError, or InvalidInput for an unknown architecture.
    """
    wanted, asked = (None, "") if given is None else _named(source, given)
    if SPEC_KEY in source.file.metadata:
        return Stated(spec=_own_spec(source, wanted), asked="", source=METADATA)
    if wanted is not None and is_whole(given):
        return Stated(spec=wanted, asked=asked, source=GIVEN)
    by = GIVEN
    for statement in source.said if wanted is None else ():
        if statement.architecture is not None:
            (wanted, asked), by = _named(source, statement.architecture), statement.source
            asked = asked or (wanted.name if wanted.name in VARIANTS else "")
            break
    if wanted is None:
        return Stated(spec=None, asked="", source=_missing(source))
    for statement in source.said:
        if statement.computation != Computation() and _speaks_of(statement, wanted):
            computed = statement.computation
            changes = computed.changes(_usual(source, wanted))
            words = f"{by}; {changes}: {statement.source}" if changes else by
            return Stated(spec=wanted, asked=asked, source=words, computation=computed)
    return Stated(spec=wanted, asked=asked, source=by)


def _usual(source: Source, spec: ArchitectureSpec) -> ArchitectureSpec:
    """How a network of this name is usually computed, where nobody says otherwise."""
    if source.style != "transformers" or spec.name not in VARIANTS:
        return spec
    return with_conventions(variant(spec.name), source.style)


def _speaks_of(statement: Statement, spec: ArchitectureSpec) -> bool:
    """Whether a statement is of this network, or names none."""
    said = statement.architecture
    if isinstance(said, str):
        said = architecture_named(said) if arguments.is_architecture(said) else None
    return said is None or said.name == spec.name


def _own_spec(source: Source, wanted: ArchitectureSpec | None) -> ArchitectureSpec:
    try:
        own = ArchitectureSpec.from_json(source.file.metadata[SPEC_KEY])
    except InvalidInput as error:
        raise CheckpointError(
            f"What {source.name} says of its own architecture is unusable: {error}"
        ) from None
    if wanted is not None and wanted.blocks != own.blocks:
        raise CheckpointError(
            f"{source.name} says that it is {own.name}, not {wanted.name}; leave the "
            "architecture out to take the file's own."
        )
    return own


def _named(source: Source, given: str | ArchitectureSpec) -> tuple[ArchitectureSpec, str]:
    """Only a name takes on the conventions of the library that named the tensors."""
    if isinstance(given, ArchitectureSpec):
        return given, ""
    if given.endswith(".json"):
        return architecture_named(given), ""
    spec = architecture_named(given, num_classes=class_count(source.file.tensors))
    spec = dataclasses.replace(spec, in_channels=source.channels)
    return with_conventions(spec, source.style), given


def _missing(source: Source) -> str:
    guess = guess_architecture(source.file.tensors)
    whose = TITLES[source.style]
    by, name = arguments.unknown_name(source.file.around)
    foreign = f"; its {by:.60} says {name!r:.60}, which is no network that is built here" * bool(by)
    if guess is None:
        return (
            f"{source.name} does not say which architecture it is{foreign}, and its tensors, named "
            f"as in {whose}, are of the shapes of no published variant: it may be another network "
            "(MobileNet, MNASNet, FBNet and pruned ones are named alike), or one of other depth "
            "and width, whose spec (a .json file) is then to be given."
        )
    return (
        f"{source.name} does not say which architecture it is (it looks like {guess}, named as in "
        f"{whose}{foreign}); give its name: {suggestion(guess, source.style)}."
    )
