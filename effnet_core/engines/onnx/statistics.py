"""Batch-norm statistics of layers that were drawn anew, measured on one picture, without torch."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.onnx.graph import Layer, Writer
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import Tensors

_NORM = "norm.running_var"


def with_statistics(
    spec: ArchitectureSpec, tensors: Tensors, drawn: Collection[str], pictures: npt.NDArray
) -> dict[str, npt.NDArray[np.float32]]:
    """The tensors, with each batch-norm named in `drawn` reset and set to what it is shown.

    `drawn` holds names of tensors; where a batch-norm's are among them, its scale becomes 1, its
    shift 0, and its mean and variance those of its input when `pictures` (1, 3, R, R), normalised,
    pass: what torch computes in training mode with momentum 1. Other layers stay as they are.
    """
    found = dict(tensors)
    places = [name.removesuffix(f".{_NORM}") for name in drawn if name.endswith(_NORM)]
    for place in places:
        like = tensors[f"{place}.norm.weight"]
        # The writer folds 1 / √(variance + ε) into the convolution: nothing, for this variance.
        reset = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1 - spec.bn_eps}
        found |= {f"{place}.norm.{name}": np.full_like(like, v) for name, v in reset.items()}
    if places:
        measuring = _Measuring(spec, found, places)
        measuring.stages()
        answers = OnnxSession(measuring.file(measuring.outputs), optimised=True).run(pictures)
        for name, values in zip(measuring.outputs.values(), answers, strict=True):
            found[name] = values.ravel()
    return found


class _Measuring(Writer):
    """Normalises what convolutions at `places` give by its own mean and variance, and tells both.

    `outputs` are the nodes that give them, by the tensor that each is.
    """

    def __init__(self, spec: ArchitectureSpec, tensors: Tensors, places: Collection[str]) -> None:
        super().__init__(spec, tensors)
        self._places = frozenset(places)
        self.outputs: dict[str, str] = {}

    def _conv_norm(self, x: str, place: str, **shape: Any) -> Layer:
        layer = super()._conv_norm(x, place, **shape)
        if place not in self._places:
            return layer
        mean = self._node("GlobalAveragePool", layer.output)  # (1, C, 1, 1)
        centred = self._node("Sub", layer.output, mean)
        variance = self._node("GlobalAveragePool", self._node("Mul", centred, centred))
        self.outputs |= {
            mean: f"{place}.norm.running_mean",
            variance: f"{place}.norm.running_var",
        }
        eps = self._constant("eps", np.float32(self.spec.bn_eps))
        deviation = self._node("Sqrt", self._node("Add", variance, eps))
        return layer._replace(output=self._node("Div", centred, deviation))
