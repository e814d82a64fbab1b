"""One calibration at a time: kept, checked, and run in a process of its own."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import filelock
import pytest

from effnet_core.errors import Busy, EffnetError
from effnet_core.latency import Calibration, Disturbance, __main__, job, making, save, standing
from effnet_core.latency.calibrating import Progress
from effnet_core.latency.job import CalibrationJob, JobState
from effnet_core.latency.making import make

DAY = "2031-02-03"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "calibration.json"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, made_up: Calibration) -> list[str]:
    """Calibrations and checks that take no time; return what was asked for."""
    done: list[str] = []

    def calibrate(progress: Progress | None) -> Calibration:
        done.append("calibrate")
        if progress is not None:
            progress(0.25, "b0, 64 pixels")
        return replace(made_up, made=DAY)

    def check(held: Calibration, progress: Progress | None) -> Calibration:
        done.append("check")
        return replace(held, checked=held.timed[:3])

    monkeypatch.setattr(making, "calibrate", calibrate)
    monkeypatch.setattr(making, "check", check)
    return done


def test_a_calibration_replaces_the_one_before(
    asked: list[str], made_up: Calibration, path: Path
) -> None:
    save(made_up, path)
    found = make("calibrate", path=path)
    assert (found.made, found.checked) == (DAY, ())
    assert standing(path).usable == found
    assert asked == ["calibrate"]


def test_a_busy_and_slower_calibration_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, made_up: Calibration, path: Path
) -> None:
    busy = Disturbance(made=DAY, spread=0.5, others=1.0)
    slower = tuple(replace(one, median_ms=2 * one.median_ms) for one in made_up.timed)
    later = replace(made_up, made=DAY, timed=slower, disturbance=busy)
    monkeypatch.setattr(making, "calibrate", lambda progress: later)
    save(made_up, path)
    assert make("calibrate", path=path) == replace(made_up, passed_over=busy)
    assert standing(path).usable == replace(made_up, passed_over=busy)
    path.unlink()
    assert make("calibrate", path=path).busy  # better than none


def test_a_check_uses_what_is_kept(asked: list[str], made_up: Calibration, path: Path) -> None:
    save(made_up, path)
    found = make("check", path=path)
    assert asked == ["check"]
    assert found == standing(path).usable == replace(made_up, checked=made_up.timed[:3])


def test_a_check_of_a_stale_calibration_makes_a_new_one(
    asked: list[str], made_up: Calibration, path: Path
) -> None:
    save(replace(made_up, machine=replace(made_up.machine, threads=99)), path)
    found = make("check", path=path)
    assert asked == ["calibrate", "check"]
    assert found.made == DAY and found.checked
    assert standing(path).usable == found


def test_two_do_not_disturb_each_other(asked: list[str], path: Path) -> None:
    path.parent.mkdir()
    with (
        filelock.FileLock(path.with_suffix(".lock")),
        pytest.raises(Busy, match="being calibrated already"),
    ):
        make("calibrate", path=path)
    assert asked == []
    make("calibrate", path=path)
    assert asked == ["calibrate"]


def test_the_process_tells_how_far_it_is(
    asked: list[str],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EFFNET_CACHE", str(path.parent))
    assert __main__.main(["calibrate"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [{"share": 0.25, "doing": "b0, 64 pixels"}]
    with filelock.FileLock(path.with_suffix(".lock")):
        assert __main__.main(["check"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "being calibrated already" in json.loads(line)["error"]


def command(code: str) -> Callable[[str], tuple[str, ...]]:
    return lambda task: (sys.executable, "-u", "-c", f"TASK = {task!r}\n{code}")


def finished(begun: CalibrationJob) -> JobState:
    for thread in threading.enumerate():
        if thread.name.startswith(job.THREAD):
            thread.join(timeout=60)
    assert not begun.state.running
    return begun.state


def states(begun: CalibrationJob) -> Iterator[JobState]:
    end = time.monotonic() + 60
    while begun.state.running and time.monotonic() < end:
        yield begun.state
        time.sleep(0.01)


def test_a_job_is_followed_and_one_at_a_time(tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = (
        "import json, pathlib, time\n"
        'print("no JSON"); print("[1]"); print(json.dumps({"share": "x"}))\n'
        'print(json.dumps({"share": 0.5, "doing": "b0, 96 pixels"}))\n'
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)\n"
    )
    begun = CalibrationJob(command(code))
    assert begun.state == JobState()
    begun.start("check")
    assert begun.state.running and begun.state.task == "check"
    with pytest.raises(Busy, match="already"):
        begun.start("calibrate")
    assert any(state.share == 0.5 for state in states(begun))
    assert begun.state.doing == "b0, 96 pixels"
    go.touch()
    assert finished(begun).error == ""
    begun.start("calibrate")
    assert finished(begun).task == "calibrate"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ('import json; print(json.dumps({"error": "A sentence."})); raise SystemExit(1)',
         "A sentence."),
        ("raise SystemExit(3)", "ended before it was done"),
        ("import os; os.kill(os.getpid(), 9)", "ended before it was done"),
    ],
)  # fmt: skip
def test_a_job_that_fails_leaves_its_sentence(code: str, error: str) -> None:
    begun = CalibrationJob(command(code))
    begun.start("calibrate")
    assert error in finished(begun).error
    begun.start("calibrate")
    finished(begun)


def test_a_job_that_cannot_start_gets_a_sentence() -> None:
    begun = CalibrationJob(lambda task: ("/there/is/no/such/program",))
    with pytest.raises(EffnetError, match="could not be started"):
        begun.start("calibrate")
    assert not begun.state.running


def test_the_real_process_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFNET_CACHE", str(tmp_path))
    with filelock.FileLock(tmp_path / "calibration.lock"):
        begun = CalibrationJob()
        begun.start("calibrate")
        assert "being calibrated already" in finished(begun).error
