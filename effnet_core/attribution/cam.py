"""Class activation maps at any stage, without hooks: Grad-CAM, Grad-CAM++ and Layer-CAM.

With A_k the feature maps of a stage, S the class's logit and g_k = ∂S/∂A_k:

    Grad-CAM    Σ_k mean(g_k) · A_k                            arXiv 1610.02391, eq. 1 and 2
    Grad-CAM++  Σ_k (Σ α_k · max(g_k, 0)) · A_k                arXiv 1710.11063
    Layer-CAM   Σ_k max(g_k, 0) · A_k, position by position    arXiv 2106.14279

Grad-CAM++ is here twice, as published and with another α (see `grad_cam_plus_plus`). All three
papers end with max(·, 0). Here the raw map keeps its sign, as captum's
`LayerGradCam(relu_attributions=False)` does; what is drawn decides what to show of it.

Here is the arithmetic alone; an engine (`engines`) gives feature maps and gradients. Sums over
channels are in float64, and numpy's BLAS gets one thread: several go on spinning for tens of
milliseconds, and ONNX Runtime's next pass takes twice as long (B4: 108 instead of 57 ms).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

Array = npt.NDArray[np.floating]
Combination = Callable[[Array, Array], npt.NDArray[np.float64]]


def grad_cam(features: Array, gradient: Array) -> npt.NDArray[np.float64]:
    """Feature maps and gradient, each (C, h, w) → the Grad-CAM map (h, w) in float64."""
    return _weighted(gradient.mean(axis=(1, 2), dtype=np.float64), features)


def grad_cam_plus_plus(features: Array, gradient: Array) -> npt.NDArray[np.float64]:
    """Feature maps and gradient, each (C, h, w) → the Grad-CAM++ map (h, w) in float64.

    The closed form of α assumes the score to be exp(S), as the paper does: higher derivatives are
    then powers of g, and α = g² / (2g² + ΣA · g³) = 1 / (2 + ΣA · g). exp(S) itself, a factor
    common to the whole map, is left out. Only g > 0 counts. The paper's feature maps are ReLU
    outputs; these dip below zero, where the denominator could vanish, so ΣA is the sum of the
    positive values, which is the same wherever the paper's assumption holds.
    """
    positive = np.maximum(gradient, 0, dtype=np.float64)
    total = np.maximum(features, 0).sum(axis=(1, 2), keepdims=True, dtype=np.float64)  # (C, 1, 1)
    return _weighted((positive / (2 + total * positive)).sum(axis=(1, 2)), features)


def grad_cam_plus_plus_published(features: Array, gradient: Array) -> npt.NDArray[np.float64]:
    """As `grad_cam_plus_plus`, with the paper's own ΣA (its eq. 19), which may be negative here.

    α is then without bound where ΣA · g nears −2, and below 0 beyond; where it has no value it is
    taken as 0. pytorch-grad-cam adds 1e-6 to the denominator, which decides the map where g² is
    less; torchcam 0.5.0 divides a copy, and weighs by Σ max(g, 0)³.
    """
    positive = np.maximum(gradient, 0, dtype=np.float64)
    total = features.sum(axis=(1, 2), keepdims=True, dtype=np.float64)  # (C, 1, 1)
    below = 2 + total * positive
    alpha = np.divide(1.0, below, out=np.zeros_like(below), where=below != 0)
    return _weighted((alpha * positive).sum(axis=(1, 2)), features)


def layer_cam(features: Array, gradient: Array) -> npt.NDArray[np.float64]:
    """Feature maps and gradient, each (C, h, w) → the Layer-CAM map (h, w) in float64."""
    found: npt.NDArray[np.float64] = np.einsum(
        "chw,chw->hw", np.maximum(gradient, 0, dtype=np.float64), features.astype(np.float64)
    )
    return found


COMBINATIONS: dict[str, Combination] = {
    "grad-cam": grad_cam,
    "grad-cam-plus-plus": grad_cam_plus_plus,
    "grad-cam-plus-plus-published": grad_cam_plus_plus_published,
    "layer-cam": layer_cam,
}


def class_maps(features: Array, weights: Array) -> npt.NDArray[np.float64]:
    """Grad-CAM at the last stage: feature maps (C, h, w), class weights (n, C) → (n, h, w).

    Pooling and a linear layer follow, so each class's gradient is its weight divided by the number
    of positions, the same at all: no differentiating, and one product of matrices for all classes.
    """
    channels, height, width = features.shape
    flat = features.reshape(channels, -1).astype(np.float64) / (height * width)
    with _blas().limit(limits=1, user_api="blas"):
        maps: npt.NDArray[np.float64] = weights.astype(np.float64) @ flat
    return maps.reshape(-1, height, width)


def last_gradient(features: Array, weights: Array) -> Array:
    """The gradient (C, h, w) that class weights (C,) make at the last feature maps (C, h, w)."""
    positions = features.shape[-2] * features.shape[-1]
    return np.broadcast_to((weights / positions)[:, None, None], features.shape)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _weighted(weights: npt.NDArray[np.float64], features: Array) -> npt.NDArray[np.float64]:
    """Σ_k weights_k · features_k, (h, w)."""
    found: npt.NDArray[np.float64] = np.einsum("c,chw->hw", weights, features.astype(np.float64))
    return found
