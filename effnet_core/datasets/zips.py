"""The entries of an untrusted zip, read one by one into memory: no path from it reaches the disk.

All the same a zip is refused as a whole if it holds what an honest one has no need of: paths that
lead out of it, links, encryption, one path twice, or more than its limits.
"""

from __future__ import annotations

import re
import stat
import threading
import zipfile
from contextlib import ExitStack
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from effnet_core.datasets.entry_names import decoded_names, guessed_encoding
from effnet_core.errors import DataError
from effnet_core.images.kinds import HEAD, kind_of
from effnet_core.limits import MAX_ZIP_PATH, ZipLimits


class Read(Protocol):
    """Gives a file's bytes, the first `limit` of them if that is said; raises an EffnetError."""

    def __call__(self, limit: int | None = None) -> bytes:
        """Read them."""


_CENTRAL = b"PK\x01\x02"  # begins every entry of a zip's directory
_CHUNK = 2**20
_DRIVE_OR_CONTROL = re.compile(r"^[A-Za-z]:|[\x00-\x1f\x7f]")
_HIDDEN = frozenset(
    ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "$recycle.bin")
)
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # of the content, strongly, of the directory
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others can claim gigabytes to unpack


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is the system's, not the user's."""
    return name.startswith(".") or name.casefold() in _HIDDEN


def entries(
    file: BinaryIO, name: str, stack: ExitStack, limits: ZipLimits
) -> tuple[dict[str, Read], frozenset[str], str]:
    """A zip's files by their paths, and its folders, without hidden ones; all checked, none read.

    With them the encoding that their names were taken to be in, "" where that is no guess.
    `name` is for messages. The zip stays open until `stack` closes it. Raises DataError; so does
    reading an entry that is damaged.
    """
    if _count(file, _CENTRAL) > limits.entries:
        raise DataError(f"{name} holds more than the {limits.entries:,} files that are accepted.")
    try:
        archive = stack.enter_context(zipfile.ZipFile(file))
    except Exception as error:  # on damaged directories zipfile raises half a dozen unrelated types
        raise DataError(_no_zip(file, name)) from error
    lock = threading.Lock()
    files: dict[str, Read] = {}
    folders: set[str] = set()
    seen: set[str] = set()
    total = 0
    infos = archive.infolist()
    for info, own_name in zip(infos, decoded_names(infos), strict=True):
        path = _checked(info, own_name, name, limits)
        total += info.file_size
        if total > limits.total_bytes:
            raise DataError(
                f"{name} unpacks to more than the {limits.total_bytes / 1e9:,.1f} GB accepted."
            )
        if path in seen:
            raise DataError(f"{name} holds {path[:80]!r} twice; make the zip again.")
        seen.add(path)
        if any(is_hidden(part) for part in path.split("/")):
            continue
        folders.update(str(parent) for parent in list(PurePosixPath(path).parents)[:-1])
        if own_name.endswith("/"):
            folders.add(path)
        else:
            files[path] = partial(_read_entry, archive, info, lock)
    if both := files.keys() & folders:
        raise DataError(f"{name} holds {min(both)[:80]!r} as a file and as a folder.")
    return files, frozenset(folders), guessed_encoding(infos)


def _no_zip(file: BinaryIO, name: str) -> str:
    """What is said of a file that is no zip: what it is, if that can be told."""
    file.seek(0)
    kind = kind_of(file.read(HEAD))
    if kind is None or kind == "zip":
        return f"{name} is neither a folder nor a zip that can be read."
    return f"{name} is {kind}, whatever its name; make a zip of the photos' folders instead."


def _count(file: BinaryIO, mark: bytes) -> int:
    """How often `mark` stands in the file: a bound on a zip's entries before they are listed."""
    count, tail = 0, b""
    file.seek(0)
    while chunk := file.read(_CHUNK):
        window = tail + chunk
        count += window.count(mark)
        tail = window[1 - len(mark) :]
    return count


def _checked(info: zipfile.ZipInfo, own_name: str, name: str, limits: ZipLimits) -> str:
    """The path of the entry called `own_name`, if it is one that may be read; raises DataError."""
    path = own_name.removesuffix("/")
    shown = f"{name} is refused: its entry {path[:80]!r}"
    parts = path.split("/")
    if is_hidden(parts[-1]) and parts[-1].endswith("\r"):  # a folder's icon on a Mac
        path = path[:-1]
    if len(path) > MAX_ZIP_PATH or _DRIVE_OR_CONTROL.search(path) or {"", ".", ".."} & set(parts):
        raise DataError(f"{shown} is not a plain relative path.")
    if info.flag_bits & _ENCRYPTED:
        raise DataError(f"{shown} is encrypted; make the zip again without a password.")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DataError(f"{shown} is a link or a device, not a file.")
    if info.compress_type not in _METHODS:
        raise DataError(f"{shown} is packed in an unusual way; make the zip again with deflate.")
    if info.file_size > limits.entry_bytes:
        raise DataError(
            f"{shown} is larger than the {limits.entry_bytes / 1e6:,.0f} MB that are accepted."
        )
    return path


def _read_entry(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    lock: threading.Lock,
    limit: int | None = None,
) -> bytes:
    """The entry's bytes, at most `limit`: never more than it declares, which was checked."""
    try:
        with lock, archive.open(info) as file:  # a ZipFile counts its readers without a lock
            return file.read(info.file_size if limit is None else min(limit, info.file_size))
    except Exception as error:  # zipfile and zlib raise half a dozen types on damaged entries
        raise DataError("It is damaged inside the zip.") from error
