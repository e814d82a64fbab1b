"""The weights on this disk: downloaded once, hashed on every read, imported, listed, removed.

A file counts as there only with its record (`records`), and its bytes are handed out only if they
still have the recorded SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock

from effnet_core import files
from effnet_core.architecture.names import canonical_name
from effnet_core.errors import CheckpointError, DownloadError, InvalidInput, WeightsError
from effnet_core.images import Preprocessing
from effnet_core.weights import checkpoints, download, stored, tensor_files
from effnet_core.weights.bundled import bundled_models, find_bundled, require_new
from effnet_core.weights.published import WeightsEntry, catalog, find
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

    `root` defaults to `weights/` under $EFFNET_CACHE or, unset, the user's cache folder. Making a
    store touches no disk.
    """

    def __init__(self, root: Path | str | None = None, *, lock_timeout: float = _LOCK_TIMEOUT_S):
        self.root = Path(root) if root is not None else default_root()
        self.lock_timeout = lock_timeout

    def path(self, item: Item) -> Path:
        """Where the file of `item` lies or would lie; raises InvalidInput for an unknown name."""
        if isinstance(item, str) and (model := find_bundled(item)):
            return model.path
        if isinstance(item, str) and self.imported(item):
            return self._imported_path(item)
        return self.root / _entry(item).file_name

    def state(self, item: Item) -> State:
        """ "ready" if the file and its record are there and agree in size, else "absent"."""
        if isinstance(item, str) and find_bundled(item):
            return "ready"
        return "ready" if stored.ready(self.path(item)) else "absent"

    def get(
        self, item: Item, progress: download.Progress | None = None, *, offline: bool = False
    ) -> Path:
        """The path of the file, downloaded first if it is absent or damaged.

        However many threads and processes ask at once, one downloads and the others wait for it.
        `progress(done, total)` is called with bytes. Raises DownloadError or WeightsError; with
        `offline`, an absent file is a DownloadError. A failure leaves what was there before.
        """
        path = self.path(item)
        if isinstance(item, str) and (model := find_bundled(item)):
            model.read()
            return path
        if _intact(path):
            return path
        if isinstance(item, str) and self.imported(item):
            raise CheckpointError(_damaged(item))
        entry = _entry(item)
        if offline:
            raise DownloadError(_absent(entry))
        with self._locked(path):
            if not _intact(path):
                self._download(entry, path, progress)
        return path

    def read(self, item: Item) -> bytes:
        """The bytes of a file, its SHA-256 checked against the record.

        Raises WeightsError if the file is absent and CheckpointError if it is damaged.
        """
        if isinstance(item, str) and (model := find_bundled(item)):
            return model.read()
        path = self.path(item)
        record = read_record(path)
        if record is None:
            raise WeightsError(_absent(_entry(item)))
        data = tensor_files.read_file(path)
        if hashlib.sha256(data).hexdigest() != record.sha256:
            raise CheckpointError(_damaged(record.id))
        return data

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
            raise CheckpointError(_damaged(record.id))
        proven = (
            tensor_files.HASH_KEY in tensor_files.parse(data, item.name).metadata
        )  # then `parse` compared it
        return Verification(sha256, compared=proven or record is not None)

    def remove(self, item: Item) -> int:
        """Delete the file and its record; returns the bytes freed.

        Raises WeightsError if it is not on this disk, or comes with the project.
        """
        if isinstance(item, str) and (model := find_bundled(item)):
            raise WeightsError(f"{model.id} comes with the project and cannot be removed alone.")
        path = self.path(item)
        with self._locked(path):
            stored.record_path(path).unlink(missing_ok=True)
            if not path.is_file():
                raise WeightsError(
                    f"{_entry(item).id} is not on this disk, so there is nothing to remove."
                )
            freed = path.stat().st_size
            path.unlink()
        return freed

    def import_file(
        self,
        path: Path | str,
        *,
        name: str | None = None,
        title: str | None = None,
        architecture: str | None = None,
        classes: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
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
            source, architecture=architecture, classes=classes, preprocessing=preprocessing
        )
        identity = _new_id(name, source)
        target = self._imported_path(identity)
        data = checkpoints.serialise(loaded)
        origin = origin or f"imported from {source.name} (SHA-256 {loaded.sha256})"
        record = stored.imported(
            identity, title or identity, target.name, data, loaded, licence=licence, origin=origin
        )
        with self._locked(target):
            if read_record(target) is not None:
                raise InvalidInput(
                    f"Weights called {identity} are there already; remove them first."
                )
            files.write(target, data)
            stored.write_record(target, record)
        return record

    def imported(self, name: str) -> StoredWeights | None:
        """The record of the imported weights of this id, or None."""
        return read_record(self._imported_path(name)) if _ID.fullmatch(name) else None

    def listing(self) -> tuple[StoredWeights, ...]:
        """The bundled models, every catalog entry, on disk or not, and then imported weights."""
        bundled = (model.stored() for model in bundled_models())
        published = (stored.ready(self.path(entry)) or stored.absent(entry) for entry in catalog())
        own = (read_record(path) for path in sorted(self.root.glob("imported-*.safetensors")))
        return (*bundled, *published, *(record for record in own if record is not None))

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
            stored.absent(entry), state="ready", sha256=sha256, size_bytes=path.stat().st_size
        )
        stored.write_record(path, record)

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """Hold the lock on `path` among processes; it ends with its process, however that ends."""
        lock_path = self.root / "locks" / f"{path.name}.lock"
        try:
            lock_path.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(lock_path, timeout=self.lock_timeout):
                files.sweep(path)
                files.sweep(stored.record_path(path))
                yield
        except filelock.Timeout:
            raise WeightsError(
                f"Another process has been busy with {path.name} for {self.lock_timeout:.0f} s; "
                "wait for it or stop it, then try again."
            ) from None
        except OSError as error:
            raise files.storage_error(error, path) from error


