"""Pixel methods: a toy worked out by hand, completeness, threads, no hooks, refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import NoiseTunnel, Saliency
from torch import Tensor, nn

from effnet_core.architecture.names import scaled
from effnet_core.attribution import attribute
from effnet_core.attribution.pixels import NOISE_SEED, PIXEL_METHODS, baseline, pixel_map
from effnet_core.attribution.reference import fill_norm_statistics
from effnet_core.errors import InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet

QUICK: dict[str, tuple[tuple[str, Any], ...]] = {
    "integrated-gradients": (("steps", 4), ("batch_size", 3)),
    "occlusion": (("window", 32), ("stride", 32)),
    "saliency": (("samples", 4), ("batch_size", 3)),
}


class Quadratic(nn.Module):
    """The logit of class 1 is Σ (11x − 2x² − 5)/4; that of class 0 is 0.

    Its derivative is (11 − 4x)/4. From 0 to x a pixel changes the logit by (11x − 2x²)/4: pixels
    do not interact, so this is both what occlusion by 0 finds and the integral of the gradient.
    """

    def forward(self, x: Tensor) -> Tensor:
        logit = ((11 * x - 2 * x * x - 5) / 4).sum(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(logit), logit], dim=1)


TOY_INPUT = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
CHANGE = [[2.25, 3.5], [3.75, 3.0]]
GRADIENT = np.array([[1.75, 0.75], [-0.25, -1.25]])
TOY: dict[str, tuple[dict[str, Any], Any]] = {
    "integrated-gradients": ({"steps": 8, "baseline": "mean", "batch_size": 3}, CHANGE),
    "occlusion": ({"window": 1, "stride": 1, "baseline": "mean", "batch_size": 3}, CHANGE),
    # One window over the whole picture: every pixel gets the sum, 12.5.
    "occlusion whole": (
        {"window": 2, "stride": 1, "baseline": "mean", "batch_size": 1},
        np.full((2, 2), 12.5),
    ),
    "saliency": ({"samples": 1, "sigma": 0.0, "absolute": False, "batch_size": 1}, GRADIENT),
    "saliency absolute": (
        {"samples": 9, "sigma": 0.0, "absolute": True, "batch_size": 4},
        abs(GRADIENT),
    ),
}


@pytest.mark.parametrize("case", TOY)
def test_toy_network_worked_out_by_hand(case: str) -> None:
    values, expected = TOY[case]
    black = torch.zeros((1, 1, 1, 1))
    found = pixel_map(Quadratic().eval(), TOY_INPUT, 1, case.partition(" ")[0], values, black)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def noise(side: int = 64, *, seed: int = 1, images: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((images, 3, side, side), generator=generator, dtype=torch.float64)


@pytest.fixture(scope="module")
def tiny() -> EfficientNet:
    network = build(scaled(-6, resolution=64, num_classes=4), seed=3, dtype="float64")
    # Calibrated on faint to strong and dark to bright pictures, as paths and noisy copies are:
    # on what random weights were not calibrated for, they amplify without bound.
    part = torch.linspace(0, 1, 32).view(32, 1, 1, 1)
    fill_norm_statistics(network, 2.5 * part * noise(seed=2, images=32) + 2 * (part - 1))
    return network


@pytest.mark.parametrize("kind", ["black", "mean", "blur"])
def test_integrated_gradients_add_up_to_the_change_of_the_logit(
    tiny: EfficientNet, kind: str
) -> None:
    image = noise()
    black = torch.tensor([-2.1, -2.0, -1.8]).view(1, 3, 1, 1)
    with torch.no_grad():
        ends = tiny(torch.cat([image, baseline(image, kind, black)]))[:, 2]
    values: dict[str, Any] = {"steps": 32, "baseline": kind, "batch_size": 16}
    found = pixel_map(tiny, image, 2, "integrated-gradients", values, black)
    change = float(ends[0] - ends[1])
    assert abs(change) > 1e-3
    assert float(found.sum()) == pytest.approx(change, rel=1e-3)


def test_noise_is_captums_noise_tunnel_with_a_generator_of_its_own(tiny: EfficientNet) -> None:
    image = noise()
    values = {"samples": 6, "sigma": 0.1, "absolute": False, "batch_size": 6}
    found = pixel_map(tiny, image, 1, "saliency", values, torch.zeros(1))
    deviation = float(0.1 * (image.max() - image.min()))
    with torch.random.fork_rng([]):
        torch.manual_seed(NOISE_SEED)
        captums = NoiseTunnel(Saliency(tiny)).attribute(
            image.clone(), nt_samples=6, stdevs=deviation, target=1, abs=False
        )
    expected = captums[0].sum(dim=0)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_global_random_numbers_are_not_drawn(tiny: EfficientNet) -> None:
    before = torch.random.get_rng_state()
    attribute(tiny, noise(), class_index=0, method="saliency", parameters=QUICK["saliency"])
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("method", PIXEL_METHODS)
def test_no_hook_is_ever_registered_and_nothing_changes(
    tiny: EfficientNet, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a hook was registered")

    for name in ("forward_hook", "forward_pre_hook", "full_backward_hook", "backward_hook"):
        monkeypatch.setattr(nn.Module, f"register_{name}", refuse)
    image, state = noise(), {name: value.clone() for name, value in tiny.state_dict().items()}
    answer = attribute(tiny, image, class_index=0, method=method, parameters=QUICK[method])
    assert answer.stage is None
    assert answer.grid == (64, 64)
    assert answer.high > answer.low
    assert torch.equal(image, noise()) and not image.requires_grad
    assert all(torch.equal(state[name], value) for name, value in tiny.state_dict().items())
    assert all(parameter.grad is None for parameter in tiny.parameters())


def test_eight_threads_share_one_model(tiny: EfficientNet) -> None:
    jobs = [(method, seed) for method in QUICK for seed in range(4)]

    def run(job: tuple[str, int]) -> np.ndarray:
        method, seed = job
        return attribute(
            tiny, noise(seed=seed), class_index=seed, method=method, parameters=QUICK[method]
        ).raw

    serial = list(map(run, jobs))
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(run, jobs))
    for one, other in zip(serial, threaded, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5 * np.abs(one).max())


def test_batch_size_is_no_matter_of_the_result(tiny: EfficientNet) -> None:
    for method, given in QUICK.items():
        first, second = (
            attribute(
                tiny,
                noise(),
                class_index=3,
                method=method,
                parameters=(
                    *(pair for pair in given if pair[0] != "batch_size"),
                    ("batch_size", n),
                ),
            ).raw
            for n in (2, 5)
        )
        np.testing.assert_allclose(first, second, atol=1e-6 * np.abs(first).max())


def test_black_comes_from_the_weights_preprocessing(tiny: EfficientNet) -> None:
    half = Preprocessing(resize=64, crop=64, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    options: dict[str, Any] = {
        "class_index": 0,
        "method": "integrated-gradients",
        "parameters": (("steps", 8), ("baseline", "black")),
    }
    # With mean and deviation 0.5 a black pixel is −1: a picture that is black gives no map.
    black = torch.full((1, 3, 64, 64), -1.0, dtype=torch.float64)
    assert np.all(attribute(tiny, black, preprocessing=half, **options).raw == 0)
    assert np.any(attribute(tiny, black, **options).raw != 0)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ((("window", 96),), "must fit in the network's input of 64 × 64 pixels; got 96"),
        ((("window", 16), ("stride", 20)), "not exceed the window of 16 pixels"),
        ((("window", 2),), "a whole number from 4 to 512; got 2"),
        ((("window", 9.5),), "a whole number from 4 to 512; got 9.5"),
        ((("baseline", "white"),), "one of black, mean, blur; got 'white'"),
    ],
)
def test_unsuitable_windows_get_a_sentence(
    tiny: EfficientNet, parameters: tuple[tuple[str, Any], ...], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        attribute(tiny, noise(), class_index=0, method="occlusion", parameters=parameters)


def test_too_many_windows_are_refused_before_any_pass(tiny: EfficientNet) -> None:
    with pytest.raises(InvalidInput, match=r"makes 9,409 windows.*at most 4,096"):
        attribute(
            tiny,
            noise(side=196),
            class_index=0,
            method="occlusion",
            parameters=(("window", 4), ("stride", 2)),
        )
