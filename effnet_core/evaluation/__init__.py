"""How right a network is on labelled photos (`evaluate`), and where it looks (`evaluate_maps`)."""

from __future__ import annotations

from effnet_core.evaluation.accuracy import evaluate
from effnet_core.evaluation.maps import evaluate_maps
from effnet_core.evaluation.result import Evaluation

__all__ = [
    "Evaluation",
    "evaluate",
    "evaluate_maps",
]
