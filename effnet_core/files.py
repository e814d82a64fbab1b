"""Files: placed so that a reader sees a whole one or none, also after a crash; and assets."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from effnet_core.errors import WeightsError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_BUNDLED = Path(__file__).parent / "bundled"
_CHECKOUT = Path(__file__).parents[0]


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


def storage_error(error: OSError, target: Path) -> WeightsError:
    """The sentence for a failed read or write at `target`."""
    if error.errno in _FULL:
        return WeightsError(
            f"The disk that holds {target.parent} is full, so {target.name} was not saved; free "
            "some space, or choose a place on another disk."
        )
    reason = error.strerror or type(error).__name__
    return WeightsError(f"{target} cannot be used ({reason}); check the path and its permissions.")


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
