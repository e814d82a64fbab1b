"""One bit turned over in any file that a number comes from: told, never believed."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.soak.rows import Row, at_most, printed
from effnet_core import files
from effnet_core.errors import EffnetError
from effnet_core.results.trained import read_maps, read_run

FLIPS = 200


def rows(flips: int = FLIPS) -> tuple[Row, ...]:
    """Rows of turned bits that were believed: in records, in weights, in a run's checkpoint."""
    each = f"{flips} turned bits in each"
    return (
        at_most(f"{each} record of a run: believed", _in_records("runs", _run, flips), 0),
        at_most(f"{each} record of map scores: believed", _in_records("maps", read_maps, flips), 0),
        at_most(f"{each} checkpoint of a run: believed", _in_a_checkpoint(flips), 0),
        at_most(f"{each} file of imported weights: believed", _in_imported_weights(flips), 0),
    )


def _run(path: Path) -> object:
    return dataclasses.replace(read_run(path), text="")


def _in_records(kind: str, read: Callable[[Path], object], flips: int) -> int:
    folder, believed = files.asset("assets/models").parent / "measured" / kind, 0
    with tempfile.TemporaryDirectory() as name:
        for path in sorted(folder.glob("*.json")):
            copy, sound, data = Path(name) / path.name, read(path), path.read_bytes()
            for changed in _turned(data, flips):
                copy.write_bytes(changed)
                try:
                    believed += read(copy) != sound
                except EffnetError:
                    continue
    return believed


def _turned(data: bytes, flips: int) -> Iterator[bytes]:
    for bit in map(int, np.random.default_rng(0).integers(8 * len(data), size=flips)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def _in_a_checkpoint(flips: int) -> int:
    import torch

    from effnet_core.training.runs.folder import RunFolder

    cpu = torch.device("cpu")
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        folder.save_state({"steps": 5, "model": {"weight": torch.arange(3000.0)}})
        data, believed = folder.checkpoint.read_bytes(), 0
        for changed in _turned(data, flips):
            folder.checkpoint.write_bytes(changed)
            try:
                believed += (folder.load_state(cpu) or {}).get("steps") == 5
            except EffnetError:
                continue
    return believed


def _in_imported_weights(flips: int) -> int:
    from effnet_core.architecture.names import scaled
    from effnet_core.network.build import build
    from effnet_core.weights import WeightsStore, save_checkpoint

    with tempfile.TemporaryDirectory() as name:
        store, file = WeightsStore(Path(name) / "store"), Path(name) / "own.safetensors"
        save_checkpoint(file, build(scaled(-5, resolution=64, num_classes=3), seed=0))
        source = store.source(store.import_file(file, name="own").id)
        data, believed = source.path.read_bytes(), 0
        for changed in _turned(data, flips):
            source.path.write_bytes(changed)
            try:
                source.load()
                believed += 1
            except EffnetError:
                continue
    return believed


if __name__ == "__main__":
    printed(rows())
