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

from effnet_core.builder import build
from effnet_core.cli import train, training_progress
from effnet_core.cli.training_progress import Follower
from effnet_core.images import Preprocessing
from effnet_core.training import loop
from effnet_core.training.finetune import FINE_TUNING
from effnet_core.training.recipe import Recipe
from effnet_core.training.run_folder import RunFolder, Status
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


@pytest.fixture
def data(tiny: Any, tmp_path: Path) -> Path:
    """A prepared folder."""
    folder: Path = tiny.prepared(tmp_path / "data")
    return folder


@pytest.fixture
def spec(tiny: Any, tmp_path: Path) -> Path:
    """The tiny network's spec, for a thousand classes as a network usually is."""
    path = tmp_path / "tiny.json"
    path.write_text(tiny.spec(num_classes=1000).to_json())
    return path


def test_a_run_from_scratch(effnet: Effnet, data: Path, spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = effnet("train", "--data", data, "--variant", spec, "--out", out, *QUICK)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].split() == [
        *("Network", "State", "Steps", "Photos", "Held", "out", "Top-1", "Top-5", "Photos/s"),
        "Time",
    ]
    assert lines[2].split()[:5] == ["tiny", "finished", "8", "72", "8"]  # a tenth is held out
    assert f"use them as --weights {out / 'model.safetensors'}" in done.out
    assert "Epoch 1 of 2: loss " in done.err
    assert "Epoch 2 of 2: loss " in done.err
    assert "photos/s, " in done.err
    folder = RunFolder(out)
    assert folder.recipe() == Recipe(epochs=2, batch=16, held_out=8)
    about = folder.about()
    assert about["data"] == {
        "name": "drawn",
        "path": str(data),
        "train": 72,
        "held_out": 8,
        "validation": 0,
        "sha256": about["data"]["sha256"],
    }
    assert about["threads"] == 1
    assert load_checkpoint(folder.model).classes == ("ant", "bee", "cat", "dog")


