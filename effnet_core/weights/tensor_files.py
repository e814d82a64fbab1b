"""Tensors out of untrusted checkpoint files: `.safetensors`, or PyTorch's own without any code.

Nothing in a file is ever executed: safetensors holds none, and PyTorch's files are read with
`weights_only=True` alone. Nor may a small file claim much memory: compressed entries, repeated
views (stride 0) and tensors that add up to more than the file are refused. Only PyTorch's files,
and numbers that numpy has not got, need torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from effnet_core.errors import CheckpointError
from effnet_core.files import in_fixed_order, readable_size
from effnet_core.limits import MAX_HEADER_BYTES, MAX_TENSORS, MAX_WEIGHTS_BYTES
from effnet_core.weights.reading import pickled
from effnet_core.weights.reading.containers import find_network

if TYPE_CHECKING:
    from torch import Tensor

Array = npt.NDArray[Any]
"""A tensor's values: floating-point, or int64."""

SUFFIXES = (".safetensors", *pickled.ENDINGS)
_ARCHIVES = {b"Rar!\x1a\x07": "RAR", b"7z\xbc\xaf\x27\x1c": "7z"}

FORMAT_KEY, FORMAT = "effnet.format", "effnet-checkpoint/1"
HASH_KEY = "effnet.sha256"
_IN_NUMPY = frozenset(("F64", "F32", "F16", "I64"))
_COUNTER, _VARIANCE = "num_batches_tracked", "running_var"
_BLANK_HASH = b"0" * 64
_HASH_IN_HEADER = re.compile(rb'"effnet\.sha256":"([0-9a-f]{64})"')


@dataclass(frozen=True, kw_only=True)
class TensorFile:
    """What a file holds: a network's tensors by their bare names, and text metadata.

    `containers` are the keys of the dictionaries that were opened and `prefix` is what stood before
    every name. `outside` are tensors beside the network, `ignored` says what was left out, and
    `around` is everything that stands in the outermost dictionary.
    """

    tensors: dict[str, Array]
    metadata: dict[str, str]
    containers: tuple[str, ...] = ()
    prefix: str = ""
    outside: dict[str, Array] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    around: dict[str, Any] = field(default_factory=dict)

    @property
    def unwrapped(self) -> str:
        """In words which dictionaries were opened, "" for a plain state dict."""
        keys = " in ".join(f'"{key:.80}"' for key in reversed(self.containers))
        return f"{keys} of a training checkpoint" if keys else ""


def read_file(path: Path) -> bytes:
    """The bytes of a weights file; raises CheckpointError if it cannot be read or is too large."""
    try:
        size = path.stat().st_size
        if size > MAX_WEIGHTS_BYTES:
            raise CheckpointError(_too_large(path.name, size))
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(
            f"The weights file {str(path)[:200]!r} cannot be read ({reason}); check the path."
        ) from None


def ending(file_name: str) -> str:
    """Which of `SUFFIXES` a file's name ends with, the longest; "" for any other name."""
    name = file_name.lower()
    return max((one for one in SUFFIXES if name.endswith(one)), key=len, default="")


def parse(data: bytes, file_name: str, *, key: str | None = None) -> TensorFile:
    """Read a checkpoint's bytes; `file_name` says by its ending which of the formats it must be.

    `key` names one of several networks inside. Raises CheckpointError: another ending, damaged,
    unsafe, oversized, or no tensors inside; InvalidInput for a `key` that names nothing.
    """
    if len(data) > MAX_WEIGHTS_BYTES:
        raise CheckpointError(_too_large(file_name, len(data)))
    suffix = ending(file_name)
    if not suffix:
        raise CheckpointError(_other_kind(data, file_name))
    content: Any
    metadata: dict[str, str] = {}
    if suffix == ".safetensors":
        require_intact(data, file_name)
        content, metadata = _load_safetensors(data, file_name)
    else:
        content = pickled.load(data, file_name)
    network = find_network(content, file_name, key)
    found = {**network.tensors, **network.outside}
    if len(found) > MAX_TENSORS:
        raise CheckpointError(pickled.too_many(len(found), file_name))
    _require_dense(found, len(data), file_name)
    tensors = {name: _array(values) for name, values in network.tensors.items()}
    _require_numbers(tensors, file_name)
    return TensorFile(
        tensors=tensors,
        metadata=metadata,
        containers=network.containers,
        prefix=network.prefix,
        outside={name: _array(values) for name, values in network.outside.items()},
        ignored=network.ignored,
        around={k: v for k, v in content.items() if isinstance(k, str)},
    )


def _other_kind(data: bytes, file_name: str) -> str:
    archive = next((kind for mark, kind in _ARCHIVES.items() if data.startswith(mark)), "")
    if archive:
        return f"{file_name} is a {archive} archive, which is not opened; pack it as .zip instead."
    return (
        f"{file_name} is not a {', '.join(SUFFIXES)} file, and no other kind is ever opened; "
        f"{pickled.ADVICE}"
    )


