"""JSON held to what a dataclass declares, and sealed: what has changed is not read.

`conform` reads types, and bounds in `msgspec.Meta`. A seal is the SHA-256 of the other fields, so a
damaged file is told from a whole one wherever a number on a page comes from a file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import sys
import types
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    NoReturn,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import Meta

from effnet_core.files.places import write
from effnet_core.limits import MAX_JSON_BYTES

T = TypeVar("T")

SEAL = "seal"
"""The field of a JSON object that holds the SHA-256 of the others."""
_LENGTH = 64

LARGEST = sys.float_info.max

Text = Annotated[str, Meta(min_length=1)]
Whole = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Number = Annotated[float, Meta(ge=-LARGEST, le=LARGEST, description="a finite number")]
Amount = Annotated[float, Meta(ge=0, le=LARGEST, description="a finite number of at least 0")]
Positive = Annotated[float, Meta(gt=0, le=LARGEST, description="a finite number above 0")]


class Unfit(ValueError):
    """What was read is not what it should be; the text says why, as part of a sentence."""


def parse_json(text: str | bytes) -> Any:
    """The values in JSON text; raises Unfit for any other text and for what is not finite."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, Unfit) else Unfit("it is not valid JSON") from None


def read_json(path: Path, most: int = MAX_JSON_BYTES) -> Any:
    """The values in a file of at most `most` bytes, held to their seal where they have one.

    Raises Unfit, or OSError for no such file.
    """
    if path.stat().st_size > most:
        raise Unfit("it is too large")
    return unsealed(parse_json(path.read_bytes()))


def write_json(path: Path, value: object) -> None:
    """Put a mapping or a dataclass into a file, sealed and in one step; raises WeightsError."""
    text = json.dumps(seal(value), indent=1, ensure_ascii=False)
    write(path, f"{text}\n".encode())


def seal(value: object) -> dict[str, Any]:
    """A mapping or a dataclass as plain values, with a seal in the last place.

    Numbers that are not finite become null, as JSON has none.
    """
    values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    plain = {name: value for name, value in values.items() if name != SEAL}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return {**plain, SEAL: hashlib.sha256(text.encode()).hexdigest()}


def unsealed(values: Any) -> Any:
    """The values without their seal; raises Unfit where that is wrong.

    What was written before there were seals passes. What ends in a text as long as a seal had one,
    whatever became of its name.
    """
    if not isinstance(values, dict) or not values:
        return values
    last = next(reversed(values))
    if SEAL not in values and len(str(values[last])) != _LENGTH:
        return values
    if last != SEAL or seal(values)[SEAL] != values[SEAL]:
        raise Unfit("it has changed since it was written")
    return {name: value for name, value in values.items() if name != SEAL}


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


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _refuse(text[:40])
    return value


def _refuse(constant: str) -> NoReturn:
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
