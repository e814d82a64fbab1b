"""A process of its own: the copy of one set of weights, made by torch for a caller without it."""

from __future__ import annotations

import sys

import torch  # noqa: F401 - so that `prepared` makes the copy here

from effnet_core.weights.store import WeightsStore

if __name__ == "__main__":
    WeightsStore(sys.argv[1]).source(sys.argv[2]).load()
