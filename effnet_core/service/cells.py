"""Cells and channels of a model that is held: what made them, and what they give a class."""

from __future__ import annotations

import numpy as np

from effnet_core.attribution.arithmetic import cell_arithmetic, contributions, find_part
from effnet_core.attribution.cam import Array
from effnet_core.attribution.cell import Cell, CellArithmetic
from effnet_core.attribution.maps import every_stage
from effnet_core.engines.onnx.parts import PartMaps, part_maps
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.engines.prediction import Prediction
from effnet_core.engines.predictor import Predictor
from effnet_core.images import to_input
from effnet_core.service.recent import Key, RecentMaps
from effnet_core.service.requests import Channels


class Cells:
    """Answers about cells; keeps the feature maps of the last pictures, never a model.

    Whoever asks holds the model's lane. The numbers are those of float32 on the CPU, whatever
    device answers otherwise.
    """

    def __init__(self) -> None:
        self._maps = RecentMaps()

    def cell(
        self, predictor: Predictor, prediction: Prediction, key: Key, cell: Cell
    ) -> CellArithmetic:
        """How one cell of the picture that was classified came about; raises InvalidInput."""
        find_part(predictor.spec, cell.stage, cell.block)  # before a pass is taken
        tensors = _tensors(predictor)
        maps = self._maps.get(key) or self._made(predictor, prediction, key, tensors)
        return cell_arithmetic(predictor.spec, tensors, maps, cell)

    def channels(
        self, predictor: Predictor, prediction: Prediction, class_index: int
    ) -> tuple[Channels, ...]:
        """The channels of every stage, the stem's first, by one pass forward and back."""
        inputs, stages = predictor.inputs(prediction.pixels), every_stage(predictor.spec)
        pairs = predictor.gradients(inputs, class_index, stages)
        return tuple(_channels(*pair) for pair in pairs)

    def forget(self, model: str) -> None:
        """Let go of the feature maps that this model made."""
        self._maps.forget(model)

    def clear(self) -> None:
        """Let go of all feature maps."""
        self._maps.clear()

    def _made(
        self, predictor: Predictor, prediction: Prediction, key: Key, tensors: Tensors
    ) -> PartMaps:
        inputs = to_input(prediction.pixels, predictor.preprocessing)[np.newaxis]
        maps = part_maps(predictor.spec, tensors, inputs)
        self._maps.put(key, maps)
        return maps


def _channels(features: Array, gradient: Array) -> Channels:
    given = contributions(features, gradient)
    order = tuple((-given).argsort(kind="stable").tolist())
    return Channels(side=features.shape[-1], given=given, order=order)


def _tensors(predictor: Predictor) -> Tensors:
    """The model's tensors; in float32 they are its own memory."""
    every = predictor.tensors.items()
    return {name: values.astype(np.float32, copy=False) for name, values in every}
