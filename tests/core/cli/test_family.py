"""`effnet family`: the plan, and runs that are trained, stopped, failed or left for a GPU."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effnet_core.cli import family as command
from effnet_core.cli.training_progress import Follower
from effnet_core.training import loop
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.runs.run import Status

Effnet = Callable[..., Any]
TINY = {"strategy": "width", "base_phi": -2, "depth": 0.2, "resolution": 32, "dropout": 0.1}
LIST: dict[str, Any] = {
    "format": "effnet-family/1",
    "name": "two tiny ones",
    "base_resolution": 32,
    "num_classes": 2,
    "recipe": {"epochs": 2, "batch": 4, "held_out": 2},
    "networks": {
        "narrow": {"name": "narrow", "width": 0.2, **TINY},
        "wide": {"name": "wide", "width": 0.25, **TINY},
    },
    "runs": [
        {"id": "narrow", "group": "duel", "network": "narrow", "always": True},
        {"id": "wide", "group": "duel", "network": "wide", "always": True},
    ],
}


@pytest.fixture
def prepared(effnet: Effnet, tmp_path: Path) -> Path:
    """Two classes of five photos to train on, two of them held out, and two to validate."""
    drawn = np.random.default_rng(0)
    for split, count in (("train", 5), ("val", 2)):
        for class_id in ("brick", "leaf"):
            place = tmp_path / "photos" / split / class_id
            place.mkdir(parents=True)
            for number in range(count):
                pixels = drawn.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.png")
    out = tmp_path / "prepared"
    assert effnet("data", "prepare", tmp_path / "photos", "--out", out, "--side", 16).code == 0
    return out


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes LIST with other fields."""

    def write(**fields: Any) -> Path:
        path = tmp_path / "list.json"
        path.write_text(json.dumps({**LIST, **fields}), encoding="utf-8")
        return path

    return write


