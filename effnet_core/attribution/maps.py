"""One door to every method's raw map: for `attribute`, the random-weights reference and scoring.

The maps of a batch of photos are those of each alone, through few passes: in evaluation mode no
photo acts on another, so the gradient of the sum of all logits is each photo's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution import cam
from effnet_core.attribution.parameters import Value
from effnet_core.engines.engine import ForwardPass, Inputs, Passes
from effnet_core.errors import InvalidInput
from effnet_core.images import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

    from effnet_core.network.model import EfficientNet


@dataclass(frozen=True, kw_only=True)
class MapRequest:
    """What kind of map is asked for, whatever the class; checked.

    `stage` is None for input methods. They alone need `values`, every parameter of the method, and
    `black`, a black pixel after normalisation.
    """

    method: str
    stage: int | None
    values: tuple[tuple[str, Value], ...] = ()
    black: tuple[float, ...] = ()

    @property
    def black_pixel(self) -> Tensor:
        """`black` as (1, channels, 1, 1)."""
        import torch

        return torch.tensor(self.black).view(1, -1, 1, 1)


def raw_map(
    passes: Passes,
    inputs: Inputs,
    request: MapRequest,
    class_index: int,
    known: ForwardPass | None = None,
) -> npt.NDArray[np.float32]:
    """The raw map, float32 (h, w), of one input (1, 3, H, W). Raises InvalidInput.

    A `known` pass over this input takes the place of one at the last stage.
    """
    if request.stage is None:
        return _input_map(passes.model, inputs, request, class_index)
    combine = cam.COMBINATIONS[request.method]
    if request.stage == last_stage(passes.spec):
        features = (known or passes.forward(inputs)).features
        weights = passes.class_weights((class_index,))[0]
        return as_array(combine(features, cam.last_gradient(features, weights)))
    (pair,) = passes.gradients(inputs, class_index, (request.stage,))
    return as_array(combine(*pair))


def photo_maps(
    model: EfficientNet, inputs: Tensor, classes: Tensor, request: MapRequest
) -> npt.NDArray[np.float32]:
    """The map (B, h, w) of each of `inputs` (B, 3, H, W) for its own class of `classes` (B,).

    Input methods go photo by photo. Raises InvalidInput.
    """
    if request.stage is None:
        each = zip(inputs.split(1), classes.tolist(), strict=True)
        return np.stack([_input_map(model, one, request, own) for one, own in each])
    pairs = _features_and_gradients(model, inputs, classes, request.stage)
    combine = cam.COMBINATIONS[request.method]
    arrays = (values.float().cpu().numpy() for values in pairs)
    return as_array(np.stack([combine(*pair) for pair in zip(*arrays, strict=True)]))


def raw_maps_of_all_stages(
    passes: Passes, inputs: Inputs, method: str, class_index: int
) -> tuple[npt.NDArray[np.float32], ...]:
    """The raw maps of stages 0…N + 1."""
    combine = cam.COMBINATIONS[method]
    pairs = passes.gradients(inputs, class_index, every_stage(passes.spec))
    return tuple(as_array(combine(*pair)) for pair in pairs)


def every_stage(spec: ArchitectureSpec) -> tuple[int, ...]:
    """0 (stem) … N + 1 (head convolution)."""
    return tuple(range(last_stage(spec) + 1))


def last_stage(spec: ArchitectureSpec) -> int:
    """N + 1, the number of the head convolution."""
    return spec.stage_count + 1


def black(preprocessing: Preprocessing | None) -> tuple[float, ...]:
    """What a black pixel is after normalisation, by channel; None stands for ImageNet's."""
    mean = preprocessing.mean if preprocessing else IMAGENET_MEAN
    std = preprocessing.std if preprocessing else IMAGENET_STD
    return tuple(-m / s for m, s in zip(mean, std, strict=True))


def as_array(values: cam.Array) -> npt.NDArray[np.float32]:
    """A map as a float32 array; raises InvalidInput if a value is not finite."""
    array = values.astype(np.float32)
    if not np.isfinite(array).all():
        raise InvalidInput(
            "The map has values that are not finite: the weights are damaged, or the number format "
            "is too narrow (float32 is the safe choice)."
        )
    return array


def _input_map(
    model: EfficientNet, inputs: Inputs, request: MapRequest, class_index: int
) -> npt.NDArray[np.float32]:
    """The raw map of one input (1, 3, H, W) by a method that has no stages."""
    from effnet_core.attribution.pixels import pixel_map
    from effnet_core.engines.torch import EagerEngine

    given = EagerEngine(model).tensor(inputs)
    values = dict(request.values)
    found = pixel_map(model, given, class_index, request.method, values, request.black_pixel)
    return as_array(found.float().cpu().numpy())


def _features_and_gradients(
    model: EfficientNet, inputs: Tensor, classes: Tensor, stage: int
) -> tuple[Tensor, Tensor]:
    """A stage's feature maps, and each logit's gradient there: each (B, C, h, w)."""
    import torch

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
