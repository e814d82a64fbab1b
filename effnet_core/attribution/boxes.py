"""Boxes in the model's view: where the object is, in the pixels that a map is scored on.

Positions are continuous: pixel (row, column) covers [column, column + 1) × [row, row + 1), and its
centre lies in its middle. No torch here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effnet_core.images import Preprocessing, crop_box


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle; `right` and `bottom` are its edges, not its last pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def coverage(self, size: tuple[int, int]) -> npt.NDArray[np.float64]:
        """What part of each pixel of (height, width) `size` lies in the box, 0 to 1."""
        height, width = size
        rows = _covered(self.top, self.bottom, height)
        columns = _covered(self.left, self.right, width)
        return np.outer(rows, columns)

    def share(self, size: tuple[int, int]) -> float:
        """The box's part of the area of (height, width) `size`."""
        return float(self.coverage(size).mean())

    def distances(self, size: tuple[int, int]) -> npt.NDArray[np.float64]:
        """From the centre of each pixel of (height, width) `size` to the box; 0 inside."""
        rows, columns = (np.arange(count) + 0.5 for count in size)
        below = np.maximum(self.top - rows, rows - self.bottom).clip(min=0)
        beside = np.maximum(self.left - columns, columns - self.right).clip(min=0)
        return np.hypot(below[:, None], beside[None, :])


def view_box(
    pixels: Sequence[int], size: tuple[int, int], preprocessing: Preprocessing
) -> Box | None:
    """A photo's box in the crop × crop pixels of the model's view.

    `pixels` are the first and last pixels (x_min, y_min, x_max, y_max), both inside the box, of a
    photo of (width, height) `size`. What the crop cuts off is cut off; None where nothing is left,
    or where the numbers are no box (an unknown one is all −1).
    """
    x_min, y_min, x_max, y_max = pixels
    if min(pixels) < 0 or x_max < x_min or y_max < y_min:
        return None
    left, top, right, bottom = crop_box(size, preprocessing)
    side = float(preprocessing.crop)
    per_x, per_y = side / (right - left), side / (bottom - top)
    box = Box(
        left=max((x_min - left) * per_x, 0.0),
        top=max((y_min - top) * per_y, 0.0),
        right=min((x_max + 1 - left) * per_x, side),
        bottom=min((y_max + 1 - top) * per_y, side),
    )
    return box if box.left < box.right and box.top < box.bottom else None


def _covered(start: float, end: float, count: int) -> npt.NDArray[np.float64]:
    """What part of each of `count` unit intervals lies in [start, end]."""
    starts = np.arange(count)
    covered = np.minimum(starts + 1, end) - np.maximum(starts, start)
    return covered.clip(min=0)
