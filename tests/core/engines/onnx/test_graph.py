"""The graph that is written against torch's own forward pass."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from effnet_core.architecture.families import EDGE, LITE, V1, V2_BASE, V2_RW_S
from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.report import summarize
from effnet_core.engines.onnx import graph as module
from effnet_core.engines.onnx.graph import folded, whole_graph
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import Tensors, random_tensors
from effnet_core.errors import InvalidInput
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet

TOLERANCE = 1e-4
"""Of the largest value: float32 sums in another order and folded weights differ by some 1e-6."""


@st.composite
def specs(draw: st.DrawFn) -> ArchitectureSpec:
    """Small networks of five families, with either padding and any side."""
    baseline = draw(st.sampled_from((LITE, V1, V2_BASE, EDGE, V2_RW_S)))
    coefficients = ScalingRule().coefficients(draw(st.floats(-6, 0)), exact_pixels=True)
    spec = expand(baseline, dataclasses.replace(coefficients, resolution=64), name="drawn")
    assume(summarize(spec).params <= 8_000_000)
    return dataclasses.replace(
        spec,
        resolution=draw(st.integers(32, 97)),
        padding=draw(st.sampled_from(("symmetric", "same"))),
        num_classes=draw(st.integers(1, 1000)),
    )


def torch_model(spec: ArchitectureSpec, tensors: Tensors) -> EfficientNet:
    """The same network in torch; a name too many or too few is an error."""
    model = build(spec)
    counters = {name: v for name, v in model.state_dict().items() if "num_batches" in name}
    weights = {name: torch.from_numpy(values) for name, values in tensors.items()}
    model.load_state_dict(counters | weights)
    return model.requires_grad_(False)


def images(spec: ArchitectureSpec, seed: int, batch: int = 2) -> np.ndarray:
    shape = (batch, 3, spec.resolution, spec.resolution)
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def assert_equal(found: np.ndarray, expected: torch.Tensor) -> None:
    wanted = expected.numpy()
    assert found.shape == wanted.shape
    assert found.dtype == np.float32
    largest = float(np.abs(wanted).max())
    assert largest > 1e-3  # else nothing would be compared
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE * largest)


@settings(max_examples=15, deadline=None)
@given(spec=specs(), seed=st.integers(0, 2**32 - 1))
def test_logits_and_features_equal_torchs(spec: ArchitectureSpec, seed: int) -> None:
    tensors = random_tensors(spec, seed)
    # Errors are those of a logit's terms, which few logits may all but cancel: at least 14 of them
    # say how large logits are.
    batch = max(2, 16 // spec.num_classes)
    model, x = torch_model(spec, tensors), images(spec, seed, batch)
    logits, features = OnnxSession(whole_graph(spec, tensors)).run(x)
    with torch.inference_mode():
        expected = model.forward_features(torch.from_numpy(x))
        assert_equal(features, expected)
        assert_equal(logits, model.forward_head(expected))


@pytest.mark.parametrize("name", ["b0", "v2-b0", "lite0", "edge-s", "v2-rw-t"])
def test_published_variants_equal_torch_with_initial_weights(name: str) -> None:
    spec = dataclasses.replace(variant(name), resolution=96)
    model = build(spec, seed=3).requires_grad_(False)
    tensors = {key: value.numpy() for key, value in model.state_dict().items()}
    x = images(spec, 3, batch=1)
    _, features = OnnxSession(whole_graph(spec, tensors)).run(x)
    with torch.inference_mode():
        expected = model.forward_features(torch.from_numpy(x)).numpy()
    largest = np.abs(expected).max()
    assert largest > 0
    np.testing.assert_allclose(features, expected, rtol=0, atol=TOLERANCE * largest)


def test_weights_past_one_files_limit_get_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = scaled(-4, resolution=64)
    tensors = random_tensors(spec, 0)
    monkeypatch.setattr(module, "MAX_ONNX_BYTES", summarize(spec).params * 4 // 2)
    with pytest.raises(InvalidInput, match="2 GiB"):
        whole_graph(spec, tensors)


def test_batch_norm_is_folded_as_on_paper() -> None:
    tensors = {
        "stem.conv.weight": np.full((1, 1, 1, 1), 3, np.float32),
        "stem.norm.weight": np.array([2], np.float32),
        "stem.norm.bias": np.array([5], np.float32),
        "stem.norm.running_mean": np.array([7], np.float32),
        "stem.norm.running_var": np.array([15], np.float32),
    }
    weight, bias = folded(tensors, "stem", eps=1.0)  # √(15 + 1) = 4, so scaled by 2 / 4
    assert weight.item() == 1.5
    assert bias.item() == 1.5
