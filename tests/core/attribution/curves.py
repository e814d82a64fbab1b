"""Insertion and deletion of one map, one after another; scoring puts them into one batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from effnet_core.attribution.metrics import Curve, curve, exchanged

Floats = npt.NDArray[np.floating]
Pictures = npt.NDArray[np.float32]
Confidence = Callable[[Pictures], npt.NDArray[np.float64]]


def insertion(
    values: Floats, picture: Pictures, blurred: Pictures, confidence: Confidence, *, steps: int
) -> Curve:
    """The probability as the strongest pixels of the map come into focus."""
    between = exchanged(values, blurred, picture, steps)
    return curve(confidence(np.stack([blurred, *between, picture])).tolist(), picture.shape[1:])


def deletion(values: Floats, picture: Pictures, confidence: Confidence, *, steps: int) -> Curve:
    """The probability as the strongest pixels of the map turn grey."""
    grey = np.zeros_like(picture)
    between = exchanged(values, picture, grey, steps)
    return curve(confidence(np.stack([picture, *between, grey])).tolist(), picture.shape[1:])
