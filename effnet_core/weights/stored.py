"""What is known of weights on this disk, kept as `<file>.json` beside each file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from effnet_core import files
from effnet_core.architecture import aliases, outputs
from effnet_core.architecture.family import Padding
from effnet_core.architecture.names import variant
from effnet_core.architecture.outputs import Activation
from effnet_core.files import conform, read_json
from effnet_core.images import Preprocessing
from effnet_core.weights.checkpoints import CATALOG, LoadedWeights
from effnet_core.weights.outputs import ASSUMED
from effnet_core.weights.published import WeightsEntry

State = Literal["ready", "absent"]


@dataclass(frozen=True, kw_only=True)
class StoredWeights:
    """A catalog entry, on this disk or not, imported weights, or what comes along.

    `bundled` models come with the project, `packaged` ones with packages that pip installs.
    `size_bytes` is the size on disk, or the published size where the file is absent; `sha256` is
    the recorded hash of the whole file ("" where absent). `preprocessing_source` and
    `classes_source` say where those come from, as in `LoadedWeights`, and `activation` what the
    logits mean. `padding` and `bn_eps` are what no tensor tells of how the network is computed;
    None in records that are older than they.
    """

    id: str
    title: str
    architecture: str
    file_name: str
    state: State
    size_bytes: int
    sha256: str
    imported: bool
    preprocessing: Preprocessing
    preprocessing_source: str
    num_classes: int
    classes_source: str
    licence: str
    origin: str
    bundled: bool = False
    packaged: bool = False
    activation: Activation = "softmax"
    activation_source: str = ASSUMED
    padding: Padding | None = None
    bn_eps: float | None = None

    @property
    def resolution(self) -> int:
        """Side of the crop in pixels that the network sees."""
        return self.preprocessing.crop

    @property
    def meaning(self) -> str:
        """In a sentence what the probabilities mean; "" for softmax."""
        return outputs.in_words(self.activation, one_logit=self.num_classes == 1)

    @property
    def conventions(self) -> str:
        """Padding and batch-norm's eps, as read-outs say them; "" where they are not recorded."""
        if self.padding is None or self.bn_eps is None:
            return ""
        return aliases.in_words(self.padding, self.bn_eps)


def absent(entry: WeightsEntry) -> StoredWeights:
    """The record of a catalog entry that has not been downloaded."""
    spec = variant(entry.architecture)
    return StoredWeights(
        id=entry.id,
        title=entry.title,
        architecture=entry.architecture,
        file_name=entry.file_name,
        state="absent",
        size_bytes=entry.size_bytes,
        sha256="",
        imported=False,
        preprocessing=entry.preprocessing,
        preprocessing_source=CATALOG,
        num_classes=len(entry.classes),
        classes_source=CATALOG,
        licence=entry.licence,
        origin=entry.origin,
        padding=spec.padding,
        bn_eps=spec.bn_eps,
    )


def imported(
    identity: str,
    title: str,
    file_name: str,
    data: bytes,
    loaded: LoadedWeights,
    *,
    licence: str,
    origin: str,
) -> StoredWeights:
    """The record of imported weights whose file holds `data`."""
    return StoredWeights(
        id=identity,
        title=title,
        architecture=loaded.spec.name,
        file_name=file_name,
        state="ready",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        imported=True,
        preprocessing=loaded.preprocessing,
        preprocessing_source=loaded.preprocessing_source,
        num_classes=loaded.spec.num_classes,
        classes_source=loaded.classes_source,
        licence=licence,
        origin=origin,
        activation=loaded.activation,
        activation_source=loaded.activation_source,
        padding=loaded.spec.padding,
        bn_eps=loaded.spec.bn_eps,
    )


def record_path(path: Path) -> Path:
    """Where the record of the weights file `path` lies."""
    return path.with_name(path.name + ".json")


def write_record(path: Path, record: StoredWeights) -> None:
    """Save the record of `path`, sealed and in one step; raises WeightsError."""
    files.write_json(record_path(path), record)


def read_record(path: Path) -> StoredWeights | None:
    """The record of `path` if file and record are there, else None.

    A record that cannot be read counts as none: its file is then fetched again, never trusted.
    Raises WeightsError if the folder may not be looked into.
    """
    try:
        if not path.is_file():
            return None
    except OSError as error:
        raise files.storage_error(error, path) from error
    try:
        return conform(read_json(record_path(path)), StoredWeights)
    except (OSError, ValueError):
        return None


def is_damaged(path: Path) -> bool:
    """Whether a file lies here with a record that cannot be read."""
    return read_record(path) is None and path.is_file() and record_path(path).is_file()


def damage(root: Path) -> tuple[str, ...]:
    """A sentence for each of the imported weights in this folder whose record cannot be read."""
    places = sorted(root.glob("imported-*.safetensors"))
    return tuple(unreadable(path) for path in places if is_damaged(path))


def unreadable(path: Path) -> str:
    """What to do about imported weights whose record cannot be read."""
    name = path.stem.removeprefix("imported-")
    return (
        f"The record of {name} is damaged, so its weights cannot be used; "
        f"`effnet weights remove {name}` removes them, and they can then be imported anew."
    )


def ready(path: Path) -> StoredWeights | None:
    """The record of `path` if the file has the recorded size, else None. No bytes are read."""
    record = read_record(path)
    try:
        return record if record and path.stat().st_size == record.size_bytes else None
    except FileNotFoundError:  # removed a moment ago
        return None
