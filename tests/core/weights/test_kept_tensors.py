"""Tensors that stay on disk: the values that were checked, or a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from effnet_core.errors import CheckpointError
from effnet_core.weights.kept_tensors import KeptTensors


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, KeptTensors, dict[str, np.ndarray]]:
    generator = np.random.default_rng(0)
    found: dict[str, Any] = {
        "classifier.weight": generator.normal(size=(3, 4)).astype(np.float32),
        "stem.weight": generator.normal(size=(2, 3)).astype(np.float16),
        "stem.count": np.array(7, dtype=np.int64),
    }
    path = tmp_path / "copy.safetensors"
    save_file(found, path)
    return path, KeptTensors(path, found), found


def test_values_are_those_that_were_found(
    kept: tuple[Path, KeptTensors, dict[str, np.ndarray]],
) -> None:
    _, tensors, found = kept
    assert list(tensors) == list(found) and len(tensors) == 3
    for name, values in found.items():
        assert tensors[name].dtype == values.dtype
        np.testing.assert_array_equal(tensors[name], values)
    with pytest.raises(KeyError):
        tensors["head.weight"]


def test_what_every_answer_needs_does_not_ask_the_disk(
    kept: tuple[Path, KeptTensors, dict[str, np.ndarray]],
) -> None:
    path, tensors, found = kept
    path.unlink()
    np.testing.assert_array_equal(tensors["classifier.weight"], found["classifier.weight"])
    with pytest.raises(CheckpointError, match="has changed or gone since it was loaded"):
        tensors["stem.weight"]


def test_no_flipped_bit_is_answered_with(
    kept: tuple[Path, KeptTensors, dict[str, np.ndarray]],
) -> None:
    path, tensors, found = kept
    data = path.read_bytes()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        for name, values in found.items():
            try:
                np.testing.assert_array_equal(tensors[name], values, strict=True)
            except CheckpointError:
                continue
