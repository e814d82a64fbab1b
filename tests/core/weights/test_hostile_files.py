"""Hostile checkpoint files: nothing runs, nothing swells, everything has a sentence."""

from __future__ import annotations

import builtins
import io
import json
import logging
import os
import pathlib
import pickle
import shutil
import sqlite3
import struct
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from effnet_core.errors import CheckpointError
from effnet_core.weights import tensor_files
from effnet_core.weights.tensor_files import parse, read_file

TENSORS = {"conv_stem.weight": torch.arange(12.0).reshape(3, 4), "bn1.weight": torch.ones(5)}


def saved(content: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def canary_calls(canary: Path) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Calls that pickle can be made to do, each of which would make `canary` appear."""
    text, touch = str(canary), f"touch '{canary}'"
    code = f"open({text!r}, 'w').close()"
    return [
        (os.system, (touch,)),
        (os.popen, (touch,)),
        (os.mkdir, (text,)),
        (os.makedirs, (text,)),
        (os.mknod, (text,)),
        (os.symlink, (text, text)),
        (os.open, (text, os.O_CREAT)),
        (builtins.open, (text, "w")),
        (builtins.eval, (code,)),
        (builtins.exec, (code,)),
        (subprocess.Popen, (["touch", text],)),
        (subprocess.run, (["touch", text],)),
        (subprocess.call, (["touch", text],)),
        (subprocess.check_call, (["touch", text],)),
        (subprocess.check_output, (["touch", text],)),
        (subprocess.getoutput, (touch,)),
        (subprocess.getstatusoutput, (touch,)),
        (pathlib.Path.touch, (canary,)),
        (shutil.copyfile, (__file__, text)),
        (shutil.copytree, (str(canary.parent / "folder"), text)),
        (logging.FileHandler, (text,)),
        (sqlite3.connect, (text,)),
        (zipfile.ZipFile, (text, "w")),
        (torch.save, ({}, text)),
    ]


class Payload:
    def __init__(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call, self.arguments


@pytest.mark.parametrize("number", range(24))
def test_no_payload_runs(number: int, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "folder").mkdir()
    payload = Payload(*canary_calls(canary)[number])
    content = {**TENSORS, "payload": payload}
    for data in (
        saved(content),
        saved(content, _use_new_zipfile_serialization=False),
        saved({"state_dict": content}),
        pickle.dumps(content),
        pickle.dumps(payload),
    ):
        for name in ("x.pth", "x.pt", "x.safetensors"):
            with pytest.raises(CheckpointError, match=r"refused|damaged"):
                parse(data, name)
    assert not os.path.lexists(canary)

    done = pickle.loads(pickle.dumps(payload))  # the payload is a real one: elsewhere it runs
    if hasattr(done, "wait") or hasattr(done, "close"):
        done.wait() if hasattr(done, "wait") else done.close()
    assert os.path.lexists(canary)


@pytest.mark.parametrize("name", ["x.pkl", "x.tar", "x.npz", "x", "x.pth.zip", "x.h5", "x.onnx"])
def test_other_endings_are_never_opened(name: str) -> None:
    with pytest.raises(CheckpointError, match="no other kind is ever opened"):
        parse(saved(TENSORS), name)


@pytest.fixture
def never_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("the file has been opened")

    monkeypatch.setattr(torch, "load", opened)


@pytest.mark.usefixtures("never_opened")
def test_compressed_bomb_is_refused_unopened() -> None:
    swollen = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved({"conv_stem.weight": torch.zeros(2**20)}))) as plain,
        zipfile.ZipFile(swollen, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in plain.infolist():
            packed.writestr(entry.filename, plain.read(entry))
    assert len(swollen.getvalue()) < 2**14
    with pytest.raises(CheckpointError, match=r"would unpack to more than its own .* is refused"):
        parse(swollen.getvalue(), "bomb.pth")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("shape", [(10**12,), (1000, 1000, 1000), (2000,)])
def test_stride_zero_bomb_is_refused(shape: tuple[int, ...], legacy: bool) -> None:
    content = {"conv_stem.weight": torch.zeros(1).expand(*shape)}
    data = saved(content, _use_new_zipfile_serialization=not legacy)
    assert len(data) < 4096
    with pytest.raises(
        CheckpointError, match=r"claims .* of tensors in .* of file, so it is refused"
    ):
        parse(data, "bomb.pth")


@pytest.mark.usefixtures("never_opened")
def test_overlapping_entries_are_refused_unopened() -> None:
    data = saved({"conv_stem.weight": torch.ones(1000)})
    with zipfile.ZipFile(io.BytesIO(data)) as plain:
        size = sum(entry.file_size for entry in plain.infolist())
    assert size < len(data)
    directory = data.rfind(b"PK\x01\x02")  # the last entry of the central directory
    claimed = struct.pack("<II", 2**30, 2**30)
    bomb = data[: directory + 20] + claimed + data[directory + 28 :]
    with pytest.raises(CheckpointError, match="would unpack to more than"):
        parse(bomb, "bomb.pth")


@pytest.mark.parametrize(
    "tensor",
    [
        torch.eye(3).to_sparse(),
        torch.empty(3, device="meta"),
        torch.ones(3, dtype=torch.complex64),
        torch.ones(3, dtype=torch.bool),
    ],
    ids=["sparse", "meta", "complex", "bool"],
)
def test_unusual_tensors_are_refused(tensor: torch.Tensor) -> None:
    with pytest.raises(CheckpointError, match=r"only dense|damaged"):
        parse(saved({"conv_stem.weight": tensor}), "x.pth")


def test_oversize_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = tmp_path / "huge.pth"
    with huge.open("wb") as file:
        file.truncate(5 * 2**30)  # sparse: takes no room
    with pytest.raises(
        CheckpointError, match=r"has 5\.0 GiB; weights files are read up to 4\.0 GiB"
    ):
        read_file(huge)
    monkeypatch.setattr(tensor_files, "MAX_WEIGHTS_BYTES", 100)
    with pytest.raises(CheckpointError, match="weights files are read up to 100 bytes"):
        parse(saved(TENSORS), "x.pth")


def described_by(description: bytes) -> bytes:
    """A file of torch's whose tensors are described so."""
    usual, made = zipfile.ZipFile(io.BytesIO(saved(TENSORS))), io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in usual.namelist():
            archive.writestr(name, description if name.endswith("data.pkl") else usual.read(name))
    return made.getvalue()


def empty_tensors(count: int) -> bytes:
    """A safetensors file of so many tensors without a value."""
    one = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({f"t{number}": one for number in range(count)}).encode()
    return len(header).to_bytes(8, "little") + header


COUNTLESS = {
    "tuples in tuples": lambda: ("a.pth", described_by(b"\x80\x02)" + b"\x85" * 4_000_000 + b".")),
    "empty dictionaries": lambda: ("a.pt", described_by(b"\x80\x02(" + b"}" * 4_000_000 + b"t.")),
    "empty tensors": lambda: ("a.safetensors", empty_tensors(200_000)),
}


@pytest.mark.parametrize("name", COUNTLESS)
def test_what_is_countless_is_refused_before_it_is_parsed(name: str) -> None:
    """In less time than a plain parser needs for a tenth of it."""
    file_name, data = COUNTLESS[name]()
    begin = time.process_time()
    with pytest.raises(CheckpointError, match="network"):
        parse(data, file_name)
    taken, begin = time.process_time() - begin, time.process_time()
    json.loads("[" + "[]," * 400_000 + "0]")
    pickle.loads(b"\x80\x02(" + b"}" * 400_000 + b"t.")
    assert taken <= 10 * (time.process_time() - begin)
