"""Where the tests of training runs keep theirs, and how they wait for them."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from effnet_core.datasets.drawn import drawn_zip
from effnet_core.limits import RunLimits
from effnet_core.service.training.jobs import TrainingJobs
from effnet_core.service.training.orders import Wish
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.process import Process
from effnet_core.training.runs.run import Run, State
from effnet_core.weights import WeightsStore

SECONDS = 120
QUICK = Recipe(epochs=3, batch=8, optimizer="adamw", learning_rate=1e-3, held_out=8)


@dataclass(frozen=True)
class Place:
    """Where runs and weights lie, and how to look at them afresh, as another server would."""

    folder: Path

    wish: ClassVar[Wish] = Wish(name="Drawn shapes", recipe=QUICK, phi=-6.0, resolution=32)
    long: ClassVar[Wish] = replace(wish, recipe=replace(QUICK, epochs=5000))

    @property
    def store(self) -> WeightsStore:
        return WeightsStore(self.folder / "weights")

    def jobs(self, **limits: int) -> TrainingJobs:
        return TrainingJobs(self.folder / "runs", self.store, limits=RunLimits(**limits))

    def until(self, run_id: str, *states: State, beyond: int = -1) -> Run:
        """Wait for a state, with more than `beyond` steps done."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            run = self.jobs().status(run_id)
            if run.state in states and (run.status.step if run.status else -1) > beyond:
                return run
            assert run.live or run.state in states, run
            time.sleep(0.05)
        pytest.fail(f"{run_id} is not {states} after {SECONDS} s: {run}")

    def log(self, run_id: str) -> str:
        return (self.folder / "runs" / run_id / "worker.log").read_text()

    def left(self) -> set[str]:
        """What lies in the folder of runs besides its lock."""
        runs = self.folder / "runs"
        return {path.name for path in runs.iterdir()} - {".lock"} if runs.exists() else set()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    _end_all(found)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, str]]:
    """A place with one finished run."""
    place = Place(tmp_path_factory.mktemp("finished"))
    seen: list[tuple[int, int]] = []
    run_id = place.jobs().start(drawn_zip(10), Place.wish, progress=lambda *told: seen.append(told))
    assert seen[-1] == (40, 40)
    place.until(run_id, "finished")
    yield place, run_id
    _end_all(place)


def _end_all(place: Place) -> None:
    for run in place.jobs().runs():
        process = Process.recorded(place.folder / "runs" / run.id / "worker.json")
        if process is not None:
            process.send(signal.SIGKILL)
