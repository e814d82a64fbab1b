"""Killed at any moment or asked to stop, a resumed run ends with the very same bits."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from effnet_core.cli import main
from effnet_core.training import loop
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.runs.run import Status
from effnet_core.training.trainer import TrainingError

# Children are forked from a process that has loaded torch, so that a test can afford many.
CHILDREN = multiprocessing.get_context("forkserver")
LONG = {"epochs": 8, "batch": 8, "micro_batches": 2, "held_out": 16, "drop_path": 0.3}


class Crash(Exception):
    """Ends a run where a test wants it to."""


@pytest.fixture(scope="module")
def whole(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run without interruption, with everything on that has a state."""
    folder = RunFolder(tmp_path_factory.mktemp("whole") / "run")
    loop.run(tiny.job(tiny.everything), folder, tiny.alone)
    return folder


def assert_same(one: RunFolder, other: RunFolder) -> None:
    """Weights, results and metrics are equal, but for the times they took."""
    assert one.model.read_bytes() == other.model.read_bytes()
    times = {"seconds", "photos_per_second"}
    assert one.status() is not None
    for left, right in zip(one.read_metrics(), other.read_metrics(), strict=True):
        for key in left.keys() | right.keys() - times:
            assert left[key] == right[key] or key in times
    results = []
    for folder in (one, other):
        result = folder.result()
        assert result is not None
        results.append({k: v for k, v in dataclasses.asdict(result).items() if k not in times})
    assert results[0] == results[1]


@pytest.mark.parametrize("step", [1, 2, 4, 7, 11, 12])
def test_a_crash_after_any_step(
    tiny: Any, whole: RunFolder, tmp_path: Path, every_step: None, step: int
) -> None:
    folder = RunFolder(tmp_path)

    def report(status: Status) -> None:
        if status.step == step and status.state == "running":
            raise Crash

    with pytest.raises(Crash):
        loop.run(tiny.job(tiny.everything), folder, tiny.alone, report=report)
    status = folder.status()
    assert status is not None
    assert (status.state, status.step) == ("failed", step)
    loop.run(tiny.job(tiny.everything), folder, tiny.alone, resume=True)
    assert_same(folder, whole)


