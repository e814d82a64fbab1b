"""`effnet train`: from scratch, from weights, resumed; and its sentences."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from effnet_core.cli import training_progress
from effnet_core.cli.training_progress import Follower
from effnet_core.images import Preprocessing
from effnet_core.network.build import build
from effnet_core.training import loop
from effnet_core.training.presets import FINE_TUNING
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.runs.run import Status
from effnet_core.weights import load_checkpoint, save_checkpoint

Effnet = Callable[..., Any]
QUICK = ("--epochs", "2", "--batch", "16", "--threads", "1")


@pytest.fixture(autouse=True)
def threads() -> Any:
    """`--threads` is for the whole process, which here runs other tests too."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_run_from_scratch(
    effnet: Effnet, prepared_data: Path, spec_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = effnet("train", "--data", prepared_data, "--variant", spec_file, "--out", out, *QUICK)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].split() == [
        *("Network", "State", "Steps", "Photos", "Held", "out", "Held-out", "top-1", "top-5"),
        *("Mean", "of", "the", "classes", "Photos/s", "Time"),
    ]
    assert lines[2].split()[:5] == ["tiny", "finished", "8", "72", "8"]  # a tenth is held out
    assert f"use them as --weights {out / 'model.safetensors'}" in done.out
    assert "Epoch 1 of 2: loss " in done.err
    assert "Epoch 2 of 2: loss " in done.err
    assert "photos/s, " in done.err
    folder = RunFolder(out)
    assert folder.begun().recipe == Recipe(epochs=2, batch=16, held_out=8)
    about = folder.begun().about
    assert about["data"] == {
        "name": "drawn",
        "path": str(prepared_data),
        "train": 72,
        "held_out": 8,
        "validation": 0,
        "sha256": about["data"]["sha256"],
    }
    assert about["threads"] == 1
    assert load_checkpoint(folder.model).classes == ("ant", "bee", "cat", "dog")


