"""Raw maps of many photos through few passes, where the method allows it.

The batched maps are `attribute`'s own: the same combinations of `cam`, photo by photo, of feature
maps and gradients that one pass made for all. In evaluation mode no photo acts on another, so the
gradient of the sum of all logits is each photo's own.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from effnet_core.attribution import cam
from effnet_core.attribution.compute import attribute
from effnet_core.attribution.maps import as_array
from effnet_core.attribution.parameters import Value
from effnet_core.images import Preprocessing
from effnet_core.network.model import EfficientNet


def photo_maps(
    model: EfficientNet,
    inputs: Tensor,
    classes: Tensor,
    *,
    method: str,
    stage: int | None,
    parameters: Iterable[tuple[str, Value]] = (),
    preprocessing: Preprocessing | None = None,
) -> npt.NDArray[np.float32]:
    """The map (B, h, w) of each of `inputs` (B, 3, H, W) for its own class of `classes` (B,).

    `stage` is a number for methods with stages and None for the others, which alone read
    `parameters` and `preprocessing` and go photo by photo. Raises InvalidInput as `attribute` does.
    """
    if stage is not None:
        pairs = _features_and_gradients(model, inputs, classes, stage)
        combine = cam.COMBINATIONS[method]
        arrays = (values.float().cpu().numpy() for values in pairs)
        return as_array(np.stack([combine(*pair) for pair in zip(*arrays, strict=True)]))
    chosen = tuple(parameters)
    maps = [
        attribute(
            model,
            inputs[place : place + 1],
            class_index=class_index,
            method=method,
            parameters=chosen,
            preprocessing=preprocessing,
        ).raw
        for place, class_index in enumerate(classes.tolist())
    ]
    return np.stack(maps)


def _features_and_gradients(
    model: EfficientNet, inputs: Tensor, classes: Tensor, stage: int
) -> tuple[Tensor, Tensor]:
    """A stage's feature maps, and each logit's gradient there: each (B, C, h, w)."""
    with torch.inference_mode(False), torch.no_grad():
        features = model.prefix(inputs, stage)
        if stage == model.last_stage:
            positions = features.shape[-2] * features.shape[-1]
            weights = model.classifier.weight[classes] / positions  # (B, C)
            return features, weights[:, :, None, None].expand_as(features)
        features.requires_grad_()
        with torch.enable_grad():
            logits = model.suffix(features, stage)
            total = logits.gather(1, classes[:, None]).sum()
        (gradient,) = torch.autograd.grad(total, features)
        return features.detach(), gradient
