"""Tensors that stay on disk: read when somebody asks, and proved to be those that were checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from effnet_core.errors import CheckpointError
from effnet_core.weights.tensor_files import Array

_IN_MEMORY = "classifier."
"""The tensors that every map, ledger and logit asks for."""


class KeptTensors(Mapping[str, Array]):
    """The tensors of a safetensors file at `path`, which held `found` when it was verified.

    A graph has its own copy of the weights, so another one in memory would serve nobody. Measured:
    a server that used Lite0, Lite1 and Lite2 on Classify and Explain took 393 MB instead of 474.
    The classifier's rows stay in memory. Indexing raises CheckpointError where the file no longer
    holds what it did.
    """

    def __init__(self, path: Path, found: Mapping[str, Array]) -> None:
        self._path = path
        self._digests = {name: _digest(values) for name, values in found.items()}
        self._held = {name: v.copy() for name, v in found.items() if name.startswith(_IN_MEMORY)}

    def __getitem__(self, name: str) -> Array:
        if (held := self._held.get(name)) is not None:
            return held
        digest = self._digests[name]
        try:
            with safe_open(self._path, framework="np") as file:
                values: Array = file.get_tensor(name)
        except (OSError, SafetensorError):
            raise CheckpointError(self._changed()) from None
        if _digest(values) != digest:
            raise CheckpointError(self._changed())
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)

    def _changed(self) -> str:
        return (
            f"{self._path.name} has changed or gone since it was loaded; start the app again, and "
            "it is made anew."
        )


def _digest(values: Array) -> bytes:
    found = hashlib.sha256(f"{values.dtype} {values.shape}".encode())
    found.update(values.reshape(-1).view(np.uint8).data)
    return found.digest()
