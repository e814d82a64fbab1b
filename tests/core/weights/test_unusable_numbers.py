"""Weights and metadata that would answer "nan %", or break whatever shows them: a sentence each."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from effnet_core.architecture import scaled
from effnet_core.engines.onnx.tensors import random_tensors
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import CheckpointError, EffnetError, InvalidInput
from effnet_core.weights import load_checkpoint
from effnet_core.weights.tensor_shapes import tensor_shapes

SPEC = scaled(-6, num_classes=3)
NAMES = ["ant", "bee", "cat"]


def checkpoint(
    changed: dict[str, Any] | None = None, metadata: dict[str, str] | None = None
) -> bytes:
    """A file of some other maker with this project's tensor names."""
    tensors = random_tensors(SPEC, 0)
    for name, shape in tensor_shapes(SPEC).items():
        if not shape:
            tensors[name] = np.zeros((), np.int64)
    for name, change in (changed or {}).items():
        tensors[name] = change(tensors[name])
    return save(tensors, metadata)


def load(data: bytes) -> Any:
    return load_checkpoint(data, architecture=SPEC, file_name="own.safetensors")


VARIANCE = next(name for name in tensor_shapes(SPEC) if name.endswith("running_var"))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (VARIANCE, lambda v: -v, "variances below 0"),
        ("classifier.weight", lambda v: v.astype(np.int64), "as whole numbers"),
        ("classifier.bias", lambda v: v * np.nan, "not finite numbers"),
    ],
)
def test_no_trained_network_has_such_values(name: str, change: Any, said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        load(checkpoint({name: change}))


@pytest.mark.parametrize("engine", ["auto", "eager"])
def test_an_answer_that_is_no_number_is_not_shown(engine: Any) -> None:
    found = load(checkpoint({"classifier.weight": lambda v: np.full_like(v, 3e38)}))
    predictor = Predictor(found, device="cpu", engine=engine)
    picture = Image.effect_noise((64, 64), 90).convert("RGB")
    with pytest.raises(EffnetError, match="answer is no finite number"):
        predictor.predict(picture)


@pytest.mark.parametrize(
    "changed",
    [
        {"std": [1e-45] * 3},
        {"mean": [1e30] * 3},
        {"resize": 10**9},
        {"resize": 10**9, "crop": 10**9},
        {"crop": -1},
    ],
)
def test_preprocessing_that_leaves_nothing_of_a_picture(changed: dict[str, Any]) -> None:
    stated = {"resize": 64, "crop": 64, **changed}
    with pytest.raises(CheckpointError, match="says of its preprocessing is unusable"):
        load(checkpoint(metadata={"effnet.preprocessing": json.dumps(stated)}))


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "has 0 characters"), ("x" * 100_000, "100,000 characters"), ("\ud800", "lone surrogate")],
)
def test_names_that_cannot_be_shown(name: str, said: str) -> None:
    stated = json.dumps([name, *NAMES[1:]])
    with pytest.raises(InvalidInput, match=said):
        load(checkpoint(metadata={"effnet.classes": stated}))


def test_metadata_that_is_null_says_nothing() -> None:
    data = checkpoint(metadata={"a": "b"})
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = None
    text = json.dumps(header).encode().ljust(length)
    try:
        found = load(len(text).to_bytes(8, "little") + text + data[8 + length :])
    except CheckpointError as error:
        assert "not a readable safetensors file" in str(error)
    else:
        assert found.classes_source.startswith("numbered")
