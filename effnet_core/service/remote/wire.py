"""Questions, answers and refusals as bytes: MessagePack held to the service's own signatures.

What is not of the declared types is refused; nothing is ever unpickled. An array travels as its
dtype, its shape and its bytes, so that every answer arrives bit for bit. A picture that the engine
has seen a moment ago is named by its SHA-256 instead of being sent again.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np

from effnet_core import errors
from effnet_core.errors import Busy, DataError, EffnetError, ImageError, InvalidInput
from effnet_core.limits import (
    CHECKPOINT_UPLOAD_MEGABYTES,
    MAX_EXPORTED_BYTES,
    MAX_PICTURE_BYTES,
)
from effnet_core.service.inference import InferenceService
from effnet_core.service.remote.maps import Explained, Measure, Measured, is_explained, packed
from effnet_core.service.requests import Explanation

TYPE = "application/msgpack"
MODEL, VISITOR = "X-Effnet-Model", "X-Effnet-Visitor"
"""Headers: which model is asked, so that a proxy sends its questions to one engine; and by whom."""
LENGTH = "X-Effnet-Length"
"""Of a question in bytes: a proxy that turns to another engine may send it the end of one alone."""

_ROOM = 2**20
_MAX_DIMENSIONS = 8
_LOCAL = {"asked_by", "close", "download", "reference_range", "rest"}
"""Methods of one process alone, that hold something of the caller's own, or said in other words."""
REFERENCE, DOWNLOAD, DOWNLOADED = "reference_range", "download", "downloaded"
"""Questions beside the service's methods: see `engine.answers`."""


class Damaged(InvalidInput):
    """Bytes that are no question or no answer."""


class Unknown(EffnetError):
    """The engine lacks what the question names: a "picture" or "weights", which is then sent."""


ERRORS: dict[str, type[EffnetError]] = {
    name: kind
    for name, kind in (*vars(errors).items(), ("Unknown", Unknown))
    if isinstance(kind, type) and issubclass(kind, EffnetError)
}


@dataclass(frozen=True)
class _Refusal:
    error: str
    sentence: str


@dataclass(frozen=True)
class _Question:
    """One method's arguments as bytes, and the SHA-256 of a picture that is left out of them."""

    arguments: bytes
    picture: bytes = b""


def methods() -> dict[str, Callable[..., Any]]:
    """The methods of `InferenceService` that are asked over the wire, by name."""
    found = inspect.getmembers(InferenceService, inspect.isfunction)
    return {
        name: method for name, method in found if not name.startswith("_") and name not in _LOCAL
    }


def status(error: EffnetError) -> int:
    """HTTP's number for a refusal."""
    if isinstance(error, Unknown):
        return 409
    if isinstance(error, Busy):
        return 429
    if isinstance(error, InvalidInput | ImageError | DataError | errors.CheckpointError):
        return 400
    return 404 if type(error) is errors.WeightsError else 503


def most_bytes(method: str) -> int:
    """Of a question: a picture, an uploaded checkpoint with what lies beside it, or an export."""
    if method in ("add_checkpoint", "understand_checkpoint"):
        return 2 * CHECKPOINT_UPLOAD_MEGABYTES * 10**6 + _ROOM
    return _ROOM + (MAX_EXPORTED_BYTES if method == "witness" else MAX_PICTURE_BYTES)


MAX_ANSWER_BYTES = 2 * MAX_EXPORTED_BYTES + _ROOM
"""An export holds the same weights twice."""


def question(method: str, arguments: Mapping[str, Any], *, with_picture: bool = True) -> bytes:
    """The bytes of a question; without its picture they name it by its SHA-256."""
    given, digest = dict(arguments), b""
    request = given.get("request")
    if request is not None and not with_picture:
        digest = hashlib.sha256(request.image).digest()
        given["request"] = replace(request, image=b"")
    kinds = _arguments(method).__annotations__
    wired = {name: _either(value, kinds[name]) for name, value in given.items()}
    return _encode(_Question(_encode(wired), digest))


def read_question(
    method: str, data: bytes, picture: Callable[[bytes], bytes | None] = lambda _: None
) -> dict[str, Any]:
    """The arguments in a question's bytes; `picture` finds one by its SHA-256.

    Raises Damaged, or Unknown for a picture that is not found.
    """
    asked = _decode(data, _Question)
    found = _decode(asked.arguments, _arguments(method))
    arguments = {
        name: _chosen(value)
        for name, value in zip(found.__struct_fields__, msgspec.structs.astuple(found), strict=True)
        if value is not msgspec.UNSET
    }
    if asked.picture:
        image = picture(asked.picture)
        if image is None:
            raise Unknown("picture")
        arguments["request"] = replace(arguments["request"], image=image)
    return arguments


def answer(value: object) -> bytes:
    """The bytes of an answer."""
    return _encode(packed(value) if is_explained(value) else value)


