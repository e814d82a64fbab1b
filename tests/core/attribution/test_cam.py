"""Class activation maps: a toy worked out by hand, captum as the reference, nothing left behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution import attribute, attribute_stages, cam, grad_cam_classes
from effnet_core.attribution.reference import fill_norm_statistics
from effnet_core.engines.torch import EagerEngine
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet

CAM_METHODS = tuple(cam.COMBINATIONS)


class Toy(nn.Module):
    """Two stages of two channels: A = (x, 5 − x), then B = (A₁·A₂, A₂); logits W · mean(B).

    On x = [[1, 2], [3, 4]]: A₁ = [[1, 2], [3, 4]], A₂ = [[4, 3], [2, 1]], B₁ = [[4, 6], [6, 4]],
    B₂ = A₂. With W₀ = (2, −1) the logit of class 0 is 2 · 5 − 2.5 = 7.5.
    """

    last_stage = 1

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(2, 2, bias=False)
        self.classifier.weight.data = torch.tensor([[2.0, -1.0], [1.0, 3.0]])

    def prefix(self, x: Tensor, stage: int) -> Tensor:
        maps = torch.cat([x, 5 - x], dim=1)
        return self.second(maps) if stage == 1 else maps

    def suffix(self, maps: Tensor, stage: int) -> Tensor:
        last = self.second(maps) if stage == 0 else maps
        return self.classifier(last.mean(dim=(2, 3)))

    def second(self, maps: Tensor) -> Tensor:
        return torch.cat([maps[:, :1] * maps[:, 1:], maps[:, 1:]], dim=1)


TOY_INPUT = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])

# Stage 1 (last): g₁ = 2/4 and g₂ = −1/4 everywhere.
#   Grad-CAM:   B₁/2 − B₂/4, whose sum is the logit 7.5.
#   Grad-CAM++: channel 1 alone has g > 0; ΣB₁ = 20, α = 1/(2 + 20/2) = 1/12, its weight is
#               4 · (1/12)(1/2) = 1/6.
#   Layer-CAM:  B₁/2.
# Stage 0: g₁ = 2·A₂/4 = [[2, 1.5], [1, .5]], g₂ = (2·A₁ − 1)/4 = [[.25, .75], [1.25, 1.75]].
#   Grad-CAM:   means 1.25 and 1, so 1.25·A₁ + A₂.
#   Grad-CAM++: ΣA₁ = ΣA₂ = 10, and each position gives g/(2 + 10g).
#   Layer-CAM:  g₁·A₁ + g₂·A₂.
WEIGHT_1 = 2 / 22 + 1.5 / 17 + 1 / 12 + 0.5 / 7
WEIGHT_2 = 0.25 / 4.5 + 0.75 / 9.5 + 1.25 / 14.5 + 1.75 / 19.5
BY_HAND = {
    ("grad-cam", 1): [[1.0, 2.25], [2.5, 1.75]],
    ("grad-cam-plus-plus", 1): [[4 / 6, 6 / 6], [6 / 6, 4 / 6]],
    ("layer-cam", 1): [[2.0, 3.0], [3.0, 2.0]],
    ("grad-cam", 0): [[5.25, 5.5], [5.75, 6.0]],
    ("grad-cam-plus-plus", 0): [
        [WEIGHT_1 * 1 + WEIGHT_2 * 4, WEIGHT_1 * 2 + WEIGHT_2 * 3],
        [WEIGHT_1 * 3 + WEIGHT_2 * 2, WEIGHT_1 * 4 + WEIGHT_2 * 1],
    ],
    ("layer-cam", 0): [[3.0, 5.25], [5.5, 3.75]],
}
# The toy's maps are nowhere negative, so the paper's own sum is the same.
BY_HAND |= {
    ("grad-cam-plus-plus-published", stage): BY_HAND["grad-cam-plus-plus", stage]
    for stage in (0, 1)
}


@pytest.mark.parametrize(("method", "stage"), BY_HAND)
def test_toy_network_worked_out_by_hand(method: str, stage: int) -> None:
    toy = Toy().eval()
    (pair,) = EagerEngine(cast(EfficientNet, toy)).gradients(TOY_INPUT, 0, (stage,))
    expected = np.array(BY_HAND[method, stage])
    np.testing.assert_allclose(cam.COMBINATIONS[method](*pair), expected, rtol=1e-6)
    if stage == toy.last_stage:
        gradient = cam.last_gradient(pair[0], toy.classifier.weight[0].detach().numpy())
        np.testing.assert_array_equal(gradient, pair[1])


def test_class_maps_worked_out_by_hand() -> None:
    features = np.array([[[4, 6], [6, 4]], [[4, 3], [2, 1]]], np.float32)  # B of the toy
    weights = np.array([[2, -1], [1, 3]], np.float32)
    np.testing.assert_array_equal(
        cam.class_maps(features, weights),
        [BY_HAND["grad-cam", 1], [[16 / 4, 15 / 4], [12 / 4, 7 / 4]]],
    )


@given(st.integers(0, 2**31))
def test_grad_cam_plus_plus_is_the_papers_closed_form(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    a = torch.rand((3, 4, 5), generator=generator, dtype=torch.float64).numpy()
    g = torch.randn((3, 4, 5), generator=generator, dtype=torch.float64).numpy()
    alpha = g**2 / (2 * g**2 + a.sum(axis=(1, 2), keepdims=True) * g**3)
    weights = (alpha * np.maximum(g, 0)).sum(axis=(1, 2))
    expected = (weights[:, None, None] * a).sum(axis=0)
    np.testing.assert_allclose(cam.grad_cam_plus_plus(a, g), expected, rtol=1e-9)


def test_grad_cam_plus_plus_stays_finite_where_the_denominator_would_vanish() -> None:
    # ΣA = −2 and g = 1: the paper's 2 + ΣA·g is 0, which ReLU feature maps rule out.
    found = cam.grad_cam_plus_plus(np.full((1, 1, 2), -1.0), np.ones((1, 1, 2)))
    np.testing.assert_allclose(found, [[-1, -1]])


def noise(side: int, *, seed: int = 1, images: int = 1) -> Tensor:
    return torch.randn((images, 3, side, side), generator=torch.Generator().manual_seed(seed))


def live(spec: ArchitectureSpec, side: int) -> EfficientNet:
    """A network whose random weights give logits of order 1, unlike an uncalibrated one."""
    network = build(spec, seed=3)
    fill_norm_statistics(network, noise(side, seed=2, images=8))
    return network


@pytest.fixture(scope="module")
def tiny() -> EfficientNet:
    return live(scaled(-3, resolution=96, num_classes=7), 96)


def layer_of(network: EfficientNet, stage: int) -> nn.Module:
    if stage == 0:
        return network.stem
    return network.head if stage == network.last_stage else network.blocks(stage)[-1]


def captums(network: EfficientNet, image: Tensor, stage: int) -> np.ndarray:
    """Captum's Grad-CAM of class 281."""
    method = LayerGradCam(network, layer_of(network, stage))
    return method.attribute(image, 281, relu_attributions=False)[0, 0].detach().numpy()


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 1e-5)], ids=str
)
@pytest.mark.parametrize("name", ["b0", "v2-b0"])
def test_equals_captum_at_every_stage(name: str, dtype: torch.dtype, tolerance: float) -> None:
    network = live(variant(name), 96).to(dtype)
    image = noise(96).to(dtype)
    for stage in range(network.last_stage + 1):
        (pair,) = EagerEngine(network).gradients(image, 281, (stage,))
        expected = captums(network, image, stage)
        largest = np.abs(expected).max()
        assert largest > 1e-6
        assert np.abs(cam.grad_cam(*pair) - expected).max() <= tolerance * largest, stage


