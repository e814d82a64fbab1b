"""Maps from ONNX Runtime's passes: equal to captum's and to torch's, and nothing left behind."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution import attribute, attribute_stages, cam, grad_cam_classes
from effnet_core.attribution.compute import Stage
from effnet_core.attribution.maps import every_stage
from effnet_core.engines.onnx.engine import OnnxEngine
from effnet_core.engines.onnx.tensors import random_tensors
from effnet_core.images import decode, model_view, to_input
from effnet_core.images.samples import load_sample
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet
from effnet_core.weights.bundled import bundled_models
from effnet_core.weights.checkpoints import instantiate
from effnet_core.weights.resolve import resolve_weights
from effnet_core.weights.store import WeightsStore
from tests.core.engines.onnx_engines import onnx_engine

METHODS = tuple(cam.COMBINATIONS)
TOLERANCE = 1e-5  # of the map's largest absolute value


def noise(side: int, *, seed: int = 1, images: int = 1) -> Tensor:
    return torch.randn((images, 3, side, side), generator=torch.Generator().manual_seed(seed))


def drawn(spec: ArchitectureSpec, seed: int = 3) -> EfficientNet:
    """A network with random tensors that let activations and gradients neither fade nor explode."""
    network = build(spec)
    tensors = {name: torch.from_numpy(v) for name, v in random_tensors(spec, seed).items()}
    network.load_state_dict(network.state_dict() | tensors)
    return network.requires_grad_(False)


def assert_equal(found: np.ndarray, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    largest = np.abs(expected).max()
    assert largest > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * largest)


@pytest.fixture(scope="module")
def tiny() -> EfficientNet:
    return drawn(scaled(-4, resolution=64, num_classes=7))


@pytest.fixture(scope="module")
def engine(tiny: EfficientNet) -> OnnxEngine:
    return onnx_engine(tiny)


def layer_of(network: EfficientNet, stage: int) -> nn.Module:
    if stage == 0:
        return network.stem
    return network.head if stage == network.last_stage else network.blocks(stage)[-1]


def assert_captums(network: EfficientNet, image: Tensor, class_index: int) -> None:
    """Every stage's map is captum's, worked out in float64."""
    stages = every_stage(network.spec)
    engine = onnx_engine(network)
    together = attribute_stages(engine, image, class_index=class_index)
    last = attribute(engine, image, class_index=class_index)
    wide = copy.deepcopy(network).double()
    for stage, answer in zip(stages, together, strict=True):
        captums = LayerGradCam(wide, layer_of(wide, stage)).attribute(
            image.double().requires_grad_(), class_index, relu_attributions=False
        )
        assert_equal(answer.raw, captums[0, 0].detach().numpy())
    assert_equal(last.raw, together[-1].raw)


def test_b0_equals_captum_at_every_stage() -> None:
    assert_captums(drawn(variant("b0", resolution=96)), noise(96), 281)


def test_a_trained_network_equals_captum_at_every_stage(tmp_path: Path) -> None:
    loaded = resolve_weights(bundled_models()[0].id, WeightsStore(tmp_path))
    network = instantiate(loaded, device=torch.device("cpu")).requires_grad_(False)
    view = model_view(decode(load_sample("coffee")), loaded.preprocessing)
    image = torch.from_numpy(to_input(view, loaded.preprocessing))[None]
    assert_captums(network, image, loaded.classes.index("espresso"))


@settings(max_examples=5, deadline=None)
@given(
    phi=st.floats(-6, -3),
    side=st.integers(32, 80),
    seed=st.integers(0, 2**31),
    stage=st.integers(0, 7),
)
def test_drawn_networks_give_torchs_maps(phi: float, side: int, seed: int, stage: int) -> None:
    network = drawn(scaled(phi, resolution=side, num_classes=4), seed)
    wide = copy.deepcopy(network).double()
    image, engine = noise(side, seed=seed), onnx_engine(network)
    for method in METHODS:
        for at in (stage, network.last_stage):
            fast, slow = (
                attribute(passes, image, class_index=2, method=method, stage=at).raw
                for passes in (engine, network)
            )
            exact = attribute(wide, image.double(), class_index=2, method=method, stage=at).raw
            # Where terms cancel float32 is less exact than usual, in torch as much as here.
            torchs = float(np.abs(slow - exact).max() / np.abs(exact).max())
            assert_equal(fast, exact, max(TOLERANCE, 4 * torchs))


@pytest.mark.parametrize("method", METHODS)
def test_all_stages_at_once_equal_torchs(
    tiny: EfficientNet, engine: OnnxEngine, method: str
) -> None:
    fast, slow = (
        attribute_stages(passes, noise(64), class_index=4, method=method)
        for passes in (engine, tiny)
    )
    assert [answer.stage for answer in fast] == list(every_stage(tiny.spec))
    for one, other in zip(fast, slow, strict=True):
        assert_equal(one.raw, other.raw)
        assert one.reference_range == other.reference_range


def test_all_classes_come_from_one_pass(tiny: EfficientNet, engine: OnnxEngine) -> None:
    image = noise(64)
    known = engine.forward(image)
    blank = torch.full_like(image, torch.nan)  # whoever passed it on would get no numbers
    for answers in (
        grad_cam_classes(tiny, blank, range(7), known=known),
        grad_cam_classes(engine, image, range(7)),
    ):
        assert [answer.class_index for answer in answers] == list(range(7))
        for answer in answers:
            assert_equal(answer.raw, attribute(tiny, image, class_index=answer.class_index).raw)


def test_inputs_of_another_size_are_torchs(tiny: EfficientNet, engine: OnnxEngine) -> None:
    other_size = attribute(engine, noise(48), class_index=1, stage=5)
    assert_equal(other_size.raw, attribute(tiny, noise(48), class_index=1, stage=5).raw)


def test_the_model_is_left_alone(tiny: EfficientNet, engine: OnnxEngine) -> None:
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    image = noise(64)
    attribute_stages(engine, image, class_index=2)
    grad_cam_classes(engine, image, range(7))
    assert torch.equal(image, noise(64)) and image.grad is None
    assert all(torch.equal(before[name], value) for name, value in tiny.state_dict().items())
    assert all(parameter.grad is None for parameter in tiny.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in tiny.modules())


def test_eight_threads_share_one_engine(tiny: EfficientNet, engine: OnnxEngine) -> None:
    stages: tuple[Stage, ...] = (3, "last")
    jobs = [(stage, seed) for stage in stages for seed in range(12)]

    def run(job: tuple[Stage, int]) -> np.ndarray:
        stage, seed = job
        image = noise(64, seed=seed)
        return attribute(engine, image, class_index=seed % 7, stage=stage).raw

    serial = list(map(run, jobs))
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(run, jobs))
    for one, other in zip(serial, threaded, strict=True):
        assert_equal(other, one)
