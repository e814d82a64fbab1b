"""What a first answer would wait for, made beforehand: copies, graphs and yardsticks of weights."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import numpy as np

from effnet_core.attribution import attribute
from effnet_core.engines.onnx.cache import GraphCache
from effnet_core.engines.predictor import Predictor
from effnet_core.weights.store import Item, WeightsStore

_MAKING = "effnet_core.service.making"
_SECONDS = 300


def prepare(store: WeightsStore, item: Item, *, yardstick: bool = True) -> None:
    """Make and keep what answers of these weights need, if they are on this disk.

    That is a copy that needs no torch, ONNX Runtime's graph, and, with `yardstick`, the range that
    says whether a last map is weak. What is kept already costs a look. Raises what `Source.load`
    raises.
    """
    loaded = store.source(item).load()
    predictor = Predictor(loaded, device="cpu", graphs=GraphCache(store.root / "graphs"))
    predictor.warm_up()
    if yardstick:
        side = loaded.preprocessing.crop
        blank = np.zeros((1, loaded.spec.in_channels, side, side), np.float32)
        attribute(predictor, blank, class_index=0).reference_range  # noqa: B018 - it is then kept


def prepare_apart(store: WeightsStore, identity: str) -> None:
    """Let a process of its own make copy and graph, so that this one stays small.

    Whatever it cannot make is made here, by whoever needs it.
    """
    # -P: nothing is imported from the folder that someone happens to be in.
    command = [sys.executable, "-P", "-m", _MAKING, str(store.root), identity]
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, check=False, capture_output=True, timeout=_SECONDS)
