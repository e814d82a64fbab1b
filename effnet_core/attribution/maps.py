"""One door to every method's raw map, for `attribute` and for the random-weights reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from effnet_core.attribution import cam, pixels
from effnet_core.attribution.parameters import Value
from effnet_core.errors import InvalidInput
from effnet_core.model import EfficientNet


@dataclass(frozen=True, kw_only=True)
class MapRequest:
    """What a map is asked for with, checked.

    `stage` is None for input methods. They alone need `values`, every parameter of the method, and
    `black`, a black pixel after normalisation.
    """

    method: str
    class_index: int
    stage: int | None
    values: tuple[tuple[str, Value], ...] = ()
    black: tuple[float, ...] = ()

    @property
    def black_pixel(self) -> Tensor:
        """`black` as (1, channels, 1, 1)."""
        return torch.tensor(self.black).view(1, -1, 1, 1)


def raw_map(model: EfficientNet, inputs: Tensor, request: MapRequest) -> npt.NDArray[np.float32]:
    """The raw map, float32 (h, w), of one input (1, 3, H, W). Raises InvalidInput."""
    if request.stage is None:
        values = dict(request.values)
        return as_array(
            pixels.pixel_map(
                model, inputs, request.class_index, request.method, values, request.black_pixel
            )
        )
    pair = cam.features_and_gradient(model, inputs, request.class_index, request.stage)
    return as_array(cam.COMBINATIONS[request.method](*pair))


def raw_maps_of_all_stages(
    model: EfficientNet, inputs: Tensor, request: MapRequest
) -> tuple[npt.NDArray[np.float32], ...]:
    """The raw maps of stages 0…N + 1 by one forward and one backward pass; no stage is read."""
    combine = cam.COMBINATIONS[request.method]
    pairs = cam.features_and_gradients(model, inputs, request.class_index)
    return tuple(as_array(combine(*pair)) for pair in pairs)


def as_array(values: Tensor) -> npt.NDArray[np.float32]:
    """A map as a float32 array; raises InvalidInput if a value is not finite."""
    array = values.to("cpu", torch.float32).numpy()
    if not np.isfinite(array).all():
        raise InvalidInput(
            "The map has values that are not finite: the weights are damaged, or the number format "
            "is too narrow (float32 is the safe choice)."
        )
    return array