def read_answer(method: str, data: bytes, measure: Measure) -> Any:
    """The answer in its bytes; raises Damaged.

    `measure` gives a map's reference range when it is asked for.
    """
    kind = _answer_type(method)
    if kind not in (Explanation, tuple[Explanation, ...]):
        return _decode(data, kind)
    found = _decode(data, Explained).unpacked(measure)
    return found[0] if kind is Explanation else found


def refusal(error: EffnetError) -> bytes:
    """The bytes of a refusal: the error's name in the family, and its sentence."""
    name = next(base.__name__ for base in type(error).__mro__ if base.__name__ in ERRORS)
    return _encode(_Refusal(name, str(error)))


def read_refusal(data: bytes) -> EffnetError:
    """The error in a refusal's bytes; raises Damaged."""
    found = _decode(data, _Refusal)
    return ERRORS.get(found.error, EffnetError)(found.sentence)


def _answer_type(method: str) -> Any:
    special = {REFERENCE: float, DOWNLOADED: tuple[int, int]}
    if method in special:
        return special[method]
    return _hints(method)["return"]


def _hints(method: str) -> dict[str, Any]:
    names = {}
    if method == "verify":
        from effnet_core.network.verify import Verification

        names["Verification"] = Verification
    return get_type_hints(_function(method), localns=names, include_extras=True)


def _function(name: str) -> Any:
    """A method of the service, or what is behind one of its properties."""
    found = getattr(InferenceService, name)
    return found.fget if isinstance(found, property) else found


@functools.cache
def _arguments(method: str) -> Any:
    """A type with one field for each argument of a method."""
    if method == REFERENCE:
        fields: list[Any] = [("weights", str), ("measured", Measured)]
    elif method in (DOWNLOAD, DOWNLOADED):
        fields = [("weights", str)]
    else:
        hints = _hints(method)
        fields = [
            _field(name, hints[name], parameter.default is inspect.Parameter.empty)
            for name, parameter in inspect.signature(_function(method)).parameters.items()
            if name != "self"
        ]
    return msgspec.defstruct(method, fields, forbid_unknown_fields=True)


def _field(name: str, kind: Any, needed: bool) -> Any:
    kind = _wired(kind)
    return (name, kind) if needed else (name, kind | msgspec.UnsetType, msgspec.UNSET)


def _wired(kind: Any) -> Any:
    """A declared type as it travels: a sequence is a tuple, one of several classes says which."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Sequence:
        return tuple[inner[0], ...]  # type: ignore[valid-type]
    if origin not in (Union, types.UnionType):
        return kind
    several = [one for one in inner if is_dataclass(one)]
    if len(several) < 2:
        return functools.reduce(lambda a, b: a | b, map(_wired, inner))
    return _either_of(tuple(several)) | None


class _Either(msgspec.Struct):
    """One value of several dataclasses, in the field of its class's name."""


@functools.cache
def _either_of(kinds: tuple[Any, ...]) -> Any:
    fields = [(kind.__name__, kind | None, None) for kind in kinds]
    return msgspec.defstruct("Either", fields, bases=(_Either,), forbid_unknown_fields=True)


def _either(value: Any, kind: Any) -> Any:
    """A value as its field's type travels."""
    struct = next((one for one in get_args(kind) if _is_either(one)), None)
    if struct is None or value is None:
        return value
    return struct(**{type(value).__name__: value})


def _is_either(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, _Either)


def _chosen(value: Any) -> Any:
    if not isinstance(value, _Either):
        return value
    return next((one for one in msgspec.structs.astuple(value) if one is not None), None)


def _encode(value: object) -> bytes:
    try:
        return msgspec.msgpack.encode(value, enc_hook=_plain)
    except (OverflowError, UnicodeEncodeError):  # past 64 bits, half a character
        raise Damaged("This holds a number or a text that cannot be sent.") from None


def _decode(data: bytes, kind: Any) -> Any:
    try:
        return _decoder(kind).decode(data)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise Damaged(f"What was sent cannot be read: {str(error)[:200].rstrip('.')}.") from None


@functools.cache
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind, dec_hook=_array)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).data.cast("B")
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not travel")


def _array(kind: Any, value: Any) -> Any:
    """The array in (dtype, shape, bytes), read-only; raises ValueError for any other."""
    if get_origin(kind) is not np.ndarray:
        raise ValueError(f"{kind} does not travel")
    declared = np.dtype(get_args(get_args(kind)[1])[0])
    dtype, shape, data = msgspec.convert(value, tuple[str, tuple[int, ...], bytes], strict=True)
    if dtype != declared.str or len(shape) > _MAX_DIMENSIONS or min(shape, default=1) < 0:
        raise ValueError("an array is not what it should be")
    if math.prod(shape) * declared.itemsize != len(data):
        raise ValueError("an array is not as large as it says")
    return np.frombuffer(data, declared).reshape(shape)
