"""Two processes under torchrun do what one does that takes the same two parts in turn."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from effnet_core.errors import InvalidInput
from effnet_core.training import loop
from effnet_core.training.distributed import joined
from effnet_core.training.runs.folder import RunFolder
from effnet_core.weights import load_checkpoint

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")


@pytest.fixture
def launch(
    tiny: Any, tmp_path: Path, free_port: Callable[[], int]
) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that begins `effnet train` in two processes, with `tiny.everything`."""
    tiny.prepared(tmp_path / "data")
    (tmp_path / "tiny.json").write_text(tiny.spec().to_json())

    def launch(run: Path, **changes: Any) -> subprocess.Popen[str]:
        recipe = dataclasses.replace(tiny.everything, **changes)
        (tmp_path / "recipe.json").write_text(recipe.to_json())
        options = {
            "--data": tmp_path / "data",
            "--variant": tmp_path / "tiny.json",
            "--recipe": tmp_path / "recipe.json",
            "--out": run,
        }
        command = [*TORCHRUN, "--master-port", str(free_port()), "-m", "effnet_core.cli", "train"]
        return subprocess.Popen(
            [*command, *(str(text) for pair in options.items() for text in pair), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    return launch


def test_two_processes_equal_one_that_accumulates(
    tiny: Any, tmp_path: Path, launch: Callable[..., subprocess.Popen[str]]
) -> None:
    """With augmentation, mixup, dropout, stochastic depth, clipping and the average on."""
    many, one = RunFolder(tmp_path / "many"), RunFolder(tmp_path / "one")
    process = launch(many.path)
    loop.run(tiny.job(tiny.everything), one, tiny.alone)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert out.count('"state": "finished"') == 1  # one of them speaks
    curves = [[metric["loss"] for metric in run.read_metrics()] for run in (many, one)]
    assert curves[0] == pytest.approx(curves[1], rel=1e-5)
    assert len(curves[0]) == 3
    for left, right in zip(many.read_metrics(), one.read_metrics(), strict=True):
        assert left["held_out"]["loss"] == pytest.approx(right["held_out"]["loss"], rel=1e-5)
        assert left["held_out"]["top1"] == right["held_out"]["top1"]
        assert left["held_out"]["photos"] == 16
    weights = [load_checkpoint(run.model).state_dict for run in (many, one)]
    for name, value in weights[0].items():
        if value.is_floating_point():  # what is left counts the parts that each process saw
            assert torch.allclose(value, weights[1][name], rtol=1e-4, atol=1e-5), name


def test_a_process_that_is_lost_ends_the_run_which_can_be_resumed_by_one(
    tiny: Any, tmp_path: Path, launch: Callable[..., subprocess.Popen[str]]
) -> None:
    folder = RunFolder(tmp_path / "run")
    process = launch(folder.path, epochs=2000)
    end = time.monotonic() + 60
    while len(folder.read_metrics()) < 2:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)
    os.kill(second_of(process.pid), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "effnet: Another process of this run is gone" in err, err
    status = folder.status()
    assert status is not None
    assert status.state == "failed"
    assert "can be resumed from its last checkpoint" in status.sentence
    with folder.claimed():  # nobody holds it any more
        pass
    state = folder.load_state(torch.device("cpu"))
    assert state is not None
    assert state["steps"] >= 4
    told: list[int] = []

    def report(status: Any) -> None:
        told.append(status.step)
        if len(told) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    job = tiny.job(folder.begun().recipe)
    assert loop.run(job, folder, tiny.alone, resume=True, report=report).state == "stopped"
    assert told[0] == state["steps"]


def late_and_early(rank: int, port: int, file: Path) -> None:
    """The first process writes a file after a while; the second leaves at once and looks for it."""
    described = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in described.items()})
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    with joined("cpu") as world:
        if world.first:
            time.sleep(0.5)
            file.write_text("written")
    assert file.exists()


def test_no_process_leaves_before_the_others_are_done(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    children = multiprocessing.get_context("fork")
    port, file = free_port(), tmp_path / "file"
    both = [children.Process(target=late_and_early, args=(rank, port, file)) for rank in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]


def second_of(parent: int) -> int:
    """The process under this torchrun whose rank is 1."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat, environment = (entry / "stat").read_text(), (entry / "environ").read_bytes()
            except OSError:
                continue
            if stat.rpartition(")")[2].split()[1] == str(parent) and b"\0RANK=1\0" in environment:
                return int(entry.name)
    raise AssertionError("no second process")


@pytest.mark.parametrize("size", ["two", "0", "-1", "1.5"])
def test_a_nonsensical_world_is_a_sentence(monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(InvalidInput, match="WORLD_SIZE must be a whole number"), joined("cpu"):
        pytest.fail("no world has that size")


def test_alone_there_is_nobody_to_agree_with() -> None:
    with joined("cpu") as world:
        assert (world.rank, world.size, world.first) == (0, 1, True)
        tensor = torch.tensor([3.0])
        assert world.mean_(tensor).item() == world.total_(tensor).item() == 3.0
        world.wait()
