"""The public calls: check a request, make the map, time it, weigh it against the reference."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution import cam
from effnet_core.attribution.maps import (
    MapRequest,
    as_array,
    black,
    every_stage,
    last_stage,
    raw_map,
    raw_maps_of_all_stages,
)
from effnet_core.attribution.parameters import Value
from effnet_core.attribution.reference import Reference
from effnet_core.attribution.registry import Method, find_method
from effnet_core.attribution.result import Attribution
from effnet_core.engines.engine import ForwardPass, Inputs, Passes
from effnet_core.errors import InvalidInput
from effnet_core.images import Preprocessing

if TYPE_CHECKING:
    from effnet_core.network.model import EfficientNet

Stage = int | Literal["last"]


def attribute(
    network: EfficientNet | Passes,
    inputs: Inputs,
    *,
    class_index: int,
    method: str = "grad-cam",
    stage: Stage = "last",
    parameters: Iterable[tuple[str, Value]] = (),
    preprocessing: Preprocessing | None = None,
    known: ForwardPass | None = None,
) -> Attribution:
    """Where in one normalised input (1, 3, H, W) the logit of a class comes from.

    `stage` counts as torchvision's features do, "last" is the head convolution; input methods
    know no stage. `preprocessing` says what black is for the "black" baseline (None: ImageNet's
    mean and standard deviation). `network` is a `Predictor` or a torch module, which computes by
    torch; a `known` pass at these inputs takes the place of one at the last stage. A module must
    be in evaluation mode; it is never changed, and any number of threads may share it. Raises
    InvalidInput.
    """
    passes, chosen = _passes(network), find_method(method)
    request = MapRequest(
        method=chosen.id,
        stage=_stage_number(passes.spec, chosen, stage),
        values=chosen.values(parameters),
        black=() if chosen.supports_stages else black(preprocessing),
    )
    (found,) = _made(
        passes,
        inputs,
        [(class_index, request)],
        lambda: (raw_map(passes, inputs, request, class_index, known),),
    )
    return found


def attribute_stages(
    network: EfficientNet | Passes,
    inputs: Inputs,
    *,
    class_index: int,
    method: str = "grad-cam",
) -> tuple[Attribution, ...]:
    """`attribute` at every stage 0…N + 1, by one forward and one backward pass for all.

    `milliseconds` is the time of all stages together. Raises InvalidInput as `attribute` does, and
    for input methods, which know no stages.
    """
    chosen = find_method(method)
    if not chosen.supports_stages:
        raise InvalidInput(f"{chosen.title} works on the input's pixels and has no stages.")
    passes = _passes(network)
    stages = every_stage(passes.spec)
    return _made(
        passes,
        inputs,
        [(class_index, MapRequest(method=chosen.id, stage=each)) for each in stages],
        lambda: raw_maps_of_all_stages(passes, inputs, chosen.id, class_index),
    )


def grad_cam_classes(
    network: EfficientNet | Passes,
    inputs: Inputs,
    class_indices: Iterable[int],
    *,
    known: ForwardPass | None = None,
) -> tuple[Attribution, ...]:
    """Grad-CAM of several classes at the last stage, by one pass without gradients.

    A `known` pass at these inputs takes its place. `milliseconds` is the time of all classes
    together, with the pass if there is one. Raises InvalidInput as `attribute` does.
    """
    passes, classes = _passes(network), tuple(class_indices)
    if not classes:
        return ()
    request = MapRequest(method="grad-cam", stage=last_stage(passes.spec))

    def make() -> npt.NDArray[np.float32]:
        by = known or passes.forward(inputs)
        return as_array(cam.class_maps(by.features, passes.class_weights(classes)))

    return _made(passes, inputs, [(index, request) for index in classes], make)


def _passes(network: EfficientNet | Passes) -> Passes:
    """What computes; raises InvalidInput for a module that trains."""
    if not hasattr(network, "state_dict"):
        return network
    from effnet_core.engines.torch import EagerEngine

    network = cast("EfficientNet", network)
    if network.training:
        raise InvalidInput("Attribution needs the network in evaluation mode: call eval() first.")
    return EagerEngine(network)


def _made(
    passes: Passes,
    inputs: Inputs,
    asked: Sequence[tuple[int, MapRequest]],
    make: Callable[[], Iterable[npt.NDArray[np.float32]]],
) -> tuple[Attribution, ...]:
    """What `make` gives for each class and request, once they are checked, with its time.

    A map on the CPU waits for the device by itself.
    """
    for class_index, _ in asked:
        _check_class(passes.spec, class_index)
    size = _checked_size(passes.spec, inputs)
    start = time.perf_counter()
    maps = make()
    milliseconds = 1000 * (time.perf_counter() - start)
    return tuple(
        Attribution(
            method=request.method,
            stage=request.stage,
            at_last=request.stage == last_stage(passes.spec),
            class_index=class_index,
            raw=raw,
            reference=Reference(passes.spec, request, size, passes.device),
            milliseconds=milliseconds,
        )
        for (class_index, request), raw in zip(asked, maps, strict=True)
    )


def _checked_size(spec: ArchitectureSpec, inputs: Inputs) -> tuple[int, int]:
    """The input's (H, W), once it is one picture."""
    shape = tuple(inputs.shape)
    if len(shape) != 4 or shape[:2] != (1, spec.in_channels) or 0 in shape:
        raise InvalidInput(
            f"Attribution takes one picture, of shape (1, {spec.in_channels}, height, width); "
            f"got {shape}."
        )
    return shape[2], shape[3]


def _check_class(spec: ArchitectureSpec, class_index: int) -> None:
    count = spec.num_classes
    if isinstance(class_index, bool) or not (
        isinstance(class_index, int) and 0 <= class_index < count
    ):
        raise InvalidInput(
            f"The class must be a whole number from 0 to {count - 1}; got {class_index!r:.40}."
        )


def _stage_number(spec: ArchitectureSpec, method: Method, stage: Stage) -> int | None:
    last = last_stage(spec)
    if not method.supports_stages:
        if stage == "last":
            return None
        raise InvalidInput(
            f"{method.title} works on the input's pixels, so no stage can be chosen for it."
        )
    if stage == "last":
        return last
    if isinstance(stage, bool) or not (isinstance(stage, int) and 0 <= stage <= last):
        raise InvalidInput(
            f'The stage must be "last" or a whole number from 0 (stem) to {last} '
            f"(head convolution); got {stage!r:.40}."
        )
    return stage
