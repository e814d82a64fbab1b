"""What a first answer would wait for, made beforehand: copies, graphs and yardsticks of weights."""

from __future__ import annotations

import numpy as np

from effnet_core.attribution import attribute
from effnet_core.engines.onnx.cache import GraphCache
from effnet_core.engines.predictor import Predictor
from effnet_core.weights.store import Item, WeightsStore


def prepare(store: WeightsStore, item: Item) -> None:
    """Make and keep what answers of these weights need, if they are on this disk.

    That is a copy that needs no torch, ONNX Runtime's graph, and the range that says whether a last
    map is weak. What is kept already costs a look. Raises what `Source.load` raises.
    """
    loaded = store.source(item).load()
    predictor = Predictor(loaded, device="cpu", graphs=GraphCache(store.root / "graphs"))
    predictor.warm_up()
    side = loaded.preprocessing.crop
    blank = np.zeros((1, loaded.spec.in_channels, side, side), np.float32)
    attribute(predictor, blank, class_index=0).reference_range  # noqa: B018 - asked for, it is kept
