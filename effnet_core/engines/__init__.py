"""What computes an answer: `Predictor`, on ONNX Runtime, CUDA graphs, or torch's eager mode.

`engines.onnx` imports without torch; `Predictor` is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from effnet_core.engines.predictor import Prediction, Predictor

__all__ = ["Prediction", "Predictor"]


def __getattr__(name: str) -> object:
    """Load what needs torch on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from effnet_core.engines import predictor

    return getattr(predictor, name)
