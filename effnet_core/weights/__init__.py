"""Weights: what is published, what is on this disk, and how a file becomes a network.

No torch until a file of PyTorch's is read or a network is made; `DEFAULT` is the id of those that
answer where nothing is asked for.

`catalog` and `find` know the published sets, `WeightsStore` keeps files that are checked on every
read, `resolve_weights` turns a name or a file into `LoadedWeights`, and `instantiate` makes the
network. `load_checkpoint` and `save_checkpoint` read and write files directly, and `understand`
says what a file is taken for.
"""

from __future__ import annotations

from effnet_core.weights.checkpoints import (
    LoadedWeights,
    instantiate,
    load_checkpoint,
    save_checkpoint,
    understand,
)
from effnet_core.weights.convert import convert, detect_style
from effnet_core.weights.packaged import DEFAULT
from effnet_core.weights.published import WeightsEntry, catalog, find
from effnet_core.weights.resolve import resolve_weights
from effnet_core.weights.store import WeightsStore
from effnet_core.weights.stored import StoredWeights

__all__ = [
    "DEFAULT",
    "LoadedWeights",
    "StoredWeights",
    "WeightsEntry",
    "WeightsStore",
    "catalog",
    "convert",
    "detect_style",
    "find",
    "instantiate",
    "load_checkpoint",
    "resolve_weights",
    "save_checkpoint",
    "understand",
]