def test_json_is_the_result(effnet: Effnet, data: Path, spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = effnet("train", "--data", data, "--variant", spec, "--out", out, *QUICK, "--json")
    written = RunFolder(out).result()
    assert done.json == {
        "run": str(out), "model": str(out / "model.safetensors"), **(written or {})
    }  # fmt: skip
    again = effnet("train", "--resume", out, "--json")
    assert again.json == done.json
    assert "is finished; nothing is left to be done" in again.err


def test_options_of_the_recipe_the_more_special_the_stronger(
    effnet: Effnet, data: Path, spec: Path, tmp_path: Path
) -> None:
    file = tmp_path / "recipe.json"
    file.write_text('{"epochs": 1, "batch": 16, "learning_rate": 0.5, "optimizer": "adamw"}')
    done = effnet(
        *("train", "--data", data, "--variant", spec, "--out", tmp_path / "run"),
        *("--recipe", file, "--set", "learning_rate=0.25", "--set", "momentum=0.8"),
        *("--set", "crop_area=0.5,1", "--set", "dropout=null", "--set", "policy=autoaugment"),
        *("--set", "channels_last=false", "--set", "ema-decay=0.9"),
        *("--learning-rate", "0.01", "--held-out", "0", "--seed", "5"),
    )
    assert done.code == 0
    assert RunFolder(tmp_path / "run").recipe() == Recipe(
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
    effnet: Effnet, spec: Path, tmp_path: Path
) -> None:
    source, out = pictures(tmp_path / "photos"), tmp_path / "run"
    options = ("--epochs", "1", "--batch", "4")
    done = effnet("train", "--data", source, "--variant", spec, "--out", out, *options)
    assert done.code == 0
    assert "1 of the photos were left out, the first being train/leaf/bad.jpg: The" in done.err
    assert json.loads((out / "data" / "data.json").read_text())["side"] == 32
    assert RunFolder(out).about()["data"]["path"] == str(out / "data")
    assert load_checkpoint(out / "model.safetensors").classes == ("brick", "leaf")


@pytest.fixture
def weights(tiny: Any, tmp_path: Path) -> Path:
    """A checkpoint for seven classes."""
    path = tmp_path / "seven.safetensors"
    shown = Preprocessing(resize=40, crop=32, interpolation="lanczos")
    save_checkpoint(path, build(tiny.spec(num_classes=7), seed=1), preprocessing=shown)
    return path


def test_fine_tuning(effnet: Effnet, data: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ("--frozen-stages", "2", "--resolution", "64")
    done = effnet("train", "--data", data, "--from", weights, "--out", out, *QUICK, *options)
    assert done.code == 0
    folder = RunFolder(out)
    assert folder.recipe() == dataclasses.replace(
        FINE_TUNING, epochs=2, batch=16, frozen_stages=2, held_out=8
    )
    assert folder.about()["from"]["id"] == "seven.safetensors"
    kept, began = load_checkpoint(folder.model), load_checkpoint(weights)
    assert (kept.preprocessing.crop, kept.preprocessing.resize) == (64, 80)
    assert kept.preprocessing.interpolation == "lanczos"
    assert kept.state_dict["stem.conv.weight"].equal(began.state_dict["stem.conv.weight"])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_stopped_and_resumed(
    effnet: Effnet,
    data: Path,
    spec: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    every_step: None,
    number: int,
    code: int,
) -> None:
    class Stopping(Follower):
        def __call__(self, status: Status) -> None:
            super().__call__(status)
            if status.step == 3:
                os.kill(os.getpid(), number)

    whole, out = tmp_path / "whole", tmp_path / "run"
    options = ("train", "--data", data, "--variant", spec, *QUICK, "--out")
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
    data: Path,
    spec: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    out = tmp_path / "run"
    effnet("train", "--data", data, "--variant", spec, "--out", out, *QUICK)
    effnet("train", "--resume", out)
    effnet("train", "--resume", out, "--threads", "2")
    assert asked == [1, 3, 2]


def test_changed_photos_are_refused(
    effnet: Effnet, tiny: Any, data: Path, spec: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    effnet("train", "--data", data, "--variant", spec, "--out", out, *QUICK)
    (out / "result.json").unlink()
    tiny.prepared(data, seed=4)
    done = effnet("train", "--resume", out)
    assert done.code == 1
    assert "are not those that the run was begun with" in done.err
    tiny.prepared(data)
    moved = data.rename(tmp_path / "moved")
    assert "are no longer in" in effnet("train", "--resume", out).err
    assert effnet("train", "--resume", out, "--data", moved).code == 0


RUN = ("--data", "DATA", "--out", "OUT")
NET = ("--variant", "SPEC")


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ((), 2, "One of the arguments --variant --phi --from --resume is required"),
        (NET, 2, "A new run needs --data (the photos) and --out (a folder for the run)."),
        ((*NET, "--data", "DATA"), 2, "A new run needs --data"),
        ((*NET, *RUN, "--num-classes", "4"), 2, "the photos say how many there are"),
        ((*NET, *RUN, "--side", "32"), 2, "is prepared already; --side is for a source."),
        ((*NET, *RUN, "--architecture", "b0"), 2, "--architecture says what --from holds"),
        (("--from", "nowhere", *RUN), 2, "nowhere"),
        (("--from", "b0", *RUN, "--alpha", "1.3"), 2, "the formula's options are for --phi"),
        ((*NET, "--phi", "1", *RUN), 2, "not allowed with argument"),
        ((*NET, *RUN, "--set", "epochs"), 2, "--set takes FIELD=VALUE"),
        ((*NET, *RUN, "--set", "=3"), 2, "--set takes FIELD=VALUE"),
        ((*NET, *RUN, "--set", "epoch=3"), 2, "A recipe has no field called 'epoch'."),
        ((*NET, *RUN, "--set", "flip=x"), 2, "flip must be a number; got 'x'."),
        ((*NET, *RUN, "--epochs", "0"), 2, "epochs must lie from 1 to 10000; got 0."),
        ((*NET, *RUN, "--batch", "7", "--micro-batches", "2"), 2, "into 2 equal parts"),
        ((*NET, *RUN, "--recipe", "DATA"), 2, "cannot be read"),
        ((*NET, *RUN, "--recipe", "SPEC"), 2, "A recipe has no field called"),
        ((*NET, *RUN, "--held-out", "80"), 2, "Of 80 photos 80 cannot be held out."),
        ((*NET, *RUN, "--batch", "512"), 1, "fewer than one batch of 512"),
        ((*NET, *RUN, "--device", "cuda:77"), 1, "cuda:77 was asked for"),
        ((*NET, "--data", "nothing", "--out", "OUT"), 1, "nothing"),
        (("--resume", "nothing"), 1, "holds no run"),
        (("--resume", "nothing", "--epochs", "3"), 2, "--epochs is for a new run"),
        (("--resume", "nothing", "--alpha", "1.2"), 2, "--alpha is for a new run"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    effnet: Effnet,
    data: Path,
    spec: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"DATA": data, "SPEC": spec, "OUT": tmp_path / "run"}
    done = effnet("train", *(places.get(option, option) for option in options))
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err
    assert not RunFolder(tmp_path / "run").exists


def test_the_folder_of_another_run_is_refused_before_any_work(
    effnet: Effnet, data: Path, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    options = ("train", "--data", data, "--variant", spec, "--out", out, *QUICK)
    effnet(*options)
    monkeypatch.setattr(train, "_photos", lambda *_: pytest.fail("the photos were read"))
    done = effnet(*options)
    assert done.code == 1
    assert "holds a run already; resume it, or give another folder." in done.err


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
