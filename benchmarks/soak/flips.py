"""One bit turned over in any file that a number comes from: told, never believed."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.soak.rows import Row, at_most, printed
from effnet_core import files
from effnet_core.errors import EffnetError
from effnet_core.results.trained import read_maps, read_run
from effnet_core.weights.bundled import MANIFEST, bundled_models

if TYPE_CHECKING:
    from effnet_core.training.runs.folder import RunFolder
    from effnet_core.weights.store import WeightsStore

FLIPS, TOLD = 200, "told"
ASSETS = files.asset("assets/models").parent
Read = Callable[[Path], object]


def rows(flips: int = FLIPS) -> tuple[Row, ...]:
    """Rows of turned bits that were believed, by the kind of file that they are in."""
    believed = {
        "record of a run": _in_records("runs", _run, flips),
        "record of map scores": _in_records("maps", read_maps, flips),
        "checkpoint of a run": _in_a_checkpoint(flips),
        "file of a run": _in_files_of_a_run(flips),
        "file of imported weights": _in_imported_weights(flips),
        "record of imported weights": _in_an_imported_record(flips),
        "list of bundled models": _in_the_list_of_models(flips),
        "calibration": _in_a_calibration(flips),
    }
    each = f"{flips} turned bits in each"
    return tuple(at_most(f"{each} {kind}: believed", count, 0) for kind, count in believed.items())


def turned(data: bytes, flips: int) -> Iterator[bytes]:
    """The data with one bit turned over, at so many places drawn at random."""
    for bit in map(int, np.random.default_rng(0).integers(8 * len(data), size=flips)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def _believed(path: Path, read: Read, flips: int) -> int:
    """How many flips of a file give neither what it says, nor a sentence, nor `TOLD`."""
    sound, data, believed = read(path), path.read_bytes(), 0
    if sound == TOLD:
        raise RuntimeError(f"{path.name} is told to be damaged before anything was turned.")
    for changed in turned(data, flips):
        path.write_bytes(changed)
        try:
            believed += read(path) not in (sound, TOLD)
        except EffnetError:
            continue
    path.write_bytes(data)
    return believed


def _in_records(kind: str, read: Read, flips: int) -> int:
    believed = 0
    with tempfile.TemporaryDirectory() as name:
        for path in sorted((ASSETS / "measured" / kind).glob("*.json")):
            copy = Path(name) / path.name
            copy.write_bytes(path.read_bytes())
            believed += _believed(copy, read, flips)
    return believed


def _run(path: Path) -> object:
    return dataclasses.replace(read_run(path), text="")


def _in_the_list_of_models(flips: int) -> int:
    data = (ASSETS / "models" / MANIFEST).read_bytes()

    def models(number: int, said: bytes) -> object:
        folder = Path(name) / str(number)  # what was read of a folder is kept
        folder.mkdir()
        (folder / MANIFEST).write_bytes(said)
        return [
            dataclasses.replace(each, path=Path(each.path.name)) for each in bundled_models(folder)
        ]

    believed = 0
    with tempfile.TemporaryDirectory() as name:
        sound = models(-1, data)
        for number, changed in enumerate(turned(data, flips)):
            try:
                believed += models(number, changed) != sound
            except EffnetError:
                continue
    return believed


def _in_a_calibration(flips: int) -> int:
    from effnet_core.latency import Calibration, save, standing, this_machine
    from effnet_core.latency.calibration import Compared
    from effnet_core.latency.fitting import LatencyModel
    from effnet_core.latency.terms import TERMS

    timed = Compared(
        name="B0", resolution=224, predicted_ms=7.1, median_ms=7.0, low_ms=6.9, high_ms=7.3, runs=20
    )
    made = Calibration(
        machine=this_machine(),
        made="2026-01-31",
        seconds=60.0,
        model=LatencyModel(
            coefficients=tuple(0.1 + number for number in range(len(TERMS))),
            held_out_errors=(0.014,),
            least_mult_adds=26_000_000,
            most_mult_adds=4_800_000_000,
        ),
        timed=(timed,),
    )
    with tempfile.TemporaryDirectory() as name:
        path = save(made, Path(name) / "calibration.json")
        return _believed(path, lambda place: standing(place).stored or TOLD, flips)


def _a_run(name: str) -> RunFolder:
    import torch

    from effnet_core.architecture.names import scaled
    from effnet_core.training.recipe import Recipe
    from effnet_core.training.runs.folder import RunFolder

    folder = RunFolder(Path(name))
    folder.begin(scaled(-5, resolution=64, num_classes=3), Recipe(seed=7), {"data": "drawn"}, {})
    folder.save_state({"steps": 5, "model": {"weight": torch.arange(3000.0)}})
    for step in (1, 2):
        metric = {"step": step, "epoch": 0.5, "loss": 1.25, "learning_rate": 0.1, "seconds": 2.0}
        folder.add_metric(metric)
    return folder


def _in_a_checkpoint(flips: int) -> int:
    import torch

    cpu = torch.device("cpu")
    with tempfile.TemporaryDirectory() as name:
        folder = _a_run(name)
        data, believed = folder.checkpoint.read_bytes(), 0
        for changed in turned(data, flips):
            folder.checkpoint.write_bytes(changed)
            try:
                believed += (folder.load_state(cpu) or {}).get("steps") == 5
            except EffnetError:
                continue
    return believed


def _in_files_of_a_run(flips: int) -> int:
    from effnet_core.training.runs.folder import read_run as read_folder

    def described(path: Path) -> object:
        found = read_folder(path.parent)
        return TOLD if found.damaged else found.begun

    def drawn(path: Path) -> object:
        found = folder.points()
        return TOLD if found.damaged else found

    with tempfile.TemporaryDirectory() as name:
        folder = _a_run(name)
        paths = [folder.path / file for file in ("recipe.json", "spec.json", "run.json")]
        asked = [*((path, described) for path in paths), (folder.metrics, drawn)]
        return sum(_believed(path, read, flips) for path, read in asked)


def _imported(name: str) -> WeightsStore:
    from effnet_core.architecture.names import scaled
    from effnet_core.network.build import build
    from effnet_core.weights import WeightsStore, save_checkpoint

    store, file = WeightsStore(Path(name) / "store"), Path(name) / "own.safetensors"
    save_checkpoint(file, build(scaled(-5, resolution=64, num_classes=3), seed=0))
    store.import_file(file, name="own")
    return store


def _in_imported_weights(flips: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        source = _imported(name).source("own")
        data, believed = source.path.read_bytes(), 0
        for changed in turned(data, flips):
            source.path.write_bytes(changed)
            try:
                source.load()
                believed += 1
            except EffnetError:
                continue
    return believed


def _in_an_imported_record(flips: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        store = _imported(name)
        path = store.root / "imported-own.safetensors.json"
        return _believed(path, lambda _: store.source("own").stored, flips)


if __name__ == "__main__":
    printed(rows())