def test_json_is_the_result(
    effnet: Effnet, prepared_data: Path, spec_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = effnet(
        "train", "--data", prepared_data, "--variant", spec_file, "--out", out, *QUICK, "--json"
    )
    written = RunFolder(out).result()
    assert written is not None
    assert done.json == {
        "run": str(out), "model": str(out / "model.safetensors"), **dataclasses.asdict(written)
    }  # fmt: skip
    again = effnet("train", "--resume", out, "--json")
    assert again.json == done.json
    assert "is finished; nothing is left to be done" in again.err


def test_options_of_the_recipe_the_more_special_the_stronger(
    effnet: Effnet, prepared_data: Path, spec_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "recipe.json"
    file.write_text('{"epochs": 1, "batch": 16, "learning_rate": 0.5, "optimizer": "adamw"}')
    done = effnet(
        *("train", "--data", prepared_data, "--variant", spec_file, "--out", tmp_path / "run"),
        *("--recipe", file, "--set", "learning_rate=0.25", "--set", "momentum=0.8"),
        *("--set", "crop_area=0.5,1", "--set", "dropout=null", "--set", "policy=autoaugment"),
        *("--set", "channels_last=false", "--set", "ema-decay=0.9"),
        *("--learning-rate", "0.01", "--held-out", "0", "--seed", "5"),
    )
    assert done.code == 0
    assert RunFolder(tmp_path / "run").begun().recipe == Recipe(
        epochs=1,
        batch=16,
        optimizer="adamw",
        learning_rate=0.01,
        momentum=0.8,
        crop_area=(0.5, 1),
        policy="autoaugment",
        channels_last=False,
        ema_decay=0.9,
        held_out=0,
        seed=5,
    )


def pictures(folder: Path) -> Path:
    """Ten photos of two classes, and one file that is none."""
    for class_id, colour in (("leaf", "green"), ("brick", "red")):
        (folder / class_id).mkdir(parents=True)
        for number in range(10):
            image = io.BytesIO()
            Image.new("RGB", (50, 40), colour).save(image, "PNG")
            (folder / class_id / f"{number}.png").write_bytes(image.getvalue())
    (folder / "leaf" / "bad.jpg").write_bytes(b"no picture")
    return folder


def test_a_folder_of_photos_is_prepared_into_the_run(
    effnet: Effnet, spec_file: Path, tmp_path: Path
) -> None:
    source, out = pictures(tmp_path / "photos"), tmp_path / "run"
    options = ("--epochs", "1", "--batch", "4")
    done = effnet("train", "--data", source, "--variant", spec_file, "--out", out, *options)
    assert done.code == 0
    assert "1 of the photos were left out, the first being train/leaf/bad.jpg: The" in done.err
    assert json.loads((out / "data" / "data.json").read_text())["side"] == 32
    assert RunFolder(out).begun().about["data"]["path"] == str(out / "data")
    assert load_checkpoint(out / "model.safetensors").classes == ("brick", "leaf")


@pytest.fixture
def weights(tiny: Any, tmp_path: Path) -> Path:
    """A checkpoint for seven classes."""
    path = tmp_path / "seven.safetensors"
    shown = Preprocessing(resize=40, crop=32, interpolation="lanczos")
    save_checkpoint(path, build(tiny.spec(num_classes=7), seed=1), preprocessing=shown)
    return path


def test_fine_tuning(effnet: Effnet, prepared_data: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ("--frozen-stages", "2", "--resolution", "64")
    done = effnet(
        "train", "--data", prepared_data, "--from", weights, "--out", out, *QUICK, *options
    )
    assert done.code == 0
    folder = RunFolder(out)
    assert folder.begun().recipe == dataclasses.replace(
        FINE_TUNING, epochs=2, batch=16, frozen_stages=2, held_out=8
    )
    assert folder.begun().about["from"]["id"] == "seven.safetensors"
    kept, began = load_checkpoint(folder.model), load_checkpoint(weights)
    assert (kept.preprocessing.crop, kept.preprocessing.resize) == (64, 80)
    assert kept.preprocessing.interpolation == "lanczos"
    assert kept.state_dict["stem.conv.weight"].equal(began.state_dict["stem.conv.weight"])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_stopped_and_resumed(
    effnet: Effnet,
    prepared_data: Path,
    spec_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    every_step: None,
    number: int,
    code: int,
) -> None:
    class Stopping(Follower):
        def __call__(self, status: Status, name: str = "") -> None:
            super().__call__(status, name)
            if status.step == 3:
                os.kill(os.getpid(), number)

    whole, out = tmp_path / "whole", tmp_path / "run"
    options = ("train", "--data", prepared_data, "--variant", spec_file, *QUICK, "--out")
    assert effnet(*options, whole).code == 0
    with monkeypatch.context() as patch:
        patch.setattr(training_progress, "Follower", Stopping)
        done = effnet(*options, out)
    assert done.code == code
    assert f"Stopped and saved; `effnet train --resume {out}` goes on from here." in done.out
    resumed = effnet("train", "--resume", out, "--json")
    assert (resumed.code, resumed.json["state"]) == (0, "finished")
    files = [(path / "model.safetensors").read_bytes() for path in (whole, out)]
    assert files[0] == files[1]


def test_a_resumed_run_takes_the_threads_it_began_with(
    effnet: Effnet,
    prepared_data: Path,
    spec_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    out = tmp_path / "run"
    effnet("train", "--data", prepared_data, "--variant", spec_file, "--out", out, *QUICK)
    effnet("train", "--resume", out)
    effnet("train", "--resume", out, "--threads", "2")
    assert asked == [1, 3, 2]


def test_changed_photos_are_refused(
    effnet: Effnet, tiny: Any, prepared_data: Path, spec_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    effnet("train", "--data", prepared_data, "--variant", spec_file, "--out", out, *QUICK)
    (out / "result.json").unlink()
    tiny.prepared(prepared_data, seed=4)
    done = effnet("train", "--resume", out)
    assert done.code == 1
    assert "are not those that the run was begun with" in done.err
    tiny.prepared(prepared_data)
    moved = prepared_data.rename(tmp_path / "moved")
    assert "are no longer in" in effnet("train", "--resume", out).err
    assert effnet("train", "--resume", out, "--data", moved).code == 0


def test_on_a_terminal_there_is_a_bar_with_the_time_left(
    tiny: Any, tmp_path: Path, every_step: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    with training_progress.following() as follower:
        tiny.run(tiny.everything, tmp_path, report=follower)
    shown = screen.getvalue().split("\r")
    assert any("Epoch 2 of 3" in text and "6/12 steps, loss " in text for text in shown)
    assert any("held-out top-1" in text and text.rstrip().endswith("left") for text in shown)
    assert "\n" not in screen.getvalue()
    assert loop.STATUS_SECONDS == 0
