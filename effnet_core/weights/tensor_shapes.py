"""Name and shape of every tensor of a network, as `EfficientNet.state_dict()` has them; no torch.

A fold over the walk.
"""

from __future__ import annotations

from collections.abc import Iterator

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.architecture.walk import Step, walk

Shape = tuple[int, ...]

COUNTER = "num_batches_tracked"
"""Batch-norm's counter of batches, a whole number that evaluation never reads."""
_NORM = ("weight", "bias", "running_mean", "running_var")


def tensor_shapes(spec: ArchitectureSpec) -> dict[str, Shape]:
    """Name → shape of every tensor, in the network's order."""
    return dict(_shapes(spec))


def _shapes(spec: ArchitectureSpec) -> Iterator[tuple[str, Shape]]:
    for part in walk(spec, spec.resolution):
        for step in part.steps:
            for name, shape in _of_step(step):
                yield part.prefix + name, shape


def _of_step(step: Step) -> Iterator[tuple[str, Shape]]:
    """Tensors of a step, by their names inside its part."""
    if step.kind == "convolution":
        weight = (step.outputs, step.fan_in, step.kernel, step.kernel)
        yield f"{step.role}.conv.weight", weight
        for name in _NORM:
            yield f"{step.role}.norm.{name}", weight[:1]
        yield f"{step.role}.norm.{COUNTER}", ()
    elif step.kind == "squeeze_excite":
        yield from _biased(f"{step.role}.reduce", (step.squeezed, step.inputs, 1, 1))
        yield from _biased(f"{step.role}.expand", (step.outputs, step.squeezed, 1, 1))
    elif step.kind == "linear":
        yield from _biased(step.role, (step.outputs, step.inputs))


def _biased(place: str, weight: Shape) -> Iterator[tuple[str, Shape]]:
    yield f"{place}.weight", weight
    yield f"{place}.bias", weight[:1]
