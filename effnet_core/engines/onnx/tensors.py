"""A network's tensors as numpy arrays, by the names of `EfficientNet.state_dict()`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec

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
    yield from _conv_norm("stem", (spec.stem_channels, spec.in_channels, 3, 3))
    for block in spec.blocks:
        yield from _block(f"stages.{block.stage}.{block.index}", block)
    yield from _conv_norm("head", (spec.head_channels, spec.blocks[-1].out_channels, 1, 1))
    yield "classifier.weight", (spec.num_classes, spec.head_channels)
    yield "classifier.bias", (spec.num_classes,)


def _block(place: str, block: BlockSpec) -> Iterator[tuple[str, Shape]]:
    inside, outside, kernel = block.in_channels, block.out_channels, block.kernel
    expanded = block.expanded_channels
    if block.operator == "fused_mbconv":
        first = expanded if block.expands else outside
        yield from _conv_norm(f"{place}.fused", (first, inside, kernel, kernel))
        if block.expands:
            yield from _conv_norm(f"{place}.project", (outside, expanded, 1, 1))
        return
    if block.expands:
        yield from _conv_norm(f"{place}.expand", (expanded, inside, 1, 1))
    yield from _conv_norm(f"{place}.depthwise", (expanded, 1, kernel, kernel))
    if squeezed := block.squeeze_channels:
        yield f"{place}.squeeze_excite.reduce.weight", (squeezed, expanded, 1, 1)
        yield f"{place}.squeeze_excite.reduce.bias", (squeezed,)
        yield f"{place}.squeeze_excite.expand.weight", (expanded, squeezed, 1, 1)
        yield f"{place}.squeeze_excite.expand.bias", (expanded,)
    yield from _conv_norm(f"{place}.project", (outside, expanded, 1, 1))


def _conv_norm(place: str, weight: Shape) -> Iterator[tuple[str, Shape]]:
    yield f"{place}.conv.weight", weight
    for name in _NORM:
        yield f"{place}.norm.{name}", weight[:1]
