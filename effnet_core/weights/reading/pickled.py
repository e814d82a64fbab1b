"""PyTorch's own files, read as tensors and plain containers: nothing in them is ever executed.

They are unpickled with `weights_only=True` alone. A few classes that hold values and do nothing
(argparse's namespace, paths, NumPy's numbers) are let in through torch's own list, because trainers
keep their arguments beside the tensors.
"""

from __future__ import annotations

import argparse
import io
import pathlib
import pickle
import re
import threading
import types
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from effnet_core.errors import CheckpointError
from effnet_core.files import readable_size
from effnet_core.limits import (
    CONTAINERS_A_TENSOR,
    MAX_PICKLE_BYTES,
    MAX_PICKLED_CONTAINERS,
    MAX_TENSORS,
)

ENDINGS = (".pth", ".pt", ".bin", ".ckpt", ".pth.tar")
"""Of files that torch writes; ".pth.tar" is what some trainers call them, and no tar archive."""

ADVICE = (
    "save the network's state dict again with torch.save(model.state_dict(), …) or as .safetensors."
)

_CONTAINERS = (b")", b"]", b"}", b"(", b"\x85", b"\x86", b"\x87")
"""pickle's codes that make or begin one; counted over all bytes, of which names are few."""
_LOCK = threading.Lock()
_FOREIGN_NAME = re.compile(r"(?:GLOBAL|[Cc]lass|global) ([\w.]+\.[\w.]+)")


def load(data: bytes, file_name: str) -> Any:
    """What the file holds; raises CheckpointError: damaged, unsafe, or made to swell."""
    import torch

    if data.startswith(b"PK"):
        _require_stored_entries(data, file_name)
    try:
        # One at a time: torch keeps what it lets in for the whole process, and takes it out again.
        with _LOCK, torch.serialization.safe_globals(_plain()):
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _FOREIGN_NAME.search(str(error))
        what = f"; here {found[1]:.80}" if found else ""
        raise CheckpointError(
            f"{file_name} is damaged or holds more than tensors (Python objects can run code{what})"
            f", so it is refused; {ADVICE}"
        ) from None
    except Exception:  # noqa: BLE001 - hostile bytes fail in any way; none may pass
        raise CheckpointError(
            f"{file_name} is not a readable PyTorch file; it is damaged, cut short or of another "
            "kind."
        ) from None


def _plain() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Classes that hold values alone: making one, or giving it its values, does nothing else."""
    numbers = {type(np.dtype(kind)) for kind in "?bhilqBHILQefd"}
    scalar: Callable[..., Any] = np.float64(0).__reduce__()[0]  # type: ignore[assignment]
    return [
        argparse.Namespace,
        types.SimpleNamespace,
        np.dtype,
        *numbers,
        *((scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
        # Paths of any system, of older and newer Pythons, as text with slashes.
        *(
            (pathlib.PurePosixPath, f"{module}.{kind}Path")
            for module in ("pathlib", "pathlib._local")
            for kind in ("Posix", "PurePosix", "Windows", "PureWindows")
        ),
    ]


def _require_stored_entries(data: bytes, file_name: str) -> None:
    """PyTorch stores its entries as they are; compressed or overlapping ones are made to swell."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            pickles = [entry for entry in entries if entry.filename.endswith("data.pkl")]
            sizes = [entry.file_size for entry in pickles]
            described = [
                archive.read(entry)
                for entry in pickles
                if entry.file_size <= min(MAX_PICKLE_BYTES, len(data))
            ]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise CheckpointError(f"{file_name} is damaged or cut short.") from None
    compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if compressed or sum(entry.file_size for entry in entries) > len(data):
        raise CheckpointError(
            f"{file_name} would unpack to more than its own {readable_size(len(data))}, so it is "
            f"refused; {ADVICE}"
        )
    if len(entries) > MAX_TENSORS:
        raise CheckpointError(too_many(len(entries), file_name))
    most = MAX_PICKLED_CONTAINERS + CONTAINERS_A_TENSOR * len(entries)
    nested = any(sum(map(each.count, _CONTAINERS)) > most for each in described)
    if max(sizes, default=0) > MAX_PICKLE_BYTES or nested:
        raise CheckpointError(
            f"{file_name} describes its tensors in more than {readable_size(MAX_PICKLE_BYTES)} or "
            f"{most:,} tuples and lists, which no network takes, so it is refused; {ADVICE}"
        )


def too_many(count: int, file_name: str) -> str:
    """The sentence for more tensors than any network here has."""
    return (
        f"{file_name} holds {count:,} tensors; at most {MAX_TENSORS:,} are read, more than any "
        "network here has."
    )
