"""What this machine gives: the processor's name, cores and memory within a container's limits."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from effnet_core import host
from effnet_core.host import available_cores


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up machine of 8 hardware threads, two a core, without a quota."""
    for cpu in range(8):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    monkeypatch.setattr(host, "_CORES", tmp_path)
    monkeypatch.setattr(host, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda _: set(range(8)))
    return tmp_path


def test_hardware_threads_of_one_core_count_once(machine: Path) -> None:
    assert available_cores() == 4


def test_affinity_counts(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda _: {0, 1, 4})
    assert available_cores() == 2


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 4), ("150000 100000", 2), ("20000 100000", 1), ("800000 100000", 4)],
)
def test_a_control_groups_quota_counts(machine: Path, quota: str, cores: int) -> None:
    (machine / "cpu.max").write_text(quota + "\n")
    assert available_cores() == cores


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\n"
            "processor\t: 1\nmodel name\t: other\n",
            "AMD EPYC (family 25, model 17)",
        ),
        ("processor\t: 0\nmodel name\t: Cortex-A72\n", "Cortex-A72"),
    ],
)
def test_the_processor_is_named_with_its_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str
) -> None:
    monkeypatch.setattr(host, "_CPU_INFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(text)
    assert host.processor_model() == name
    assert host.processor() == name.partition(" (")[0]
    monkeypatch.setattr(host, "_CPU_INFO", tmp_path / "none")
    assert host.processor_model() == host.processor() != ""


@pytest.mark.parametrize(
    ("limit", "room"), [("max", 2**62), ("5000", 4000), ("900", 0), (None, 2**62)]
)
def test_a_control_groups_memory_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, room: int
) -> None:
    monkeypatch.setattr(host, "_MEMORY", tmp_path)
    if limit is not None:
        (tmp_path / "memory.max").write_text(limit + "\n")
        (tmp_path / "memory.current").write_text("1000\n")
    free = host.available_memory()
    assert free <= room and (free == room) == (room < 2**62)


def test_the_load_of_others_is_what_is_busy_beside_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import psutil

    Times = namedtuple("Times", "user nice system idle steal")
    Own = namedtuple("Own", "user system")
    moments = iter(
        [(0.0, Times(10, 0, 5, 100, 1), Own(2, 1)), (4.0, Times(15, 0, 6, 101, 3), Own(4, 1))]
    )
    now: list[Any] = []
    monkeypatch.setattr(psutil, "cpu_times", lambda: now[0][1])
    process = SimpleNamespace(cpu_times=lambda: now[0][2])
    monkeypatch.setattr(psutil, "Process", lambda: process)
    monkeypatch.setattr(host.time, "monotonic", lambda: now[0][0])
    now.append(next(moments))
    others = host.cores_of_others()
    now[0] = next(moments)
    # 5 + 1 of user and system and 2 stolen, less 2 of its own, in 4 seconds
    assert others() == pytest.approx(6 / 4)
