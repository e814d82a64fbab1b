"""What a name stands for, whichever source has it: found once, read when it is needed."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from effnet_core.architecture.outputs import Activation
from effnet_core.errors import CheckpointError, WeightsError
from effnet_core.images import Preprocessing
from effnet_core.weights import tensor_files
from effnet_core.weights.checkpoints import LoadedWeights, load_checkpoint
from effnet_core.weights.prepared import prepared
from effnet_core.weights.published import WeightsEntry
from effnet_core.weights.reading.settings import GIVEN, Settings, overruled
from effnet_core.weights.stored import StoredWeights, read_record


@dataclass(frozen=True, kw_only=True)
class Source:
    """Weights known by their record `stored`, and not read yet.

    `path` is where the file lies or would lie. `read` gives its bytes, proven, or raises what the
    source has to say: WeightsError where they are absent, CheckpointError where they are damaged.
    `classes` is () where the file alone names them. `named` is the architecture of files that do
    not say what they are, "" for others, and `entry` what can be downloaded, of published weights
    alone. `root` is the store's folder, where what torch has read once is kept.
    """

    stored: StoredWeights
    path: Path
    read: Callable[[], bytes]
    classes: tuple[str, ...] = ()
    named: str = ""
    entry: WeightsEntry | None = None
    root: Path | None = None

    @property
    def id(self) -> str:
        """The one id, however the weights were called."""
        return self.stored.id

    @property
    def identity(self) -> str:
        """Id and content, by which answers are kept: an import may take the name of another."""
        return f"{self.id}@{self.stored.sha256}"

    @property
    def preprocessing(self) -> Preprocessing:
        """What belongs to these weights."""
        return self.stored.preprocessing

    def load(
        self,
        *,
        architecture: str | None = None,
        classes: Sequence[str] | None = None,
        preprocessing: Preprocessing | Settings | None = None,
        activation: Activation | None = None,
    ) -> LoadedWeights:
        """The weights, with what is given in place of their own; raises as `load_checkpoint`."""
        stored, data = self.stored, self.read()
        usual = (stored.preprocessing, stored.preprocessing_source)
        fed, fed_source = overruled(preprocessing, *usual)
        read = partial(
            load_checkpoint,
            data,
            architecture=architecture or self.named or None,
            classes=classes or (self.classes if self.named else None),
            preprocessing=fed if preprocessing or self.named else None,
            activation=activation,
            file_name=self.path.name,
        )
        as_it_is = not (architecture or classes or preprocessing or activation)
        if as_it_is and self.named and self.root is not None:
            loaded = prepared(self.root, stored.sha256, stored.id, read)
        else:
            loaded = read()
        return dataclasses.replace(
            loaded,
            id=stored.id,
            sha256=stored.sha256 or loaded.sha256,
            origin=stored.origin,
            classes_source=GIVEN if classes else stored.classes_source,
            preprocessing_source=fed_source,
        )


def proven(path: Path, stored: StoredWeights, entry: WeightsEntry | None = None) -> bytes:
    """The bytes of a stored file, if they are those of its record; raises as `Source.read`."""
    record = read_record(path)
    if record is None:
        raise WeightsError(absent(entry) if entry else f"{stored.id} is not on this disk any more.")
    data = tensor_files.read_file(path)
    if hashlib.sha256(data).hexdigest() != (stored.sha256 or record.sha256):
        raise CheckpointError(damaged(stored.id))
    return data


def is_intact(path: Path) -> bool:
    """Whether a stored file is there with its recorded hash."""
    record = read_record(path)
    return (
        record is not None
        and hashlib.sha256(tensor_files.read_file(path)).hexdigest() == record.sha256
    )


def absent(entry: WeightsEntry) -> str:
    """What to do about published weights that are not here."""
    return (
        f"{entry.id} is not on this disk; `effnet weights get {entry.id}` downloads its "
        f"{tensor_files.readable_size(entry.size_bytes)}."
    )


def damaged(name: str) -> str:
    """What to do about a stored file that is not as it was saved."""
    return (
        f"The stored file of {name} has changed since it was saved (its SHA-256 differs); get it "
        f"again with `effnet weights get {name}`, or remove it and import it anew."
    )
