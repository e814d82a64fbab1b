"""The state of training in a file that proves itself: nothing damaged is trained on."""

from __future__ import annotations

import hashlib
import io
import logging
from pathlib import Path
from typing import Any

import torch

from effnet_core import files
from effnet_core.training.trainer import TrainingError

_DIGEST = hashlib.sha256().digest_size
_ZIP_END = 22  # bytes of the record that ends a zip archive
_log = logging.getLogger(__name__)


def save(path: Path, before: Path, state: dict[str, Any]) -> None:
    """Put a state and its SHA-256 at `path` in one step; what was there goes to `before`.

    Raises WeightsError.
    """
    files.sweep(path)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getbuffer()
    with files.placing(path) as file:
        file.write(data)
        file.write(hashlib.sha256(data).digest())
        file.flush()  # a full disk says so before anything moves
        if path.exists():
            path.replace(before)


def load(paths: tuple[Path, ...], device: torch.device) -> dict[str, Any] | None:
    """The first whole state of `paths`, or None where no file is there.

    Raises TrainingError where all are damaged.
    """
    found = [path for path in paths if path.exists()]
    for path in found:
        try:
            return dict(torch.load(_proven(path), map_location=device, weights_only=True))
        except Exception as error:  # noqa: BLE001 - damage has no common type
            _log.warning("%s is damaged (%s); what was saved before is tried.", path, error)
    if not found:
        return None
    raise TrainingError(
        f"{found[0]} is damaged, and nothing whole was saved before it; the run has to begin "
        "again in another folder."
    )


def _proven(path: Path) -> io.BytesIO:
    """The bytes of a state; raises ValueError where they are not those that were saved.

    A file of before there were seals ends as a zip archive does.
    """
    data = path.read_bytes()
    if data[-_ZIP_END:].startswith(b"PK\5\6"):
        return io.BytesIO(data)
    content = memoryview(data)[:-_DIGEST]
    if hashlib.sha256(content).digest() != data[-_DIGEST:]:
        raise ValueError("its SHA-256 differs")
    return io.BytesIO(content)
