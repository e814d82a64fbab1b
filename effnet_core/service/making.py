"""A process of its own: the graph of one set of weights, made for a caller that stays small."""

from __future__ import annotations

import sys

from effnet_core.service.preparing import prepare
from effnet_core.weights.store import WeightsStore

if __name__ == "__main__":
    prepare(WeightsStore(sys.argv[1]), sys.argv[2], yardstick=False)
