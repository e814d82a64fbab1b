"""How alike two maps are, also those of networks that see another crop of the picture.

No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 56
"""Points along each side of the picture's part that two views share, at which maps are compared."""

Floats = npt.NDArray[np.floating]
View = tuple[float, float, float, float]
"""What a network saw: left, top, right and bottom in pixels of the whole picture."""


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """`overlap` from 0 to 1, and Spearman's `rank_correlation` from −1 to 1."""

    overlap: float
    rank_correlation: float


def likeness(first: Floats, second: Floats, *views: View) -> Likeness:
    """Compare two maps (h, w) of any grids where both of their `views` of one picture lie.

    Each is enlarged bilinearly, as it is drawn, to SIDE × SIDE points of that part.
    """
    shared = _shared(*views)
    one, other = (
        on_part(values, view, shared) for values, view in zip((first, second), views, strict=True)
    )
    return Likeness(overlap=overlap(one, other), rank_correlation=rank_correlation(one, other))


def on_part(values: Floats, view: View, part: View, side: int = SIDE) -> Floats:
    """A map (h, w) of a `view` at side × side points of a `part` of it, bilinearly."""
    left, top, right, bottom = view
    height, width = values.shape
    per_x, per_y = width / (right - left), height / (bottom - top)
    box = (
        max(0.0, (part[0] - left) * per_x),
        max(0.0, (part[1] - top) * per_y),
        min(float(width), (part[2] - left) * per_x),
        min(float(height), (part[3] - top) * per_y),
    )
    image = Image.fromarray(np.asarray(values, dtype=np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, box=box))


def overlap(first: Floats, second: Floats) -> float:
    """Σ min(p, q), from 0 (nowhere both) to 1 (the same): how much two maps mark together.

    p and q are the positive parts, what speaks for the class, each divided by its sum, so that the
    networks' own scales do not count: the intersection of Swain & Ballard 1991, "Color Indexing"
    (eq. 1), over places. 0 where a map has nothing positive.
    """
    parts = [values.astype(np.float64).clip(min=0) for values in (first, second)]
    sums = [float(values.sum()) for values in parts]
    if not all(sums):
        return 0.0
    return float(np.minimum(parts[0] / sums[0], parts[1] / sums[1]).sum())


def rank_correlation(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> float:
    """Spearman's ρ of two maps of one shape, from −1 to 1; equal values share their mean rank.

    0 where a map has one value throughout and so no order.
    """
    ranks = [_ranks(values.ravel()) for values in (first, second)]
    centred = [values - values.mean() for values in ranks]
    sizes = [float((values**2).sum()) for values in centred]
    if not all(sizes):
        return 0.0
    return float((centred[0] * centred[1]).sum() / np.sqrt(sizes[0] * sizes[1]))


def _ranks(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: npt.NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _shared(first: View, second: View) -> View:
    return (
        max(first[0], second[0]),
        max(first[1], second[1]),
        min(first[2], second[2]),
        min(first[3], second[3]),
    )
