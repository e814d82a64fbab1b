"""ROAD: what the class loses when a map's pixels are removed and cannot be guessed from their gaps.

Rong et al. 2022, A Consistent and Efficient Evaluation Strategy for Attribution Methods (arXiv
2202.00449, section 4): pixels that are set to a colour leave their outline behind, which a network
can read. Here each removed pixel becomes the weighted mean of its eight neighbours (1/6 beside,
1/12 across, over those that the picture has), all at once by a linear system, and gets a little
noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effnet_core.attribution.metrics import enlarged

PARTS = (0.1, 0.3, 0.5)
"""The parts of the picture that are removed; the paper goes on to 0.9, where systems are large."""
NOISE = 0.01
"""Standard deviation of the noise, in units of the normalised picture."""
SEED = 0

_NEIGHBOURS = {
    (row, column): 1 / 6 if 0 in (row, column) else 1 / 12
    for row in (-1, 0, 1)
    for column in (-1, 0, 1)
    if (row, column) != (0, 0)
}

Pictures = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Road:
    """The class's probability without each of `parts`: the strongest pixels, or the weakest."""

    parts: tuple[float, ...]
    strongest_removed: tuple[float, ...]
    weakest_removed: tuple[float, ...]

    @property
    def score(self) -> float:
        """Above 0 if the strong pixels matter more: the mean of (weakest − strongest) / 2.

        The halving is that of pytorch-grad-cam's `ROADCombined`.
        """
        return float(np.mean(self.weakest_removed) - np.mean(self.strongest_removed)) / 2


def road(
    values: npt.NDArray[np.floating],
    picture: Pictures,
    probability: Callable[[Pictures], npt.NDArray[np.floating]],
    parts: tuple[float, ...] = PARTS,
) -> Road:
    """Score a map (h, w) on a normalised picture (3, H, W); `probability` takes (N, 3, H, W).

    Pixels at the border of a part are removed as pytorch-grad-cam does: all from that quantile on.
    """
    large = enlarged(values, (picture.shape[1], picture.shape[2]))
    kept = [ranked < np.quantile(ranked, 1 - part) for ranked in (large, -large) for part in parts]
    answers = probability(np.stack([imputed(picture, each) for each in kept])).tolist()
    return Road(parts, tuple(answers[: len(parts)]), tuple(answers[len(parts) :]))


def imputed(picture: Pictures, kept: npt.NDArray[np.bool_], *, noise: float = NOISE) -> Pictures:
    """The picture (3, H, W) with the pixels that are not `kept` (H, W) filled from the others.

    Where nothing is kept there is nothing to fill from: zeros, the training set's mean colour.
    """
    from scipy.sparse.linalg import splu

    missing = np.argwhere(~kept)  # (n, 2)
    if not kept.any():
        return np.zeros_like(picture)
    if not len(missing):
        return picture
    matrix, known = _system(picture, kept, missing)
    options = {"SymmetricMode": True}  # a symmetric matrix whose diagonal outweighs the rest
    solved = splu(matrix, "MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options).solve(known)
    generator = np.random.default_rng(SEED)
    found = picture.copy()
    found[:, ~kept] = solved.T + noise * generator.standard_normal(solved.T.shape)
    return found


def _system(
    picture: Pictures, kept: npt.NDArray[np.bool_], missing: npt.NDArray[np.int64]
) -> tuple[object, npt.NDArray[np.float64]]:
    """The system's sparse matrix (n, n) and right-hand sides (n, 3) for the `missing` pixels."""
    from scipy.sparse import csc_matrix

    count = len(missing)
    unknown = np.full(kept.shape, -1)
    unknown[~kept] = np.arange(count)
    number = np.pad(unknown, 1, constant_values=-1)
    inside = np.pad(np.ones_like(kept), 1)
    values = np.pad(picture, ((0, 0), (1, 1), (1, 1)))
    diagonal, known = np.zeros(count), np.zeros((count, len(picture)))
    entries = []
    for offset, weight in _NEIGHBOURS.items():
        rows, columns = (missing + 1 + offset).T
        there, other = inside[rows, columns], number[rows, columns]
        diagonal += weight * there
        given, open_ = there & (other < 0), np.flatnonzero(other >= 0)
        known[given] += weight * values[:, rows[given], columns[given]].T
        entries.append((np.full(len(open_), -weight), open_, other[open_]))
    entries.append((diagonal, np.arange(count), np.arange(count)))
    data, rows, columns = (np.concatenate(each) for each in zip(*entries, strict=True))
    return csc_matrix((data, (rows, columns)), shape=(count, count)), known
