"""What the README tells people to type, typed, with a tiny network in place of B0's weights."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from effnet_core.architecture.names import scaled
from effnet_core.cli import main
from effnet_core.datasets.drawn import SHAPES, drawn_zip
from effnet_core.images.samples import load_sample
from effnet_core.network.build import build
from effnet_core.weights import WeightsStore, resolve_weights, save_checkpoint

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# `weights get` asks torchvision's host; downloads are tested against a server on loopback.
COMMANDS = [
    line.partition("#")[0].strip()
    for line in README.splitlines()
    if line.startswith("effnet ") and "weights get" not in line
]
TIMING = [command for command in COMMANDS if re.search("calibrate|latency", command)]
TRAINING = [command for command in COMMANDS if re.match("effnet (data|train) ", command)]
CODE = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two pictures, and a store whose "tiny" stands for downloaded weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EFFNET_CACHE", str(tmp_path / "cache"))
    for name in ("cat.jpg", "dog.jpg"):
        Path(name).write_bytes(load_sample("chelsea"))
    for name in ("photos.zip", "tiny-imagenet-200.zip"):
        Path(name).write_bytes(drawn_zip(8))
    model = build(scaled(-5, resolution=64, num_classes=len(SHAPES)), seed=0)
    save_checkpoint("tiny.safetensors", model, classes=SHAPES)
    WeightsStore().import_file(Path("tiny.safetensors"), name="tiny")
    Path("tiny.safetensors").rename("mine.safetensors")
    return tmp_path


def test_there_is_something_to_try() -> None:
    assert len(COMMANDS) >= 10 and len(CODE) == 2


@pytest.mark.parametrize("command", [line for line in COMMANDS if line not in (*TRAINING, *TIMING)])
def test_commands_do_what_they_say(desk: Path, command: str) -> None:
    words = shlex.split(command)[1:]
    if "--weights" in words:
        words[words.index("--weights") + 1] = "tiny"
    assert main(words) == 0
    if "--out" in words:
        assert (desk / words[words.index("--out") + 1]).stat().st_size > 100


def test_milliseconds_from_the_calibration_to_the_budget(
    desk: Path, monkeypatch: pytest.MonkeyPatch, made_up_timer: Any
) -> None:
    monkeypatch.setattr("effnet_core.latency.calibrating._time", made_up_timer)
    assert len(TIMING) == 3
    for command in TIMING:
        assert main(shlex.split(command)[1:]) == 0


def test_training_from_the_zip_to_a_resumed_run_and_a_tuned_one(desk: Path) -> None:
    assert len(TRAINING) == 4
    for command in TRAINING:
        words = shlex.split(command)[1:]
        if "--from" in words:
            words[words.index("--from") + 1] = "tiny"
        if words[0] == "train" and "--resume" not in words:
            words += ["--epochs", "2", "--batch", "8", "--set", "warmup_epochs=0"]
        assert main(words) == 0
    assert {path.name for path in desk.glob("*/model.safetensors")} == {"model.safetensors"}
    assert (desk / "run" / "model.safetensors").stat().st_size > 100_000
    assert (desk / "tuned" / "model.safetensors").stat().st_size > 100_000


def test_the_python_that_prices_and_builds(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(CODE[0], "README.md", "exec"), {})
    printed = capsys.readouterr().out.split()
    assert len(printed) == 4 and all(number.isdigit() for number in printed)


def test_the_python_that_classifies_and_explains(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "effnet_core.weights.resolve_weights", lambda name, store: resolve_weights("tiny", store)
    )
    exec(compile(CODE[1], "README.md", "exec"), {})
    assert (desk / "overlay.png").read_bytes().startswith(b"\x89PNG")


def test_pictures_and_pages_that_it_points_to_exist() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    goals = re.findall(r"(?:^|`)make ([a-z]+)", README, flags=re.MULTILINE)
    assert {"app", "test"} <= set(goals)
    assert all(re.search(rf"^{goal}:", makefile, flags=re.MULTILINE) for goal in goals)