def serialise(tensors: Mapping[str, Tensor | Array], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file with `metadata` and, within its header, the SHA-256 of the whole file.

    The hash is taken with its own place filled with zeros, so the file can prove itself later
    (`require_intact`). Equal content gives equal bytes. Arrays need no torch.
    """
    header = {**metadata, FORMAT_KEY: FORMAT, HASH_KEY: _BLANK_HASH.decode()}
    data = b"".join(in_fixed_order(_save(tensors, header)))
    place = _HASH_IN_HEADER.search(data)
    if place is None:
        raise AssertionError("safetensors has written the header in another form")
    digest = hashlib.sha256(data).hexdigest().encode()
    return b"".join((data[: place.start(1)], digest, data[place.end(1) :]))


def _save(tensors: Mapping[str, Tensor | Array], header: dict[str, str]) -> bytes:
    arrays = {name: one for name, one in tensors.items() if isinstance(one, np.ndarray)}
    if len(arrays) == len(tensors):
        dense = {name: np.asarray(values, order="C") for name, values in arrays.items()}
        return safetensors.numpy.save(dense, metadata=header)
    import torch
    from safetensors.torch import save

    plain = {name: torch.as_tensor(one).detach().cpu() for name, one in tensors.items()}
    return save({name: one.contiguous() for name, one in plain.items()}, metadata=header)


def require_intact(data: bytes, file_name: str) -> None:
    """Raise CheckpointError if a file that this project saved is not as it was saved.

    Files of other makers carry no hash and pass.
    """
    header = data[8 : 8 + _header_length(data)]
    place = _HASH_IN_HEADER.search(header)
    if place is None:
        intact = FORMAT_KEY.encode() not in header and HASH_KEY.encode() not in header
    else:
        digest = hashlib.sha256(data[: 8 + place.start(1)] + _BLANK_HASH)
        digest.update(memoryview(data)[8 + place.end(1) :])
        intact = digest.hexdigest().encode() == place.group(1)
    if not intact:
        raise CheckpointError(
            f"{file_name} has changed since it was saved (its SHA-256 differs); save or copy it "
            "again."
        )


def _header_length(data: bytes) -> int:
    """Length of the JSON header, as the first 8 bytes of a safetensors file state; 0 if absurd."""
    length = int.from_bytes(data[:8], "little")
    return length if length <= min(len(data) - 8, MAX_HEADER_BYTES) else 0


def _load_safetensors(data: bytes, file_name: str) -> tuple[dict[str, Any], dict[str, str]]:
    length = _header_length(data)
    if (count := data.count(b'"dtype"', 8, 8 + length)) > MAX_TENSORS:  # before it is parsed
        raise CheckpointError(pickled.too_many(count, file_name))
    tensors: dict[str, Any]
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__", None) or {}
        if all(tensor["dtype"] in _IN_NUMPY for tensor in header.values()):
            tensors = safetensors.numpy.load(data)  # checks every offset, shape and size
        else:
            from safetensors.torch import load

            tensors = load(data)
    except (
        *(safetensors.SafetensorError, RecursionError),
        *(ValueError, LookupError, TypeError, AttributeError),
    ):
        raise CheckpointError(
            f"{file_name} is not a readable safetensors file; it is damaged, cut short or of "
            "another kind."
        ) from None
    return tensors, metadata


def _require_dense(tensors: Mapping[str, Array | Tensor], size: int, file_name: str) -> None:
    """Raise CheckpointError unless all tensors are dense numbers that the file can hold."""
    for name, tensor in tensors.items():
        if not _is_dense(tensor):
            raise CheckpointError(
                f"{file_name} holds {name:.80} as {_kind(tensor)}; only dense floating-point "
                "tensors can be used."
            )
    claimed = sum(tensor.nbytes for tensor in tensors.values())
    if claimed > size:
        raise CheckpointError(
            f"{file_name} claims {readable_size(claimed)} of tensors in {readable_size(size)} of "
            "file, so it is refused."
        )


def _is_dense(tensor: Array | Tensor) -> bool:
    if isinstance(tensor, np.ndarray):
        return tensor.dtype.kind == "f" or tensor.dtype == np.int64
    import torch

    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    return plain and (tensor.is_floating_point() or tensor.dtype == torch.int64)


def _kind(tensor: Array | Tensor) -> str:
    layout = "" if isinstance(tensor, np.ndarray) else f" {tensor.layout}"
    return f"{tensor.dtype}{layout}"


def _array(tensor: Array | Tensor) -> Array:
    """The values, in float32 where numpy has no such numbers (bfloat16, float8)."""
    if isinstance(tensor, np.ndarray):
        return tensor
    import torch

    tensor = tensor.detach()
    in_numpy = (torch.float16, torch.float32, torch.float64, torch.int64)
    return (tensor if tensor.dtype in in_numpy else tensor.float()).numpy()


def _require_numbers(tensors: Mapping[str, Array], file_name: str) -> None:
    """Raise CheckpointError for values that no trained network has."""
    for name, values in tensors.items():
        if not np.isfinite(values).all():
            raise CheckpointError(
                f"{file_name} holds values that are not finite numbers (first in {name:.80}); the "
                "training that made it has diverged, or the file is damaged."
            )
        if values.dtype.kind == "i" and not name.endswith(_COUNTER):
            raise CheckpointError(
                f"{file_name} holds {name:.80} as whole numbers; weights are floating-point, so it "
                "is damaged, or quantised, which is not read."
            )
        if name.endswith(_VARIANCE) and (values < 0).any():
            raise CheckpointError(
                f"{file_name} holds variances below 0 (first in {name:.80}); it is damaged."
            )


def _too_large(file_name: str, size: int) -> str:
    limit = readable_size(MAX_WEIGHTS_BYTES)
    return f"{file_name} has {readable_size(size)}; weights files are read up to {limit}."
