"""All that is said of a weights file besides its tensors: metadata, companions, arguments."""

from __future__ import annotations

from effnet_core.architecture.names import architecture as architecture_named
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError, EffnetError
from effnet_core.weights.convert import class_count, guess_architecture
from effnet_core.weights.reading import arguments, companions
from effnet_core.weights.reading.bundles import Bundle
from effnet_core.weights.reading.settings import METADATA, Statement
from effnet_core.weights.tensor_files import TensorFile

SPEC_KEY = "effnet.spec"


def everything_said(
    file: TensorFile, bundle: Bundle, given: str | ArchitectureSpec | None
) -> tuple[tuple[Statement, ...], tuple[str, ...]]:
    """What is said besides the file's own metadata, and which companions were left out.

    A companion that merely lies beside a file and speaks of another network is left out; one that
    was given with it may not contradict it. `given` is the architecture by a person's word, of
    which a whole spec overrules how a network is said to be computed. Raises CheckpointError or
    InvalidInput.
    """
    hint = file.metadata.get("architecture", "")
    said: list[Statement] = []
    if hint and not hint.endswith(".json"):
        said.append(Statement(source=METADATA, architecture=hint))
    left_out: list[str] = []
    # What this project saved says everything itself.
    for name in bundle.beside if SPEC_KEY not in file.metadata else ():
        try:
            (statement,) = companions.statements({name: bundle.beside[name]})
            _require_agreement(statement, file, is_named=given is not None)
            said.append(statement)
        except EffnetError as error:
            if bundle.is_meant:
                raise
            left_out.append(f"{name} beside the file: {error}")
    found = (*said, *arguments.statements(file.around, guess_architecture(file.tensors)))
    if not is_whole(given):
        for statement in found:
            if statement.refused:
                raise CheckpointError(statement.refused)
    return found, tuple(left_out)


def is_whole(given: str | ArchitectureSpec | None) -> bool:
    """Whether an architecture says everything, how it is computed too: a spec, or a file of one."""
    return isinstance(given, ArchitectureSpec) or (given or "").endswith(".json")


def _require_agreement(statement: Statement, file: TensorFile, *, is_named: bool) -> None:
    rows = class_count(file.tensors)
    if statement.num_classes not in (None, rows):
        raise CheckpointError(
            f"The {statement.source} beside the weights says {statement.num_classes:,} classes, "
            f"but the network has {rows:,}; correct it, or leave it out."
        )
    if isinstance(statement.architecture, str) and not is_named:
        architecture_named(statement.architecture)  # raises for another kind of network
