"""The backward pass that is written out, against torch's autograd."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from effnet_core.architecture.families import EDGE, LITE, V1, V2_BASE
from effnet_core.architecture.family import Family, Padding
from effnet_core.architecture.names import scaled
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.report import summarize
from effnet_core.engines.onnx.gradients import gradient_graph
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import Tensors, random_tensors
from effnet_core.errors import InvalidInput
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet

TOLERANCE = 1e-4
"""Of the largest value: float32 sums in another order and folded weights differ by some 1e-6."""


def drawn(
    baseline: Family, phi: float, side: int, padding: Padding, classes: int = 5
) -> ArchitectureSpec:
    coefficients = ScalingRule().coefficients(phi, exact_pixels=True)
    spec = expand(baseline, dataclasses.replace(coefficients, resolution=64), name="drawn")
    return dataclasses.replace(spec, resolution=side, padding=padding, num_classes=classes)


def torch_model(spec: ArchitectureSpec, tensors: Tensors) -> EfficientNet:
    model = build(spec)
    counters = {name: v for name, v in model.state_dict().items() if "num_batches" in name}
    weights = {name: torch.from_numpy(values) for name, values in tensors.items()}
    model.load_state_dict(counters | weights)
    return model.requires_grad_(False)


def both(
    spec: ArchitectureSpec, seed: int, stages: tuple[int, ...], classes: tuple[int, ...]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What the graph puts out for some classes at once, and the same by autograd."""
    tensors = random_tensors(spec, seed)
    x = np.random.default_rng(seed).standard_normal(
        (1, 3, spec.resolution, spec.resolution), dtype=np.float32
    )
    model = torch_model(spec, tensors)
    maps = model.feature_maps(torch.from_numpy(x).requires_grad_())
    logits = model.forward_head(maps[-1])[0]
    expected: list[np.ndarray] = []
    for stage in stages:
        by_class = [
            torch.autograd.grad(logits[c], maps[stage], retain_graph=True)[0] for c in classes
        ]
        expected += [maps[stage].detach().numpy(), torch.cat(by_class).numpy()]
    expected.append(maps[-1].detach().numpy())
    positions = maps[-1].shape[-1] ** 2
    rows = tensors["classifier.weight"][list(classes)][:, :, None, None] / positions
    session = OnnxSession(gradient_graph(spec, tensors, stages))
    return list(session.run(x, rows.astype(np.float32))), expected


@settings(max_examples=12, deadline=None)
@given(
    baseline=st.sampled_from((V1, V2_BASE)),
    phi=st.floats(-6, 0),
    side=st.integers(32, 97),
    padding=st.sampled_from(("symmetric", "same")),
    seed=st.integers(0, 2**32 - 1),
)
def test_maps_and_gradients_of_every_stage_equal_autograds(
    baseline: Family, phi: float, side: int, padding: Padding, seed: int
) -> None:
    spec = drawn(baseline, phi, side, padding)
    assume(summarize(spec).params <= 8_000_000)
    found, expected = both(spec, seed, tuple(range(spec.stage_count + 1)), (3,))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        largest = np.abs(other).max()
        assert one.shape == other.shape and one.dtype == np.float32 and largest > 0
        np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE * largest)


@pytest.mark.parametrize("baseline", [LITE, EDGE], ids=lambda family: family.key)
def test_relu_and_relu6_let_gradients_through_between_their_bends(baseline: Family) -> None:
    spec = drawn(baseline, -4.0, 65, "same")
    found, expected = both(spec, 5, (0, 4), (1,))
    for one, other in zip(found, expected, strict=True):
        # A value that rounding moves across a bend changes the gradient by a whole term.
        assert np.linalg.norm(one - other) <= 0.02 * np.linalg.norm(other)
    assert np.linalg.norm(expected[1]) > 0


def test_several_classes_go_back_together() -> None:
    spec = scaled(-4, resolution=64, num_classes=5)
    found, expected = both(spec, 6, (2,), (4, 0, 3))
    assert found[1].shape[0] == 3
    np.testing.assert_allclose(
        found[1], expected[1], rtol=0, atol=TOLERANCE * np.abs(expected[1]).max()
    )


@pytest.mark.parametrize("stages", [(), (-1,), (8,), (0, 99)])
def test_a_stage_without_gradient_gets_a_sentence(stages: tuple[int, ...]) -> None:
    spec = scaled(-4, resolution=64)
    with pytest.raises(InvalidInput, match="0 \\(stem\\) to 7"):
        gradient_graph(spec, random_tensors(spec, 0), stages)
