"""A network's tensors as numpy arrays, by the names of `EfficientNet.state_dict()`."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.weights.tensor_shapes import Shape, tensor_shapes

Tensors = Mapping[str, npt.NDArray[np.float32]]


def random_tensors(spec: ArchitectureSpec, seed: int) -> dict[str, npt.NDArray[np.float32]]:
    """Every tensor that a graph of `spec` needs, drawn without torch; equal for equal seeds.

    Weights are normal with variance 1 / fan-in. Scales and variances of batch-norm lie in
    [0.5, 1.5], other vectors in [-0.5, 0.5], so that no tensor is an identity and activations
    neither explode nor come near subnormal numbers, which would cost time.
    """
    generator = np.random.default_rng(seed)
    shapes = tensor_shapes(spec).items()
    return {name: _draw(generator, name, shape) for name, shape in shapes if shape}


def _draw(generator: np.random.Generator, name: str, shape: Shape) -> npt.NDArray[np.float32]:
    if len(shape) == 1:
        positive = name.endswith(("norm.weight", "norm.running_var"))
        values = generator.random(shape, dtype=np.float32)
        return values + np.float32(0.5 if positive else -0.5)
    values = generator.standard_normal(shape, dtype=np.float32)
    return values * np.float32(1 / math.sqrt(math.prod(shape[1:])))
