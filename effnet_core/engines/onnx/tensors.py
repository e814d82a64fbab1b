"""A network's tensors as numpy arrays, by the names of `EfficientNet.state_dict()`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.architecture.walk import Step, walk

Tensors = Mapping[str, npt.NDArray[np.float32]]

Shape = tuple[int, ...]

_NORM = ("weight", "bias", "running_mean", "running_var")


def random_tensors(spec: ArchitectureSpec, seed: int) -> dict[str, npt.NDArray[np.float32]]:
    """Every tensor that a graph of `spec` needs, drawn without torch; equal for equal seeds.

    Weights are normal with variance 1 / fan-in. Scales and variances of batch-norm lie in
    [0.5, 1.5], other vectors in [-0.5, 0.5], so that no tensor is an identity and activations
    neither explode nor come near subnormal numbers, which would cost time.
    """
    generator = np.random.default_rng(seed)
    return {name: _draw(generator, name, shape) for name, shape in _shapes(spec)}


def _draw(generator: np.random.Generator, name: str, shape: Shape) -> npt.NDArray[np.float32]:
    if len(shape) == 1:
        positive = name.endswith(("norm.weight", "norm.running_var"))
        values = generator.random(shape, dtype=np.float32)
        return values + np.float32(0.5 if positive else -0.5)
    values = generator.standard_normal(shape, dtype=np.float32)
    return values * np.float32(1 / math.sqrt(math.prod(shape[1:])))


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
    elif step.kind == "squeeze_excite":
        yield from _biased(f"{step.role}.reduce", (step.squeezed, step.inputs, 1, 1))
        yield from _biased(f"{step.role}.expand", (step.outputs, step.squeezed, 1, 1))
    elif step.kind == "linear":
        yield from _biased(step.role, (step.outputs, step.inputs))


def _biased(place: str, weight: Shape) -> Iterator[tuple[str, Shape]]:
    yield f"{place}.weight", weight
    yield f"{place}.bias", weight[:1]