@pytest.fixture
def train(effnet: Effnet, prepared: Path, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that trains a list on the CPU, in tmp_path/out."""

    def run(path: Path, *options: object) -> Any:
        places = ("--list", path, "--data", prepared, "--out", tmp_path / "out")
        return effnet("family", *places, "--device", "cpu", *options)

    return run


def rows(out: str) -> dict[str, list[str]]:
    """The table's rows by their first cell; cells stand at least two blanks apart."""
    cells = [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in out.split("\n")
    ]
    return {row[0]: row for row in cells if row}


def test_plan_of_the_own_family(effnet: Effnet) -> None:
    done = effnet("family", "--plan", "--device", "cpu")
    assert done.code == 0
    found = rows(done.out)
    assert found["tiny100-phi-4"][1:7] == [
        "compound φ=-4",
        "0",
        "72",
        "10",
        "1,270,582",
        "18,670,976",
    ]
    assert found["tiny100-phi-4"][8] == "to do"
    assert found["tiny100-phi0"][3:7] == ["128", "16", "4,135,648", "126,112,768"]
    assert found["tiny100-resolution"][3] == "184"
    assert found["tiny100-phi0"][8] == "needs CUDA"
    assert "lie 2.6% apart" in done.out
    assert "tiny100-phi-2-no-autoaugment departs: policy none. " in done.out


def test_plan_as_json_chooses_and_counts(effnet: Effnet) -> None:
    chosen = ("tiny100-width", "tiny100-depth")
    found = effnet("family", "--plan", "--device", "cpu", "--json", "--only", *chosen).json
    assert found["recipe"]["held_out"] == 5000 and found["device"] == "cpu"
    assert [row["id"] for row in found["runs"]] == ["tiny100-depth", "tiny100-width"]
    costs = [row["mult_adds"] for row in found["runs"]]
    assert found["duel_spread"] == max(costs) / min(costs) - 1
    assert [row["base_phi"] for row in found["runs"]] == [-2.0, -2.0]
    everything = effnet("family", "--plan", "--device", "cpu", "--json", "--all").json
    assert {row["state"] for row in everything["runs"]} == {"to do"}


def test_all_runs_are_trained_and_told_again(
    train: Callable[..., Any], written: Callable[..., Path], effnet: Effnet, prepared: Path
) -> None:
    done = train(written())
    assert done.code == 0
    found = rows(done.out)
    results = {run: RunFolder(prepared.parent / "out" / run).result() for run in ("narrow", "wide")}
    for run, result in results.items():
        assert found[run][1] == "finished" and result is not None
        assert found[run][2] == f"{result.top1:.2%}"
        assert f"{run}: finished, " in done.err
    again = train(written(), "--json")
    assert again.code == 0 and again.err.count("finished") == 0
    for row in again.json["runs"]:
        result = results[row["id"]]
        assert result is not None and row["earlier"] is True
        assert row["held_out_top1"] == result.top1 and row["seconds"] == result.seconds
    places = ("--list", written(), "--out", prepared.parent / "out", "--data", prepared)
    plan = effnet("family", "--plan", *places, "--device", "cpu")
    assert rows(plan.out)["narrow"][8] == "finished"


def test_stopped_it_says_so_and_goes_on(
    train: Callable[..., Any],
    written: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(follower: object, status: Status, name: str) -> None:
        if status.step == 1 and status.state == "running":
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(loop, "STATUS_SECONDS", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(Follower, "__call__", stop)
        stopped = train(written())
    assert stopped.code == 130
    assert "narrow: stopped. It was interrupted." in stopped.err
    assert "the same command goes on from here" in stopped.out
    assert "wide" not in rows(stopped.out) and not (tmp_path / "out" / "wide").exists()
    done = train(written())
    assert done.code == 0 and rows(done.out)["wide"][1] == "finished"


def test_a_failed_run_is_told_and_the_next_is_trained(
    train: Callable[..., Any], written: Callable[..., Path]
) -> None:
    broken = {"recipe": {"batch": 64}, "reason": "more than there are"}
    first, second = LIST["runs"]
    done = train(written(runs=[{**first, "changes": broken}, second]))
    assert done.code == 1
    assert "narrow: failed. There are 8 photos to train on, fewer than one batch of 64" in done.err
    found = rows(done.out)
    assert (found["narrow"][1], found["wide"][1]) == ("failed", "finished")


def test_what_needs_cuda_waits_unless_all_are_asked_for(
    train: Callable[..., Any], written: Callable[..., Path], tmp_path: Path
) -> None:
    path = written(runs=[LIST["runs"][0], {"id": "wide", "group": "duel", "network": "wide"}])
    done = train(path)
    assert done.code == 0
    assert [rows(done.out)[run][1] for run in ("narrow", "wide")] == ["finished", "needs CUDA"]
    assert "1 run needs a CUDA device; --all trains" in done.out
    assert "wide: needs CUDA. It needs a CUDA device." in done.err
    assert not (tmp_path / "out" / "wide").exists()
    assert train(path, "--only", "wide").code == 1
    forced = train(path, "--only", "wide", "--all", "--json")
    assert forced.code == 0
    assert [(row["id"], row["state"]) for row in forced.json["runs"]] == [("wide", "finished")]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Training needs --data and --out"),
        (("--data", "x"), "Training needs --data and --out"),
        (("--plan", "--only", "b0"), "No run of the list is called 'b0'"),
        (("--plan", "--list", "nowhere.json"), "nowhere.json cannot be read as a list of runs"),
        (("--plan", "--device", "tpu"), "device must be auto, cpu, cuda or cuda:N"),
    ],
)
def test_bad_usage(effnet: Effnet, options: tuple[str, ...], sentence: str) -> None:
    done = effnet("family", *options)
    assert done.code == 2 and sentence in done.err


def test_a_folder_that_is_no_prepared_set(effnet: Effnet, tmp_path: Path) -> None:
    done = effnet("family", "--data", tmp_path, "--out", tmp_path / "out")
    assert done.code == 1 and "is not a prepared data set" in done.err


@pytest.mark.parametrize(
    ("seconds", "text"), [(48.2, "48 s"), (61, "1 min"), (3599, "1 h 00 min"), (3900, "1 h 05 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert command.readable_time(seconds) == text