def test_last_stage_map_adds_up_to_the_logit(tiny: EfficientNet) -> None:
    image = noise(96)
    with torch.no_grad():
        logits = tiny(image)[0]
    for index in range(7):
        answer = attribute(tiny, image, class_index=index)
        bias = float(tiny.classifier.bias.detach()[index])
        assert answer.raw.sum() == pytest.approx(float(logits[index]) - bias, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("method", CAM_METHODS)
def test_all_stages_at_once_equal_each_stage_alone(tiny: EfficientNet, method: str) -> None:
    image = noise(96)
    together = attribute_stages(tiny, image, class_index=4, method=method)
    assert [answer.stage for answer in together] == list(range(tiny.last_stage + 1))
    for stage, answer in enumerate(together):
        alone = attribute(tiny, image, class_index=4, method=method, stage=stage)
        scale = np.abs(alone.raw).max()
        np.testing.assert_allclose(answer.raw, alone.raw, atol=1e-5 * scale)
        assert answer.reference_range == alone.reference_range
        assert answer.grid == answer.raw.shape == alone.grid
        assert (answer.low, answer.high) == (answer.raw.min(), answer.raw.max())


def test_several_classes_at_once_equal_each_class_alone(tiny: EfficientNet) -> None:
    image = noise(96)
    together = grad_cam_classes(tiny, image, (6, 0, 3))
    assert [answer.class_index for answer in together] == [6, 0, 3]
    for answer in together:
        alone = attribute(tiny, image, class_index=answer.class_index)
        np.testing.assert_allclose(answer.raw, alone.raw, atol=1e-6 * np.abs(alone.raw).max())
        assert answer.stage == alone.stage == tiny.last_stage
    assert grad_cam_classes(tiny, image, ()) == ()


def test_last_is_the_head_convolution(tiny: EfficientNet) -> None:
    last = attribute(tiny, noise(96), class_index=1, stage="last")
    numbered = attribute(tiny, noise(96), class_index=1, stage=tiny.last_stage)
    assert np.array_equal(last.raw, numbered.raw)
    assert last.grid == (3, 3)
    assert last.raw.dtype == np.float32
    assert last.milliseconds > 0


def snapshot(network: EfficientNet) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("frozen", [False, True])
def test_model_and_input_are_left_alone(frozen: bool) -> None:
    network = live(scaled(-3, resolution=64, num_classes=3), 64).requires_grad_(not frozen)
    before, image = snapshot(network), noise(64)
    for method in CAM_METHODS:
        attribute_stages(network, image, class_index=2, method=method)
        for stage in (0, 3, network.last_stage):
            attribute(network, image, class_index=2, method=method, stage=stage)
    assert torch.equal(image, noise(64)) and not image.requires_grad and image.grad is None
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    for parameter in network.parameters():
        assert parameter.grad is None
        assert parameter.requires_grad is not frozen
    assert not any(module.training for module in network.modules())


def test_works_where_the_caller_is_in_inference_mode(tiny: EfficientNet) -> None:
    outside = attribute(tiny, noise(96), class_index=1, stage=2)
    with torch.inference_mode():
        inside = attribute(tiny, noise(96), class_index=1, stage=2)
        together = attribute_stages(tiny, noise(96), class_index=1)
    assert np.array_equal(outside.raw, inside.raw)
    np.testing.assert_allclose(together[2].raw, outside.raw, atol=1e-5 * abs(outside.raw).max())


def test_eight_threads_share_one_model(tiny: EfficientNet) -> None:
    jobs = [
        (method, stage, seed)
        for method in CAM_METHODS
        for stage in (0, 3, tiny.last_stage)
        for seed in range(3)
    ]

    def run(job: tuple[str, int, int]) -> np.ndarray:
        method, stage, seed = job
        image = noise(96, seed=seed)
        return attribute(tiny, image, class_index=seed, method=method, stage=stage).raw

    serial = list(map(run, jobs))
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(run, jobs))
    for one, other in zip(serial, threaded, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5 * np.abs(one).max())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"class_index": 7}, "from 0 to 6; got 7"),
        ({"class_index": -1}, "from 0 to 6"),
        ({"class_index": True}, "from 0 to 6"),
        ({"stage": 99}, r"from 0 \(stem\) to 8 \(head convolution\); got 99"),
        ({"stage": -1}, "got -1"),
        ({"stage": "first"}, "got 'first'"),
        ({"method": "guided"}, "choose one of: grad-cam, "),
        ({"method": "occlusion", "stage": 3}, "no stage can be chosen"),
        ({"parameters": (("steps", 3),)}, "has no parameter 'steps'; it has: none"),
    ],
    ids=str,
)
def test_bad_requests_get_a_sentence(
    tiny: EfficientNet, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        attribute(tiny, noise(96), **{"class_index": 0, **change})


def test_bad_inputs_get_a_sentence(tiny: EfficientNet) -> None:
    with pytest.raises(InvalidInput, match=r"shape \(1, 3, height, width\); got \(2, 3, 96, 96\)"):
        attribute(tiny, noise(96, images=2), class_index=0)
    with pytest.raises(InvalidInput, match="has no stages"):
        attribute_stages(tiny, noise(96), class_index=0, method="saliency")
    training = build(scaled(-5, resolution=64, num_classes=2), seed=0).train()
    with pytest.raises(InvalidInput, match="evaluation mode"):
        attribute(training, noise(64), class_index=0)


def test_values_that_are_not_finite_get_a_sentence() -> None:
    network = live(scaled(-5, resolution=64, num_classes=2), 64)
    with torch.no_grad():
        network.classifier.weight[1] = torch.nan
    with pytest.raises(EffnetError, match="no finite number"):
        attribute(network, noise(64), class_index=1)