def test_a_crash_goes_back_to_the_last_checkpoint(
    tiny: Any, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints at the ends of epochs only: what came after is trained once more."""
    monkeypatch.setattr(loop, "STATUS_SECONDS", 0.0)
    monkeypatch.setattr(loop, "LOG_STEPS", 1)
    folder = RunFolder(tmp_path)

    def report(status: Status) -> None:
        if status.step == 7 and status.state == "running":
            raise Crash

    with pytest.raises(Crash):
        loop.run(tiny.job(tiny.everything), folder, tiny.alone, report=report)
    assert [metric["step"] for metric in folder.read_metrics()][-1] == 7
    told: list[int] = []
    loop.run(
        tiny.job(tiny.everything),
        folder,
        tiny.alone,
        resume=True,
        report=lambda status: told.append(status.step),
    )
    assert told[0] == 4
    steps = [metric["step"] for metric in folder.read_metrics()]
    assert steps == list(range(1, 13))
    assert folder.model.read_bytes() == whole.model.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_the_run(
    tiny: Any, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(loop, "STATUS_SECONDS", 0.0)
    folder = RunFolder(tmp_path)
    handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]

    def report(status: Status) -> None:
        if status.step == 6 and status.state == "running":
            os.kill(os.getpid(), number)

    result = loop.run(tiny.job(tiny.everything), folder, tiny.alone, report=report)
    assert (result.state, result.steps) == ("stopped", 7)
    assert result.interrupted == (number == signal.SIGINT)
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == handlers
    status = folder.status()
    assert status is not None
    assert (status.state, status.step) == ("stopped", 7)
    assert not folder.model.exists()
    assert loop.run(tiny.job(tiny.everything), folder, tiny.alone, resume=True).state == "finished"
    assert_same(folder, whole)


def test_a_second_ctrl_c_ends_it_at_once(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "STATUS_SECONDS", 0.0)

    def report(status: Status) -> None:
        if status.step == 6:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        loop.run(tiny.job(tiny.everything), RunFolder(tmp_path), tiny.alone, report=report)


def test_a_run_is_not_resumed_as_another(tiny: Any, whole: RunFolder, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(whole.path, folder.path)
    longer = dataclasses.replace(tiny.everything, epochs=9)
    for job in (tiny.job(longer), tiny.job(tiny.everything, spec=tiny.spec(name="other"))):
        with pytest.raises(TrainingError, match="was begun with another recipe or network"):
            loop.run(job, folder, tiny.alone, resume=True)
    assert folder.model.read_bytes() == whole.model.read_bytes()


def test_a_run_without_its_checkpoint_begins_anew_only_from_scratch(
    tiny: Any, whole: RunFolder, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(whole.path, folder.path)
    for checkpoint in (folder.checkpoint, folder.before):
        checkpoint.unlink()
    loop.run(tiny.job(tiny.everything), folder, tiny.alone, resume=True)
    assert_same(folder, whole)
    for checkpoint in (folder.checkpoint, folder.before):
        checkpoint.unlink()
    (folder.path / "run.json").write_text('{"from": {"id": "x"}}')
    with pytest.raises(TrainingError, match="the weights that the run began from with it"):
        loop.run(tiny.job(tiny.everything), folder, tiny.alone, resume=True)


@pytest.fixture(scope="module")
def long_run(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], RunFolder]:
    """The options of a run by the command line, and that run without interruption."""
    place = tmp_path_factory.mktemp("long")
    tiny.prepared(place / "data", count=80)
    (place / "tiny.json").write_text(tiny.spec().to_json())
    options = ["train", "--data", str(place / "data"), "--variant", str(place / "tiny.json")]
    (place / "recipe.json").write_text(dataclasses.replace(tiny.everything, **LONG).to_json())
    options += ["--recipe", str(place / "recipe.json"), "--threads", "1"]
    assert main([*options, "--out", str(place / "run")]) == 0
    return options, RunFolder(place / "run")


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[[list[str]], Any]]:
    """Return a function that runs `effnet` in a process of its own."""
    CHILDREN.set_forkserver_preload(["effnet_core.cli.program", "effnet_core.training.job"])
    started: list[Any] = []

    def start(arguments: list[str]) -> Any:
        process = CHILDREN.Process(target=main, args=(arguments,))
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


def metrics_bytes(folder: RunFolder) -> int:
    """How much is in the metrics of a run, which may not be there yet."""
    return folder.metrics.stat().st_size if folder.metrics.exists() else 0


def wait_for(what: Callable[[], bool], process: Any, seconds: float = 60.0) -> bool:
    """Whether `what` came true before the process ended."""
    end = time.monotonic() + seconds
    while process.is_alive():
        if what():
            return True
        assert time.monotonic() < end, "it takes too long"
    return False


def test_kill_9_at_random_moments_and_while_a_checkpoint_is_written(
    long_run: tuple[list[str], RunFolder], start: Callable[[list[str]], Any], tmp_path: Path
) -> None:
    options, uninterrupted = long_run
    folder = RunFolder(tmp_path / "run")
    moment = random.Random(0)
    kills = 0
    for number in range(4):
        resuming = ["train", "--resume", str(folder.path)]
        process = start(resuming if folder.exists else [*options, "--out", str(folder.path)])
        length = metrics_bytes(folder)

        def has_trained(length: int = length) -> bool:
            return folder.exists and metrics_bytes(folder) > length

        def writes(length: int = length) -> bool:
            return has_trained(length) and any(folder.path.glob(".checkpoint.pt.*.part"))

        assert wait_for(writes if number % 2 else has_trained, process)
        if number % 2 == 0:
            time.sleep(moment.uniform(0, 0.1))
        process.kill()
        process.join()
        if process.exitcode == 0:
            break  # it was faster
        assert process.exitcode == -signal.SIGKILL
        kills += 1
    assert kills >= 3
    last = start(["train", "--resume", str(folder.path)])
    last.join(60)
    assert last.exitcode == 0
    assert_same(folder, uninterrupted)
    assert not list(folder.path.glob(".*.part"))


def test_sigterm_saves_in_the_middle_of_an_epoch_and_exits_with_0(
    long_run: tuple[list[str], RunFolder], start: Callable[[list[str]], Any], tmp_path: Path
) -> None:
    options, uninterrupted = long_run
    folder = RunFolder(tmp_path / "run")
    process = start([*options, "--out", str(folder.path)])
    assert wait_for(lambda: metrics_bytes(folder) > 0, process)
    process.terminate()
    process.join(60)
    assert process.exitcode == 0
    status = folder.status()
    assert status is not None
    assert (status.state, status.pid) == ("stopped", process.pid)
    assert folder.result() is None
    last = start(["train", "--resume", str(folder.path)])
    last.join(60)
    assert last.exitcode == 0
    assert_same(folder, uninterrupted)
