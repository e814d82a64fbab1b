"""What is wrong with a request is said before the seconds that loading weights takes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from effnet_core.cli import classify, common, loading
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.network.build import resolve_device

Effnet = Callable[..., Any]
DEVICES = ("auto", "cpu", "cuda", "cuda:0", "cuda:999", "cuda:1000", "tpu", "cuda:-1", "", "CPU")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGB", (40, 40), "red").save(path)
    return path


@pytest.fixture
def no_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where weights would be loaded."""

    def fail(*_: object) -> None:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(classify, "load", fail)
    monkeypatch.setattr(loading, "load", fail)


@pytest.mark.usefixtures("no_loading")
@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ("--device tpu", 2, "device must be auto, cpu, cuda or cuda:N; got 'tpu'"),
        ("--dtype int8", 2, "dtype must be one of"),
        ("--stage -1", 2, "must be \"last\" or a whole number from 0 (stem); got '-1'"),
        ("--stage ²", 2, "whole number from 0 (stem)"),
        ("--architecture b0 --stage 9", 2, "from 0 (stem) to 8 (head convolution)"),
        ("--architecture b99", 2, "No EfficientNet is called"),
        ("--method occlusion --stage 2", 2, "no stage"),
        ("--out file/o.png", 1, "cannot be written (Not a directory"),
        ("--raw file/new/map.npy", 1, "cannot be written (Not a directory"),
        ("--ledger --out file/o.png", 1, "cannot be written (Not a directory"),
        ("--ledger --csv ledger.txt", 2, "must be a .csv file"),
        ("--ledger --html page.txt", 2, "must be a .html file"),
        ("--ledger --method occlusion", 2, "--method belongs to maps"),
        ("--ledger --set steps=4", 2, "--set belongs to maps"),
        ("--ledger --stage 2", 2, "--stage belongs to maps"),
        ("--ledger --raw map.npy", 2, "--raw belongs to maps"),
        ("--ledger --top-classes 2", 2, "--top-classes belongs to maps"),
        ("--ledger --class 1 --class 2", 2, "give one --class"),
        ("--ledger --opacity 2", 2, "between 0 and 1"),
        ("--against 2", 2, "--against belongs to --ledger"),
        ("--csv ledger.csv", 2, "--csv belongs to --ledger"),
    ],
)
def test_explain_refuses_before_loading(
    effnet: Effnet,
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    out = () if "--out" in options else ("--out", "o.png")
    answer = effnet("explain", picture, "--weights", "b0", *out, *options.split())
    assert answer.code == code
    assert sentence in answer.err


@pytest.mark.usefixtures("no_loading")
@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", None])
def test_bad_pictures_alone_load_nothing(
    effnet: Effnet, tmp_path: Path, content: bytes | None
) -> None:
    bad = tmp_path / "bad.png"
    if content is not None:
        bad.write_bytes(content)
    weights = ("--weights", "b0")
    explained = effnet("explain", bad, *weights, "--out", tmp_path / "o.png")
    assert explained.code == 1
    assert "bad.png" in explained.err or "picture" in explained.err
    answer = effnet("classify", bad, bad, *weights, "--json")
    assert answer.code == 1
    assert [list(entry) for entry in answer.json] == [["image", "error"]] * 2
    text = effnet("classify", bad, *weights)
    assert (text.code, text.out) == (1, "")


def test_a_picture_is_read_once(effnet: Effnet, picture: Path, tmp_path: Path) -> None:
    """A pipe gives its bytes only once."""
    weights = tmp_path / "small.safetensors"
    small = ("--phi", "-6", "--resolution", "32", "--num-classes", "2")
    assert effnet("build", *small, "--out", weights).code == 0
    command = (sys.executable, "-m", "effnet_core.cli", "classify", "/dev/stdin")
    done = subprocess.run(
        [*command, "--weights", str(weights), "--device", "cpu"],
        input=picture.read_bytes(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"/dev/stdin: " in done.stdout


@pytest.mark.parametrize("command", ["build", "export"])
def test_an_output_that_cannot_be_written_is_refused_before_building(
    effnet: Effnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(sys.modules["effnet_core.network.build"], "EfficientNet", None)
    (tmp_path / "file").touch()
    endings = {"build": "o.safetensors", "export": "o.onnx"}
    form = ("--format", "onnx") if command == "export" else ()
    out = tmp_path / "file" / endings[command]
    answer = effnet(command, "--phi", "-6", *form, "--out", out)
    assert answer.code == 1
    assert f"{out} cannot be written (Not a directory: {out.parent})." in answer.err


def test_a_folder_that_is_missing_is_made(effnet: Effnet, tmp_path: Path) -> None:
    out = tmp_path / "new" / "deep" / "o.json"
    assert effnet("export", "--phi", "0", "--format", "json", "--out", out).code == 0
    assert out.is_file()
    refused = tmp_path / "other" / "o.json"
    assert effnet("export", "--variant", "b99", "--format", "json", "--out", refused).code == 2
    assert not refused.parent.exists()


def test_an_absent_device_is_a_failure_found_before_the_weights_are_read(
    effnet: Effnet, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effnet_core.weights.resolve_weights", None)
    options = ("--weights", "b0", "--device", "cuda:99")
    answer = effnet("classify", picture, *options)
    assert answer.code == 1
    assert "cuda:99 was asked for, but this machine has" in answer.err
    assert "Something went wrong" not in answer.err


@pytest.mark.parametrize("text", DEVICES)
def test_device_names_are_those_that_the_core_knows(text: str) -> None:
    try:
        resolve_device(text)
        known = True
    except InvalidInput:
        known = False
    except EffnetError:  # known, but not here
        known = True
    assert bool(re.fullmatch(common.DEVICE, text)) is known


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this machine has no /dev/zero")
def test_an_endless_file_is_larger_than_what_is_accepted(effnet: Effnet) -> None:
    assert len(loading.read_image("/dev/zero")) == loading.MAX_PICTURE_BYTES + 1
    answer = effnet("classify", "/dev/zero", "--weights", "b0", "--json")
    assert "larger than the 128 MB that are accepted" in answer.json[0]["error"]
