"""Checkpoint files of every format: read alike, and damage has a sentence."""

from __future__ import annotations

import collections
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effnet_core.errors import CheckpointError
from effnet_core.weights.tensor_files import parse, read_file, require_intact, serialise

TENSORS = {"conv_stem.weight": torch.arange(12.0).reshape(3, 4), "bn1.weight": torch.ones(5)}


def saved(content: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def test_all_formats_give_the_same_tensors() -> None:
    for data, name in (
        (saved(TENSORS), "x.pth"),
        (saved(TENSORS), "X.PT"),
        (saved(TENSORS, _use_new_zipfile_serialization=False), "old.pth"),
        (safetensors.torch.save(TENSORS), "x.safetensors"),
        (serialise(TENSORS, {}), "own.safetensors"),
    ):
        file = parse(data, name)
        assert file.tensors.keys() == TENSORS.keys()
        assert all(np.array_equal(file.tensors[key], TENSORS[key]) for key in TENSORS)


@pytest.mark.parametrize(
    ("content", "unwrapped"),
    [
        (TENSORS, ""),
        ({"state_dict": TENSORS, "epoch": 3}, '"state_dict" of a training checkpoint'),
        ({"model": TENSORS, "optimizer": {"lr": 0.1}}, '"model" of a training checkpoint'),
        ({"model": {"conv_stem.weight": torch.zeros(1)}, "model_ema": TENSORS}, '"model_ema" of'),
        ({f"module.{key}": value for key, value in TENSORS.items()}, ""),
        (
            {
                "model_ema": {
                    "n_averaged": torch.tensor(7),
                    **{f"module.{key}": value for key, value in TENSORS.items()},
                }
            },
            '"model_ema" of',
        ),
        (collections.OrderedDict(TENSORS), ""),
        ({key: torch.nn.Parameter(value) for key, value in TENSORS.items()}, ""),
    ],
)
def test_wrappers_are_opened_and_named(content: Any, unwrapped: str) -> None:
    file = parse(saved(content), "x.pth")
    assert file.tensors.keys() == TENSORS.keys()
    assert all(np.array_equal(file.tensors[key], TENSORS[key]) for key in TENSORS)
    assert file.unwrapped.startswith(unwrapped) and bool(file.unwrapped) == bool(unwrapped)


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        3,
        "text",
        TENSORS["bn1.weight"],
        {"a": 1},
        {"state_dict": {"a": 1}},
        {3: torch.ones(1)},
    ],
)
def test_files_without_a_state_dict_are_refused(content: Any) -> None:
    with pytest.raises(CheckpointError, match="does not hold a state dict"):
        parse(saved(content), "x.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_no_numbers_are_told(value: float) -> None:
    with pytest.raises(CheckpointError, match=r"not finite numbers \(first in bn1\.weight\)"):
        parse(saved({**TENSORS, "bn1.weight": torch.tensor([1.0, value])}), "x.pth")


def header(fields: dict[str, Any], body: bytes = b"") -> bytes:
    text = json.dumps(fields).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 8,
        b"\xff" * 100,
        (2**62).to_bytes(8, "little") + b"{}",
        (10**8).to_bytes(8, "little") + b"{" * 100,
        header({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4]}}, b"\x00" * 4),
        header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**40]}}, b"\x00" * 4),
        header({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"\x00" * 4),
        header({"a": {"dtype": "X9", "shape": [1], "data_offsets": [0, 4]}}, b"\x00" * 4),
        header(
            {
                "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            },
            b"\x00" * 4,
        ),
        header({"__metadata__": {"a": 3}}),
        header({}),
        saved(TENSORS),
        b"[" * 10**5,
    ],
)
def test_bad_safetensors_are_told(data: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"safetensors file; it is damaged|does not hold"):
        parse(data, "x.safetensors")


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated_files_are_told(name: str, share: float) -> None:
    data = saved(TENSORS) if name == "x.pth" else safetensors.torch.save(TENSORS)
    with pytest.raises(CheckpointError, match="damaged"):
        parse(data[: int(len(data) * share)], name)


@settings(max_examples=150, deadline=None)
@given(
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
    kind=st.sampled_from(("zip", "legacy", "safetensors", "raw")),
    raw=st.binary(max_size=300),
)
def test_mangled_bytes_load_or_have_a_sentence(
    edits: list[tuple[int, int]], kind: str, raw: bytes
) -> None:
    if kind == "raw":
        data = bytearray(raw or b"x")
    elif kind == "safetensors":
        data = bytearray(safetensors.torch.save(TENSORS))
    else:
        data = bytearray(saved(TENSORS, _use_new_zipfile_serialization=kind == "zip"))
    for position, value in edits:
        data[position % len(data)] = value
    try:
        parse(bytes(data), "x.safetensors" if kind == "safetensors" else "x.pth")
    except CheckpointError as error:
        assert "\n" not in str(error)


def test_every_single_bit_flip_in_our_own_file_is_found() -> None:
    data = serialise(TENSORS, {"effnet.classes": '["a", "b"]', "note": "x" * 200})
    require_intact(data, "x.safetensors")
    generator = np.random.default_rng(0)
    positions = set(range(min(len(data), 700))) | set(
        generator.integers(0, len(data), 300).tolist()
    )
    for position in positions:
        damaged = bytearray(data)
        damaged[position] ^= 1 << int(generator.integers(8))
        with pytest.raises(CheckpointError):
            parse(bytes(damaged), "x.safetensors")


def test_class_names_cannot_pose_as_the_hash() -> None:
    posing = json.dumps(['"effnet.sha256":"' + "a" * 64 + '"'])
    for _ in range(5):  # the library orders metadata at random
        data = serialise(TENSORS, {"effnet.classes": posing})
        assert parse(data, "x.safetensors").metadata["effnet.classes"] == posing


def test_other_makers_files_carry_no_hash_and_pass() -> None:
    require_intact(safetensors.torch.save(TENSORS, {"format": "pt"}), "x.safetensors")


def test_missing_files_and_folders_have_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_file(path)
