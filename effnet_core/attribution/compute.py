"""The public calls: check a request, make the map, time it, weigh it against the reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from effnet_core.attribution import cam
from effnet_core.attribution.maps import (
    MapRequest,
    Passes,
    as_array,
    class_weights,
    every_stage,
    raw_map,
    raw_maps_of_all_stages,
)
from effnet_core.attribution.parameters import Value
from effnet_core.attribution.reference import reference_range
from effnet_core.attribution.registry import Method, find_method
from effnet_core.attribution.result import Attribution
from effnet_core.engines.engine import Look
from effnet_core.engines.torch import EagerEngine
from effnet_core.errors import InvalidInput
from effnet_core.images import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from effnet_core.network.model import EfficientNet

Stage = int | Literal["last"]
T = TypeVar("T")


def attribute(
    model: EfficientNet,
    inputs: Tensor,
    *,
    class_index: int,
    method: str = "grad-cam",
    stage: Stage = "last",
    parameters: Iterable[tuple[str, Value]] = (),
    preprocessing: Preprocessing | None = None,
    passes: Passes | None = None,
) -> Attribution:
    """Where in one normalised input (1, 3, H, W) the logit of a class comes from.

    `stage` counts as torchvision's features do, "last" is the head convolution; input methods
    know no stage. `preprocessing` says what black is for the "black" baseline (None: ImageNet's
    mean and standard deviation). `passes` computes what stage methods need, such as the model's
    `Predictor` (None: torch). The model must be in evaluation mode; it is never changed, and any
    number of threads may share it. Raises InvalidInput.
    """
    chosen = find_method(method)
    request = MapRequest(
        method=chosen.id,
        class_index=_checked_class(model, class_index),
        stage=_stage_number(model, chosen, stage),
        values=chosen.values(parameters),
        black=() if chosen.supports_stages else _black(preprocessing),
    )
    size = _checked_size(model, inputs)
    chosen_passes = passes or EagerEngine(model)
    raw, milliseconds = _timed(lambda: raw_map(model, chosen_passes, inputs, request))
    return _attribution(
        request,
        raw,
        partial(reference_range, model.spec, request, size, inputs.device),
        milliseconds,
    )


def attribute_stages(
    model: EfficientNet,
    inputs: Tensor,
    *,
    class_index: int,
    method: str = "grad-cam",
    passes: Passes | None = None,
) -> tuple[Attribution, ...]:
    """`attribute` at every stage 0…N + 1, by one forward and one backward pass for all.

    `milliseconds` is the time of all stages together. Raises InvalidInput as `attribute` does, and
    for input methods, which know no stages.
    """
    chosen = find_method(method)
    if not chosen.supports_stages:
        raise InvalidInput(f"{chosen.title} works on the input's pixels and has no stages.")
    requests = tuple(
        MapRequest(method=chosen.id, class_index=_checked_class(model, class_index), stage=stage)
        for stage in every_stage(model)
    )
    size = _checked_size(model, inputs)
    chosen_passes = passes or EagerEngine(model)
    maps, milliseconds = _timed(
        lambda: raw_maps_of_all_stages(model, chosen_passes, inputs, requests[0])
    )
    return tuple(
        _attribution(
            request,
            raw,
            partial(reference_range, model.spec, request, size, inputs.device),
            milliseconds,
        )
        for request, raw in zip(requests, maps, strict=True)
    )


def grad_cam_classes(
    model: EfficientNet,
    inputs: Tensor,
    class_indices: Iterable[int],
    *,
    passes: Passes | None = None,
    look: Look | None = None,
) -> tuple[Attribution, ...]:
    """Grad-CAM of several classes at the last stage, by one pass without gradients.

    A given `look` at these inputs takes the pass's place. `milliseconds` is the time of all classes
    together, with the pass if there is one. Raises InvalidInput as `attribute` does.
    """
    classes = tuple(_checked_class(model, index) for index in class_indices)
    if not classes:
        return ()
    size = _checked_size(model, inputs)
    request = MapRequest(method="grad-cam", class_index=classes[0], stage=model.last_stage)

    def make() -> npt.NDArray[np.float32]:
        seen = look or (passes or EagerEngine(model)).look(inputs)
        return as_array(cam.class_maps(seen.features, class_weights(model, classes)))

    maps, milliseconds = _timed(make)
    reference = partial(reference_range, model.spec, request, size, inputs.device)
    return tuple(
        Attribution(
            method=request.method,
            stage=request.stage,
            class_index=index,
            raw=raw,
            reference=reference,
            milliseconds=milliseconds,
        )
        for index, raw in zip(classes, maps, strict=True)
    )


def _timed(make: Callable[[], T]) -> tuple[T, float]:
    """What `make` returns and its milliseconds; a map on the CPU waits for the device by itself."""
    start = time.perf_counter()
    made = make()
    return made, 1000 * (time.perf_counter() - start)


def _attribution(
    request: MapRequest,
    raw: npt.NDArray[np.float32],
    reference: Callable[[], float],
    milliseconds: float,
) -> Attribution:
    return Attribution(
        method=request.method,
        stage=request.stage,
        class_index=request.class_index,
        raw=raw,
        reference=reference,
        milliseconds=milliseconds,
    )


def _checked_size(model: EfficientNet, inputs: Tensor) -> tuple[int, int]:
    """The input's (H, W), once it is one picture and the model is in evaluation mode."""
    channels = model.spec.in_channels
    if inputs.dim() != 4 or tuple(inputs.shape[:2]) != (1, channels) or 0 in inputs.shape:
        raise InvalidInput(
            f"Attribution takes one picture, a tensor of shape (1, {channels}, height, width); "
            f"got {tuple(inputs.shape)}."
        )
    if model.training:
        raise InvalidInput("Attribution needs the network in evaluation mode: call eval() first.")
    height, width = inputs.shape[-2:]
    return height, width


def _checked_class(model: EfficientNet, class_index: int) -> int:
    count = model.spec.num_classes
    if isinstance(class_index, bool) or not (
        isinstance(class_index, int) and 0 <= class_index < count
    ):
        raise InvalidInput(
            f"The class must be a whole number from 0 to {count - 1}; got {class_index!r:.40}."
        )
    return class_index


def _stage_number(model: EfficientNet, method: Method, stage: Stage) -> int | None:
    if not method.supports_stages:
        if stage == "last":
            return None
        raise InvalidInput(
            f"{method.title} works on the input's pixels, so no stage can be chosen for it."
        )
    if stage == "last":
        return model.last_stage
    if isinstance(stage, bool) or not (isinstance(stage, int) and 0 <= stage <= model.last_stage):
        raise InvalidInput(
            f'The stage must be "last" or a whole number from 0 (stem) to {model.last_stage} '
            f"(head convolution); got {stage!r:.40}."
        )
    return stage


def _black(preprocessing: Preprocessing | None) -> tuple[float, ...]:
    """What a black pixel is after normalisation, by channel."""
    mean = preprocessing.mean if preprocessing else IMAGENET_MEAN
    std = preprocessing.std if preprocessing else IMAGENET_STD
    return tuple(-m / s for m, s in zip(mean, std, strict=True))
