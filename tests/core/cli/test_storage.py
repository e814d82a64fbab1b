"""Caches that cannot be written: answers come all the same, and what must be kept is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from effnet_core.architecture.names import scaled
from effnet_core.images.samples import load_sample
from effnet_core.latency import CalibrationError, making
from effnet_core.latency.calibration import Calibration
from effnet_core.network.build import build
from effnet_core.weights import save_checkpoint

ROOT = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-m", "effnet_core.cli")
SAID = {"file": "a directory|exists", "read-only": "Read-only file system", "full": "is full"}


@pytest.fixture(params=SAID)
def unusable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A cache folder that nothing can be written into, and what the system says of it."""
    kind, cache = request.param, tmp_path / "cache"
    if kind == "file":
        cache.write_text("not a folder")
        yield cache, SAID[kind]
        return
    cache.mkdir()
    # even root can write neither to a read-only system nor to a full one
    options = "ro,size=64k" if kind == "read-only" else "size=64k"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(cache)]
    if os.name != "posix" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own can be mounted by root alone")
    try:
        if kind == "full":
            fill(cache / "filling")
        yield cache, SAID[kind]
    finally:
        subprocess.run(["umount", str(cache)], check=True)


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filling:
        try:
            while True:
                filling.write(bytes(4096))
        except OSError:
            return


def run(cache: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"EFFNET_CACHE": str(cache), "EFFNET_RUNS": str(cache / "runs")}
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "Traceback" not in done.stderr
    return done


def test_pictures_are_classified_and_what_must_be_kept_gets_a_sentence(
    unusable: tuple[Path, str], tmp_path: Path, tiny_file: Path
) -> None:
    cache, said = unusable
    picture = tmp_path / "coffee.png"
    picture.write_bytes(load_sample("coffee"))
    answered = run(cache, "classify", picture, "--weights", "lite0")
    assert answered.returncode == 0 and "espresso" in answered.stdout
    for arguments in (("calibrate",), ("weights", "import", tiny_file, "--name", "mine")):
        refused = run(cache, *arguments)
        assert refused.returncode == 1
        assert re.search(said, refused.stderr), refused.stderr


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, build(scaled(-6.0, num_classes=4, resolution=32), seed=0))
    return path


def test_a_disk_without_room_is_told_before_minutes_are_spent(
    unusable: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, made_up: Calibration
) -> None:
    cache, said = unusable
    spent: list[Any] = []

    def calibrate(progress: Any) -> Calibration:
        spent.append(progress)
        return made_up

    monkeypatch.setattr(making, "calibrate", calibrate)
    with pytest.raises(CalibrationError, match=said):
        making.make("calibrate", path=cache / "calibration.json")
    assert not spent
