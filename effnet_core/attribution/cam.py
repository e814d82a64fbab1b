"""Class activation maps at any stage, without hooks: Grad-CAM, Grad-CAM++ and Layer-CAM.

With A_k the feature maps of a stage, S the class's logit and g_k = ∂S/∂A_k:

    Grad-CAM    Σ_k mean(g_k) · A_k                            arXiv 1610.02391, eq. 1 and 2
    Grad-CAM++  Σ_k (Σ α_k · max(g_k, 0)) · A_k                arXiv 1710.11063
    Layer-CAM   Σ_k max(g_k, 0) · A_k, position by position    arXiv 2106.14279

All three papers end with max(·, 0). Here the raw map keeps its sign, as captum's
`LayerGradCam(relu_attributions=False)` does; what is drawn decides what to show of it.

The prefix runs without gradients, the feature map is detached, and the suffix alone is
differentiated by that feature map: parameters get no `.grad`, nothing is switched or hooked, and
one model serves any number of threads. Sums over channels are in float64.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from effnet_core.model import EfficientNet

Combination = Callable[[Tensor, Tensor], Tensor]


def grad_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Feature maps and gradient, each (C, h, w) → the Grad-CAM map (h, w) in float64."""
    weights = gradient.double().mean(dim=(1, 2))  # (C,)
    return torch.einsum("c,chw->hw", weights, features.double())


def grad_cam_plus_plus(features: Tensor, gradient: Tensor) -> Tensor:
    """Feature maps and gradient, each (C, h, w) → the Grad-CAM++ map (h, w) in float64.

    The closed form of α assumes the score to be exp(S), as the paper does: higher derivatives are
    then powers of g, and α = g² / (2g² + ΣA · g³) = 1 / (2 + ΣA · g). exp(S) itself, a factor
    common to the whole map, is left out. Only g > 0 counts. The paper's feature maps are ReLU
    outputs; these dip below zero, where the denominator could vanish, so ΣA is the sum of the
    positive values, which is the same wherever the paper's assumption holds.
    """
    positive = gradient.double().clamp(min=0)
    total = features.double().clamp(min=0).sum(dim=(1, 2), keepdim=True)  # (C, 1, 1)
    weights = (positive / (2 + total * positive)).sum(dim=(1, 2))  # (C,)
    return torch.einsum("c,chw->hw", weights, features.double())


def layer_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Feature maps and gradient, each (C, h, w) → the Layer-CAM map (h, w) in float64."""
    return (gradient.double().clamp(min=0) * features.double()).sum(dim=0)


COMBINATIONS: dict[str, Combination] = {
    "grad-cam": grad_cam,
    "grad-cam-plus-plus": grad_cam_plus_plus,
    "layer-cam": layer_cam,
}


def features_and_gradient(
    model: EfficientNet, inputs: Tensor, class_index: int, stage: int
) -> tuple[Tensor, Tensor]:
    """A stage's feature maps for one input (1, 3, H, W), and the logit's gradient, each (C, h, w).

    At the last stage the gradient is known without differentiating: pooling and a linear layer
    follow, so it is the class's weight divided by the number of positions, the same at all.
    """
    with torch.inference_mode(False), torch.no_grad():
        features = model.prefix(inputs, stage)
        if stage == model.last_stage:
            positions = features.shape[-2] * features.shape[-1]
            weights = model.classifier.weight[class_index] / positions
            return features[0], weights[:, None, None].expand_as(features[0])
        features.requires_grad_()
        with torch.enable_grad():
            logit = model.suffix(features, stage)[0, class_index]
        (gradient,) = torch.autograd.grad(logit, features)
        return features.detach()[0], gradient[0]


def features_and_gradients(
    model: EfficientNet, inputs: Tensor, class_index: int
) -> tuple[tuple[Tensor, Tensor], ...]:
    """`features_and_gradient` of every stage 0…N + 1 by one forward and one backward pass."""
    with torch.inference_mode(False), torch.enable_grad():
        maps = model.feature_maps(inputs.clone().requires_grad_())
        logit = model.forward_head(maps[-1])[0, class_index]
        gradients = torch.autograd.grad(logit, maps)
    return tuple(
        (features.detach()[0], gradient[0])
        for features, gradient in zip(maps, gradients, strict=True)
    )


def last_stage_maps(model: EfficientNet, inputs: Tensor, class_indices: tuple[int, ...]) -> Tensor:
    """Grad-CAM of several classes at the last stage, (classes, h, w) in float64, by one pass."""
    with torch.inference_mode(False), torch.no_grad():
        features = model.prefix(inputs, model.last_stage)[0]
        weights = model.classifier.weight[list(class_indices)].double()  # (classes, C)
        positions = features.shape[-2] * features.shape[-1]
        return torch.einsum("nc,chw->nhw", weights / positions, features.double())