def default_root() -> Path:
    """`weights/` under $EFFNET_CACHE or, unset, under the user's cache folder."""
    return files.cache_folder() / "weights"


def _entry(item: Item) -> WeightsEntry:
    return find(item) if isinstance(item, str) else item


def _intact(path: Path) -> bool:
    """Whether the file is there with its recorded hash."""
    record = read_record(path)
    return (
        record is not None
        and hashlib.sha256(tensor_files.read_file(path)).hexdigest() == record.sha256
    )


def _new_id(wanted: str | None, source: Path) -> str:
    """`wanted`, or an id made from the file's name; never a published name. Raises InvalidInput."""
    name = wanted or re.sub(r"[^A-Za-z0-9._-]+", "-", source.stem).strip("-._")[:60]
    if not _ID.fullmatch(name):
        raise InvalidInput(
            "An id has at most 80 letters, digits, dots, dashes and underscores; got "
            f"{name[:90]!r}."
        )
    require_new(name)
    if not _is_published(name):
        return name
    if wanted:
        raise InvalidInput(f"{name} already names published weights; choose another id.")
    return f"{name}-imported"


def _is_published(name: str) -> bool:
    """Whether `name` means an architecture or a catalog entry."""
    if name.lower() in {entry.id.lower() for entry in catalog()}:
        return True
    try:
        canonical_name(name)
    except InvalidInput:
        return False
    return True


def _absent(entry: WeightsEntry) -> str:
    return (
        f"{entry.id} is not on this disk; `effnet weights get {entry.id}` downloads its "
        f"{tensor_files.readable_size(entry.size_bytes)}."
    )


def _damaged(name: str) -> str:
    return (
        f"The stored file of {name} has changed since it was saved (its SHA-256 differs); get it "
        f"again with `effnet weights get {name}`, or remove it and import it anew."
    )
