"""Files: placed so that a reader sees a whole one or none, also after a crash; assets; JSON.

JSON is held to what a dataclass declares: `conform` reads types, and bounds in `msgspec.Meta`.
"""

from __future__ import annotations

import csv
import dataclasses
import errno
import hashlib
import io
import json
import os
import re
import sys
import types
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import (
    Annotated,
    Any,
    BinaryIO,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
import platformdirs
from msgspec import Meta

from effnet_core.errors import WeightsError
from effnet_core.limits import MAX_JSON_BYTES

T = TypeVar("T")

_FULL = (errno.ENOSPC, errno.EDQUOT)
_BUNDLED = Path(__file__).parent / "bundled"
_CHECKOUT = Path(__file__).parents[1]
LARGEST = sys.float_info.max

Text = Annotated[str, Meta(min_length=1)]
Whole = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Number = Annotated[float, Meta(ge=-LARGEST, le=LARGEST, description="a finite number")]
Amount = Annotated[float, Meta(ge=0, le=LARGEST, description="a finite number of at least 0")]
Positive = Annotated[float, Meta(gt=0, le=LARGEST, description="a finite number above 0")]


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


class Unfit(ValueError):
    """What was read is not what it should be; the text says why, as part of a sentence."""


def parse_json(text: str | bytes) -> Any:
    """The values in JSON text; raises Unfit for any other text, NaN and Infinity included."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, Unfit) else Unfit("it is not valid JSON") from None


def read_json(path: Path, most: int = MAX_JSON_BYTES) -> Any:
    """The values in a file of at most `most` bytes; raises Unfit, or OSError for no such file."""
    if path.stat().st_size > most:
        raise Unfit("it is too large")
    return parse_json(path.read_bytes())


def of_format(values: object, name: str) -> dict[str, Any]:
    """The other fields of a JSON object that says "format": `name`; raises Unfit."""
    if not isinstance(values, dict) or values.get("format") != name:
        raise Unfit(f'it does not say "format": "{name}"')
    return {field: value for field, value in values.items() if field != "format"}


def conform(values: object, kind: type[T], *, closed: bool = True) -> T:
    """Plain values, as `parse_json` gives them, as a dataclass or another declared type.

    They are held to the declared types and the bounds in `msgspec.Meta`; lists become tuples.
    Fields that are not declared are refused unless `closed` is False. Raises Unfit.
    """
    try:
        found = msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise Unfit(_what_is_wrong(str(error), values, kind)) from None
    if closed:
        _require_known(values, found)
    return found


def _refuse(constant: str) -> None:
    raise Unfit(f"it holds {constant}, which is no finite number")


def _require_known(values: Any, found: object) -> None:
    if isinstance(values, list) and isinstance(found, tuple):
        for one in zip(values, found, strict=True):
            _require_known(*one)
    elif isinstance(values, dict) and dataclasses.is_dataclass(found):
        unknown = values.keys() - {field.name for field in dataclasses.fields(found)}
        if unknown:
            raise Unfit(f"it has an unknown field {min(map(str, unknown))!r:.60}")
        for name, value in values.items():
            _require_known(value, getattr(found, name))


def _what_is_wrong(message: str, value: Any, kind: Any) -> str:
    """msgspec's message ("Expected `int`, got `str` - at `$.blocks[0].kernel`") in our words."""
    said, _, path = message.partition(" - at `$")
    path = path.rstrip("`")
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        kind, value = _inner(kind, name or int(index)), value[name or int(index)]
    where = f"an unusable value for {path.lstrip('.')}: " if path else ""
    lacking = re.fullmatch(r"Object missing required field `(\w+)`", said)
    if lacking:
        return f"it lacks {lacking[1]!r}"
    if said == "Number out of range":
        return f"it has {where}{value!r:.40} is too large"
    if said.startswith(("Expected", "Invalid")):
        return f"it has {where}{value!r:.60} is not {_meaning(kind)}"
    return said.rstrip(".")  # of a dataclass's own `__post_init__`


def _inner(kind: Any, step: str | int) -> Any:
    """The declared type of a field or of an item."""
    kind = _present(kind)
    if isinstance(step, str):
        return get_type_hints(kind, include_extras=True)[step]
    items = get_args(kind)
    return items[0] if items[1:] == (...,) else items[step]


def _present(kind: Any) -> Any:
    """The type of what may be None."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(one for one in get_args(kind) if one is not types.NoneType)
    return kind


def _meaning(kind: Any) -> str:
    """In words what a value of a declared type is: "a whole number from 1 to 31"."""
    kind = _present(kind)
    base, *notes = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    bounds: Any = notes[0] if notes else Meta()
    if bounds.description:
        return str(bounds.description)
    if get_origin(base) is Literal:
        return f"one of {', '.join(map(str, get_args(base)))}"
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    name = names.get(base, "an object" if dataclasses.is_dataclass(base) else "a list")
    if bounds.max_length is not None:
        return f"{name} of at most {bounds.max_length} characters"
    if bounds.ge is not None and bounds.le is not None:
        return f"{name} from {bounds.ge:g} to {bounds.le:g}"
    return name if bounds.ge is None else f"{name} of at least {bounds.ge:g}"


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
