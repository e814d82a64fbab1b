"""Tensors drawn without torch: the model's own names and shapes, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from effnet_core.architecture.names import scaled, variant
from effnet_core.engines.onnx.tensors import random_tensors
from effnet_core.network.model import EfficientNet


@pytest.mark.parametrize("name", ["b0", "v2-s", "lite0"])
def test_names_and_shapes_are_the_models(name: str) -> None:
    spec = variant(name)
    with torch.device("meta"):
        state = EfficientNet(spec).state_dict()
    expected = {key: tuple(v.shape) for key, v in state.items() if "num_batches" not in key}
    assert {key: v.shape for key, v in random_tensors(spec, 0).items()} == expected


def test_equal_seeds_give_equal_tensors() -> None:
    spec = scaled(-5, resolution=64, num_classes=7)
    first, again, other = (random_tensors(spec, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not any(np.array_equal(first[name], other[name]) for name in first)
    assert all(values.dtype == np.float32 for values in first.values())
