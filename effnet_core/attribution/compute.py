"""The public calls: check a request, make the map, time it, weigh it against the reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from effnet_core.attribution import cam
from effnet_core.attribution.maps import (
    MapRequest,
    as_array,
    black,
    class_weights,
    every_stage,
    raw_map,
    raw_maps_of_all_stages,
)
from effnet_core.attribution.parameters import Value
from effnet_core.attribution.reference import reference_range
from effnet_core.attribution.registry import Method, find_method
from effnet_core.attribution.result import Attribution
from effnet_core.engines.engine import ForwardPass, Passes
from effnet_core.engines.torch import EagerEngine
from effnet_core.errors import InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.network.model import EfficientNet

Stage = int | Literal["last"]


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
    known: ForwardPass | None = None,
) -> Attribution:
    """Where in one normalised input (1, 3, H, W) the logit of a class comes from.

    `stage` counts as torchvision's features do, "last" is the head convolution; input methods
    know no stage. `preprocessing` says what black is for the "black" baseline (None: ImageNet's
    mean and standard deviation). `passes` computes what stage methods need, such as the model's
    `Predictor` (None: torch); a `known` pass at these inputs takes the place of one at the last
    stage. The model must be in evaluation mode; it is never changed, and any number of threads may
    share it. Raises InvalidInput.
    """
    chosen = find_method(method)
    request = MapRequest(
        method=chosen.id,
        stage=_stage_number(model, chosen, stage),
        values=chosen.values(parameters),
        black=() if chosen.supports_stages else black(preprocessing),
    )
    used = passes or EagerEngine(model)
    (found,) = _made(
        model,
        inputs,
        [(class_index, request)],
        lambda: (raw_map(model, used, inputs, request, class_index, known),),
    )
    return found


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
    used = passes or EagerEngine(model)
    return _made(
        model,
        inputs,
        [(class_index, MapRequest(method=chosen.id, stage=each)) for each in every_stage(model)],
        lambda: raw_maps_of_all_stages(model, used, inputs, chosen.id, class_index),
    )


def grad_cam_classes(
    model: EfficientNet,
    inputs: Tensor,
    class_indices: Iterable[int],
    *,
    passes: Passes | None = None,
    known: ForwardPass | None = None,
) -> tuple[Attribution, ...]:
    """Grad-CAM of several classes at the last stage, by one pass without gradients.

    A `known` pass at these inputs takes its place. `milliseconds` is the time of all classes
    together, with the pass if there is one. Raises InvalidInput as `attribute` does.
    """
    classes = tuple(class_indices)
    if not classes:
        return ()
    request = MapRequest(method="grad-cam", stage=model.last_stage)

    def make() -> npt.NDArray[np.float32]:
        by = known or (passes or EagerEngine(model)).forward(inputs)
        return as_array(cam.class_maps(by.features, class_weights(model, classes)))

    return _made(model, inputs, [(index, request) for index in classes], make)


def _made(
    model: EfficientNet,
    inputs: Tensor,
    asked: Sequence[tuple[int, MapRequest]],
    make: Callable[[], Iterable[npt.NDArray[np.float32]]],
) -> tuple[Attribution, ...]:
    """What `make` gives for each class and request, once they are checked, with its time.

    A map on the CPU waits for the device by itself.
    """
    for class_index, _ in asked:
        _check_class(model, class_index)
    size = _checked_size(model, inputs)
    start = time.perf_counter()
    maps = make()
    milliseconds = 1000 * (time.perf_counter() - start)
    return tuple(
        Attribution(
            method=request.method,
            stage=request.stage,
            class_index=class_index,
            raw=raw,
            reference=partial(reference_range, model.spec, request, size, inputs.device),
            milliseconds=milliseconds,
        )
        for (class_index, request), raw in zip(asked, maps, strict=True)
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


def _check_class(model: EfficientNet, class_index: int) -> None:
    count = model.spec.num_classes
    if isinstance(class_index, bool) or not (
        isinstance(class_index, int) and 0 <= class_index < count
    ):
        raise InvalidInput(
            f"The class must be a whole number from 0 to {count - 1}; got {class_index!r:.40}."
        )


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
