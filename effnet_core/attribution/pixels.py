"""Maps at the input, pixel by pixel, with captum: integrated gradients, occlusion, saliency.

captum's classes used here differentiate or perturb the input tensor and register no hooks on the
model, so the shared model is left alone. Its `NoiseTunnel` draws from torch's global generator,
which threads share; the noise is drawn here instead, from a generator of the call's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from effnet_core.attribution.metrics import BLUR_PER_SIDE
from effnet_core.attribution.parameters import Value
from effnet_core.errors import InvalidInput
from effnet_core.limits import MAX_WINDOWS

NOISE_SEED = 0

Network = Callable[[Tensor], Tensor]
PixelMethod = Callable[[Network, Tensor, int, Mapping[str, Any], Tensor], Tensor]


def integrated_gradients(
    model: Network,
    inputs: Tensor,
    class_index: int,
    values: Mapping[str, Any],
    black: Tensor,
) -> Tensor:
    """(1, 3, H, W) → (H, W), signed, summed over colours (arXiv 1703.01365).

    By Gauss-Legendre quadrature, so that the map's sum approaches the logit minus the baseline's.
    """
    from captum.attr import IntegratedGradients

    attributed = IntegratedGradients(model).attribute(
        inputs,
        baselines=baseline(inputs, values["baseline"], black),
        target=class_index,
        n_steps=values["steps"],
        internal_batch_size=values["batch_size"],
    )
    return attributed[0].sum(dim=0)


def occlusion(
    model: Network,
    inputs: Tensor,
    class_index: int,
    values: Mapping[str, Any],
    black: Tensor,
) -> Tensor:
    """(1, 3, H, W) → (H, W), signed: the logit's mean fall over the windows that cover a pixel.

    A window covers all colours at once, so they share one value and are not summed (arXiv
    1311.2901, section 4.2, in logits instead of probabilities). Raises InvalidInput for a window
    larger than the picture, a stride larger than the window, or more than MAX_WINDOWS windows.
    """
    from captum.attr import Occlusion

    window, stride = values["window"], values["stride"]
    _require_windows(inputs, window, stride)
    channels = inputs.shape[1]
    attributed = Occlusion(model).attribute(
        inputs,
        sliding_window_shapes=(channels, window, window),
        strides=(channels, stride, stride),
        baselines=baseline(inputs, values["baseline"], black),
        target=class_index,
        perturbations_per_eval=values["batch_size"],
    )
    return attributed[0, 0]


def saliency(
    model: Network,
    inputs: Tensor,
    class_index: int,
    values: Mapping[str, Any],
    black: Tensor,
) -> Tensor:
    """(1, 3, H, W) → (H, W): the gradient, averaged over noisy copies, summed over colours.

    Noise as in arXiv 1706.03825: normal, `sigma` times the picture's value range. Signed, or with
    `absolute` the sum of the averaged gradient's absolute values, which is never below zero. Noise
    0 asks for one plain gradient. `black` is not used.
    """
    from captum.attr import Saliency

    samples = values["samples"] if values["sigma"] else 1
    deviation = values["sigma"] * (inputs.max() - inputs.min())
    generator = torch.Generator().manual_seed(NOISE_SEED)
    total = torch.zeros_like(inputs[0])  # (3, H, W)
    for start in range(0, samples, values["batch_size"]):
        count = min(values["batch_size"], samples - start)
        noise = torch.randn((count, *inputs.shape[1:]), generator=generator).to(inputs)
        copies = (inputs + deviation * noise).requires_grad_()
        total += Saliency(model).attribute(copies, target=class_index, abs=False).sum(dim=0)
    mean = total / samples
    return (mean.abs() if values["absolute"] else mean).sum(dim=0)


PIXEL_METHODS: dict[str, PixelMethod] = {
    "integrated-gradients": integrated_gradients,
    "occlusion": occlusion,
    "saliency": saliency,
}


def pixel_map(
    model: Network,
    inputs: Tensor,
    class_index: int,
    method: str,
    values: Mapping[str, Value],
    black: Tensor,
) -> Tensor:
    """The map (H, W) of one input (1, 3, H, W) by a method of PIXEL_METHODS.

    `black` (1, 3, 1, 1) is what a black pixel is after normalisation. Raises InvalidInput where a
    parameter does not suit the picture's size.
    """
    with torch.inference_mode(False), torch.no_grad():
        own = inputs.detach().clone()  # captum marks its input as requiring gradients
        return PIXEL_METHODS[method](model, own, class_index, values, black.to(own))


def shown_inputs(
    inputs: Tensor, method: str, values: Mapping[str, Value], black: Tensor, count: int
) -> Tensor:
    """`count` of the altered pictures that a method shows the network, (count, 3, H, W).

    Evenly spaced in the order shown, and repeated where there are fewer. No network runs.
    """
    shown: list[Tensor] = []

    def colour_means(pictures: Tensor) -> Tensor:
        shown.append(pictures.detach())
        return pictures.mean(dim=(2, 3))

    pixel_map(colour_means, inputs, 0, method, values, black)
    every = torch.cat(shown)
    return every[torch.linspace(0, len(every) - 1, count).long()]


def baseline(inputs: Tensor, kind: str, black: Tensor) -> Tensor:
    """The picture without information, as (1, 3, H, W): "black", "mean" (zero) or "blur"."""
    if kind == "black":
        return black.expand_as(inputs)
    if kind == "mean":
        return torch.zeros_like(inputs)
    from torchvision.transforms.v2.functional import gaussian_blur

    sigma = BLUR_PER_SIDE * min(inputs.shape[-2:])
    return gaussian_blur(inputs, kernel_size=[2 * math.ceil(2 * sigma) + 1] * 2, sigma=[sigma] * 2)


def _require_windows(inputs: Tensor, window: int, stride: int) -> None:
    height, width = inputs.shape[-2:]
    if window > min(height, width):
        raise InvalidInput(
            f"The window must fit in the network's input of {height} × {width} pixels; "
            f"got {window}."
        )
    if stride > window:
        raise InvalidInput(
            f"The stride must not exceed the window of {window} pixels, or parts of the picture "
            f"are never covered; got {stride}."
        )
    count = math.prod(math.ceil((side - window) / stride) + 1 for side in (height, width))
    if count > MAX_WINDOWS:
        raise InvalidInput(
            f"A stride of {stride} pixels makes {count:,} windows, each a pass of the network; "
            f"choose a larger stride, for at most {MAX_WINDOWS:,}."
        )
