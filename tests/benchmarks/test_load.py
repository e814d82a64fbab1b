"""What other programs take of the processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.load import Watch


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four cores, a clock that moves one second a look, a process that takes none; /proc/stat."""
    seconds = iter(range(100))
    monkeypatch.setattr(load.time, "perf_counter", lambda: next(seconds))
    monkeypatch.setattr(load.time, "process_time", lambda: 0.0)
    monkeypatch.setattr(load.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(load.os, "sysconf", lambda name: 100)
    monkeypatch.setattr(load, "STAT", tmp_path / "stat")
    return tmp_path / "stat"


def test_idle_waiting_and_guests_do_not_count(machine: Path) -> None:
    machine.write_text("cpu  10 0 0 500 7 0 0 0 0 0\ncpu0 1 1\n")
    watch = Watch()
    machine.write_text("cpu  70 5 20 900 99 5 5 15 60 60\ncpu0 1 1\n")
    assert watch.others() == pytest.approx(1.1 / 4)  # 0.6 + .05 + .2 + .05 + .05 + .15 s


def test_what_this_process_takes_is_not_others(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write_text("cpu  0 0 0 0 0 0 0 0 0 0\n")
    watch = Watch()
    machine.write_text("cpu  100 0 0 0 0 0 0 0 0 0\n")
    monkeypatch.setattr(load.time, "process_time", lambda: 0.8)
    assert watch.others() == pytest.approx(0.2 / 4)


def test_where_the_system_does_not_tell_there_are_no_others(machine: Path) -> None:
    assert Watch().others() == 0.0
