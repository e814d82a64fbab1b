"""PyTorch's files as this project's own, kept beside the store: read again without torch.

A copy names the SHA-256 of the file that it was made of and the version of this module that made
it, and proves itself by the hash that it holds (`tensor_files.require_intact`). Where any of the
three is missing or wrong it is made anew.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from effnet_core import files
from effnet_core.errors import CheckpointError, WeightsError
from effnet_core.weights import tensor_files
from effnet_core.weights.checkpoints import LoadedWeights, load_checkpoint, serialise
from effnet_core.weights.kept_tensors import KeptTensors

FOLDER = "prepared"
SOURCE_KEY, VERSION_KEY = "effnet.source", "effnet.prepared"
VERSION = "1"
"""Counts up with every change of what a copy holds: architecture, names, preprocessing."""
_SECONDS = 300
_COPYING = "effnet_core.weights.copying"


def prepared(
    root: Path, sha256: str, identity: str, read: Callable[[], LoadedWeights]
) -> LoadedWeights:
    """What the copy of a file with this SHA-256 holds; `read` gives the same from the file.

    A missing copy is made: here where torch is loaded already, and else by a process of its own,
    so that this one stays small. Where the disk takes no copy the file itself is read. `identity`
    names the weights to that process. Tensors of a copy are read when they are
    asked for. Raises what `read` raises.
    """
    path = copy_path(root, sha256)
    if (kept := _kept(path, sha256)) is not None:
        return kept
    if "torch" not in sys.modules:
        # -P: nothing is imported from the folder that someone happens to be in.
        command = [sys.executable, "-P", "-m", _COPYING, str(root), identity]
        try:
            subprocess.run(command, check=False, capture_output=True, timeout=_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return read()
        if (kept := _kept(path, sha256)) is not None:
            return kept
    loaded = read()
    try:
        files.write(path, serialise(loaded, {SOURCE_KEY: sha256, VERSION_KEY: VERSION}))
    except WeightsError:
        return loaded
    return _kept(path, sha256) or loaded


def copy_path(root: Path, sha256: str) -> Path:
    """Where the copy of a file with this SHA-256 lies or would lie."""
    return root / FOLDER / f"{sha256}.safetensors"


def _kept(path: Path, sha256: str) -> LoadedWeights | None:
    try:
        if not path.is_file():
            return None
        data = tensor_files.read_file(path)
        said = tensor_files.parse(data, path.name).metadata
        wanted = {SOURCE_KEY: sha256, VERSION_KEY: VERSION}
        is_ours = tensor_files.HASH_KEY in said and wanted.items() <= said.items()
        if not is_ours:
            return None
        loaded = load_checkpoint(data, file_name=path.name)
        return replace(loaded, tensors=KeptTensors(path, loaded.tensors))
    except (OSError, CheckpointError):
        return None
