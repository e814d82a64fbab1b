"""Files placed so that a reader sees a whole one or none, also after a crash; folders; assets."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import platformdirs

from effnet_core.errors import WeightsError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_BUNDLED = Path(__file__).parents[1] / "bundled"
_CHECKOUT = Path(__file__).parents[2]


@contextmanager
def placing(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `target` that takes its place if the block ends well.

    The bytes reach the disk (fsync) before the rename, which is atomic. If the block raises, the
    temporary file is removed and `target` is as it was. Raises WeightsError when the disk is full
    or the folder cannot be written.
    """
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise storage_error(error, target) from error
    finally:
        with suppress(OSError):  # what went wrong above is what is told
            part.unlink(missing_ok=True)


def write(target: Path, data: bytes) -> None:
    """Put `data` at `target` in one step (see `placing`); raises WeightsError."""
    with placing(target) as file:
        file.write(data)


def sweep(target: Path) -> None:
    """Remove what killed writers of `target` left behind; the caller holds the lock on it."""
    for part in target.parent.glob(f".{target.name}.*.part"):
        part.unlink(missing_ok=True)


def is_file(text: str) -> bool:
    """Whether `text` is the path of a file that can be seen; False for what no path can be."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long, not allowed, or a character that no path has
        return False


def is_folder(text: str) -> bool:
    """Whether `text` is the path of a folder that can be seen; False for what no path can be."""
    try:
        return Path(text).is_dir()
    except (OSError, ValueError):
        return False


def storage_error(error: OSError, target: Path) -> WeightsError:
    """The sentence for a failed read or write at `target`."""
    if error.errno in _FULL:
        return WeightsError(
            f"The disk that holds {target.parent} is full, so {target.name} was not saved; free "
            "some space, or choose a place on another disk."
        )
    reason = error.strerror or type(error).__name__
    return WeightsError(f"{target} cannot be used ({reason}); check the path and its permissions.")


def cache_folder() -> Path:
    """$EFFNET_CACHE or, unset, the user's cache folder."""
    cache = os.environ.get("EFFNET_CACHE")
    return Path(cache).expanduser() if cache else platformdirs.user_cache_path("effnet")


def sha256(path: Path) -> str:
    """The SHA-256 of a file; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV, the header first; None is an empty cell."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def decimal_size(size: int) -> str:
    """A size in bytes in decimal units: "21.3 MB" (millions of bytes)."""
    if size >= 1e9:
        return f"{size / 1e9:,.1f} GB"
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def readable_size(size: int) -> str:
    """A size in bytes as people read it: "20.5 MiB"."""
    value, unit = float(size), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def asset(path: str) -> Path:
    """Return the place of a bundled file, such as "assets/favicon.png" or "streamlit_config.toml".

    Raises FileNotFoundError when the file was not carried into the wheel.
    """
    place = (_BUNDLED if _BUNDLED.is_dir() else _CHECKOUT) / path
    if not place.exists():
        raise FileNotFoundError(f"The installation is incomplete: {path} is missing at {place}.")
    return place


def in_fixed_order(data: bytes) -> tuple[bytes, memoryview]:
    """A safetensors file as (header, tensors), its metadata sorted: written, their order varies."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the tensors stay aligned to 8 bytes
    return len(text).to_bytes(8, "little") + text, memoryview(data)[end:]


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable where the system lets us; the file is in its place already.

    A folder may be closed to reading and open to writing, and some file systems sync no folders.
    """
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
