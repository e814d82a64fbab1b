"""PyTorch's files as this project's own, kept beside the store: read again without torch.

A copy belongs to the SHA-256 of the file that it was made of, proves itself by the hash that it
holds (`tensor_files.require_intact`), and is made anew where it does not.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from effnet_core import files
from effnet_core.errors import CheckpointError, WeightsError
from effnet_core.weights.checkpoints import LoadedWeights, load_checkpoint, serialise

FOLDER = "prepared"


def prepared(
    root: Path, sha256: str, identity: str, read: Callable[[], LoadedWeights]
) -> LoadedWeights:
    """What the copy of a file with this SHA-256 holds; `read` gives the same from the file.

    A missing copy is made: here where torch is loaded already, and else by a process of its own,
    so that this one stays small. Where the disk takes no copy the file itself is read. `identity`
    names the weights to that process. Raises what `read` raises.
    """
    path = root / FOLDER / f"{sha256}.safetensors"
    if (kept := _kept(path)) is not None:
        return kept
    if "torch" not in sys.modules:
        command = [sys.executable, "-m", __name__, str(root), identity]
        subprocess.run(command, check=False, capture_output=True)
        if (kept := _kept(path)) is not None:
            return kept
    loaded = read()
    try:
        files.write(path, serialise(loaded))
    except WeightsError:
        return loaded
    return _kept(path) or loaded


def _kept(path: Path) -> LoadedWeights | None:
    try:
        return load_checkpoint(path) if path.is_file() else None
    except (OSError, CheckpointError):
        return None


if __name__ == "__main__":
    import torch  # noqa: F401 - so that this process makes the copy itself

    from effnet_core.weights.store import WeightsStore

    WeightsStore(sys.argv[1]).source(sys.argv[2]).load()
