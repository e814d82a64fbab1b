"""The weights on this disk: downloaded once, hashed on every read, imported, listed, removed.

A file counts as there only with its record (`stored`), and its bytes are handed out only if they
still have the recorded SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import filelock

from effnet_core import files
from effnet_core.architecture.outputs import Activation
from effnet_core.errors import CheckpointError, DownloadError, InvalidInput, WeightsError
from effnet_core.images import Preprocessing
from effnet_core.weights import checkpoints, download, tensor_files
from effnet_core.weights import stored as records
from effnet_core.weights.bundled import find_bundled, require_new, usable_models
from effnet_core.weights.packaged import PackagedWeights, find_packaged, packaged_weights
from effnet_core.weights.prepared import copy_path
from effnet_core.weights.published import WeightsEntry, catalog, find, is_published
from effnet_core.weights.reading.settings import Settings
from effnet_core.weights.sources import Source, absent, damaged, is_intact, proven
from effnet_core.weights.stored import State, StoredWeights, read_record

Item = WeightsEntry | str
"""A catalog entry, text that names one, or the id of imported weights or a bundled model."""


@dataclass(frozen=True)
class Verification:
    """What reading a whole file has shown: its SHA-256, and whether there was one to compare."""

    sha256: str
    compared: bool


_LOCK_TIMEOUT_S = 3600.0
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class WeightsStore:
    """A folder of weights, safe to use from several threads and processes at once.

    `root` defaults to `default_root()`. Making a store touches no disk.
    """

    def __init__(self, root: Path | str | None = None, *, lock_timeout: float = _LOCK_TIMEOUT_S):
        self.root = Path(root) if root is not None else default_root()
        self.lock_timeout = lock_timeout

    def local(self, name: str) -> Source | None:
        """What `name` stands for among bundled models, packages and imported weights, or None."""
        if (packaged := find_packaged(name)) is not None:
            return self._packaged(packaged)
        if (model := find_bundled(name)) is not None:
            return model.source()
        record = self.imported(name)
        return None if record is None else self._imported(record)

    def source(self, item: Item) -> Source:
        """What an item stands for, on this disk or not; raises InvalidInput for an unknown name."""
        if isinstance(item, str) and (local := self.local(item)) is not None:
            return local
        entry = find(item) if isinstance(item, str) else item
        path = self.root / entry.file_name
        stored = records.ready(path) or records.absent(entry)
        return Source(
            stored=stored,
            path=path,
            read=partial(proven, path, stored, entry),
            classes=entry.classes,
            named=entry.architecture,
            entry=entry,
            root=self.root,
        )

    def path(self, item: Item) -> Path:
        """Where the file of `item` lies or would lie; raises InvalidInput for an unknown name."""
        return self.source(item).path

    def state(self, item: Item) -> State:
        """ "ready" if the file and its record are there and agree in size, else "absent"."""
        return self.source(item).stored.state

    def get(
        self, item: Item, progress: download.Progress | None = None, *, offline: bool = False
    ) -> Path:
        """The path of the file, downloaded first if it is absent or damaged.

        However many threads and processes ask at once, one downloads and the others wait for it.
        `progress(done, total)` is called with bytes. Raises DownloadError or WeightsError; with
        `offline`, an absent file is a DownloadError. A failure leaves what was there before.
        """
        source = self.source(item)
        entry, path = source.entry, source.path
        if entry is None:
            source.read()
        elif not is_intact(path):
            if offline:
                raise DownloadError(absent(entry))
            with self._locked(path):
                if not is_intact(path):
                    self._download(entry, path, progress)
        return path

    def read(self, item: Item) -> bytes:
        """The bytes of a file, its SHA-256 checked against the record.

        Raises WeightsError if the file is absent and CheckpointError if it is damaged.
        """
        return self.source(item).read()

    def verify(self, item: Item | Path) -> Verification:
        """Read the whole file and take its SHA-256; raises WeightsError if it is not intact.

        A `Path` means any weights file. It must be readable as one; its hash is compared with the
        one that this project's files carry in themselves or with its record beside it, where there
        is either. Files of other makers have neither.
        """
        if not isinstance(item, Path):
            return Verification(hashlib.sha256(self.read(item)).hexdigest(), compared=True)
        record, data = read_record(item), tensor_files.read_file(item)
        sha256 = hashlib.sha256(data).hexdigest()
        if record is not None and sha256 != record.sha256:
            raise CheckpointError(damaged(record.id))
        proven = (
            tensor_files.HASH_KEY in tensor_files.parse(data, item.name).metadata
        )  # then `parse` compared it
        return Verification(sha256, compared=proven or record is not None)

    def remove(self, item: Item) -> int:
        """Delete the file and its record, damaged or not; returns the bytes freed.

        Raises WeightsError if it is not on this disk, or comes with the project.
        """
        own = self._imported_path(item) if isinstance(item, str) and _ID.fullmatch(item) else None
        if own is not None and records.is_damaged(own):
            return self._discard(own, own.stem)
        source = self.source(item)
        if source.stored.bundled:
            raise WeightsError(f"{source.id} comes with the project and cannot be removed alone.")
        if source.stored.packaged:
            raise WeightsError(f"{source.id} comes in a package; pip uninstalls it.")
        copy = copy_path(self.root, source.stored.sha256)
        return self._discard(source.path, source.id, copy)

    def _discard(self, path: Path, name: str, *copies: Path) -> int:
        with self._locked(path):
            records.record_path(path).unlink(missing_ok=True)
            if not path.is_file():
                raise WeightsError(f"{name} is not on this disk, so there is nothing to remove.")
            there = [each for each in (path, *copies) if each.is_file()]
            freed = sum(each.stat().st_size for each in there)
            for each in there:
                each.unlink()
        return freed

    def import_file(
        self,
        path: Path | str,
        *,
        name: str | None = None,
        title: str | None = None,
        architecture: str | None = None,
        classes: Sequence[str] | None = None,
        preprocessing: Preprocessing | Settings | None = None,
        activation: Activation | None = None,
        weights_key: str | None = None,
        licence: str = "not stated",
        origin: str | None = None,
    ) -> StoredWeights:
        """Take a checkpoint into the store, checked strictly and with all that belongs to it.

        It is kept as this project's own safetensors file under the id `name` (by default made from
        the file's name), and shown as `title` (by default the id). Raises CheckpointError
        (unreadable, unsafe, does not fit), InvalidInput (id taken or not allowed) or WeightsError
        (disk full).
        """
        source = Path(path)
        loaded = checkpoints.load_checkpoint(
            source,
            architecture=architecture,
            classes=classes,
            preprocessing=preprocessing,
            activation=activation,
            weights_key=weights_key,
        )
        identity = _new_id(name, source)
        target = self._imported_path(identity)
        data = checkpoints.serialise(loaded)
        origin = origin or f"imported from {source.name} (SHA-256 {loaded.sha256})"
        record = records.imported(
            identity, title or identity, target.name, data, loaded, licence=licence, origin=origin
        )
        with self._locked(target):
            if self.imported(identity) is not None:
                raise InvalidInput(
                    f"Weights called {identity} are there already; remove them first."
                )
            files.write(target, data)
            records.write_record(target, record)
        return record

    def imported(self, name: str) -> StoredWeights | None:
        """The record of the imported weights of this id, or None; CheckpointError if damaged."""
        if not _ID.fullmatch(name):
            return None
        path = self._imported_path(name)
        if records.is_damaged(path):
            raise CheckpointError(records.unreadable(path))
        return read_record(path)

    def sources(self) -> tuple[Source, ...]:
        """Bundled models, packages, every catalog entry, on disk or not, then imported weights."""
        own = map(read_record, sorted(self.root.glob("imported-*.safetensors")))
        return (
            *(model.source() for model in usable_models()),
            *map(self._packaged, packaged_weights()),
            *map(self.source, catalog()),
            *(self._imported(record) for record in own if record is not None),
        )

    def listing(self) -> tuple[StoredWeights, ...]:
        """The records of `sources`."""
        return tuple(source.stored for source in self.sources())

    def _packaged(self, weights: PackagedWeights) -> Source:
        return dataclasses.replace(weights.source(), root=self.root)

    def _imported(self, record: StoredWeights) -> Source:
        path = self._imported_path(record.id)
        return Source(stored=record, path=path, read=partial(proven, path, record))

    def _imported_path(self, name: str) -> Path:
        return self.root / f"imported-{name}.safetensors"

    def _download(
        self, entry: WeightsEntry, path: Path, progress: download.Progress | None
    ) -> None:
        sha256 = download.fetch(
            download.mirrored(entry.url),
            path,
            size_bytes=entry.size_bytes,
            hash_prefix=entry.hash_prefix,
            progress=progress,
        )
        record = dataclasses.replace(
            records.absent(entry), state="ready", sha256=sha256, size_bytes=path.stat().st_size
        )
        records.write_record(path, record)

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """Hold the lock on `path` among processes; it ends with its process, however that ends."""
        lock_path = self.root / "locks" / f"{path.name}.lock"
        try:
            lock_path.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(lock_path, timeout=self.lock_timeout):
                files.sweep(path)
                files.sweep(records.record_path(path))
                yield
        except filelock.Timeout:
            raise WeightsError(
                f"Another process has been busy with {path.name} for {self.lock_timeout:.0f} s; "
                "wait for it or stop it, then try again."
            ) from None
        except OSError as error:
            raise files.storage_error(error, path) from error


def default_root() -> Path:
    """`weights/` in `files.cache_folder()`."""
    return files.cache_folder() / "weights"


def _new_id(wanted: str | None, source: Path) -> str:
    """`wanted`, or an id made from the file's name; never a published name. Raises InvalidInput."""
    name = wanted or re.sub(r"[^A-Za-z0-9._-]+", "-", source.stem).strip("-._")[:60]
    if not _ID.fullmatch(name):
        raise InvalidInput(
            "An id has at most 80 letters, digits, dots, dashes and underscores; got "
            f"{name[:90]!r}."
        )
    require_new(name)
    if not is_published(name):
        return name
    if wanted:
        raise InvalidInput(f"{name} already names published weights; choose another id.")
    return f"{name}-imported"
