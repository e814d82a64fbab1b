"""What computes an answer: `Predictor`, on ONNX Runtime, CUDA graphs, or torch's eager mode.

It imports without torch, and NumPy only when something is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from effnet_core.engines.prediction import Prediction
    from effnet_core.engines.predictor import Predictor

__all__ = ["Prediction", "Predictor"]


def __getattr__(name: str) -> object:
    """Load what works on arrays on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from effnet_core.engines import prediction, predictor

    return getattr(predictor if name == "Predictor" else prediction, name)
