"""Maps that know nothing of the photo, which a map must beat. No torch here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

GAUSSIAN_PER_SIDE = 0.25
"""Standard deviation of the centre Gaussian as a part of the side."""


def random_map(grid: tuple[int, int], generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Values uniform in [0, 1) on a (height, width) `grid`; enlarged as any other map is."""
    return generator.random(grid, dtype=np.float32)


def centre_gaussian(size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """A Gaussian around the middle of (height, width) `size`, a quarter of each side wide.

    Photographers put things in the middle (79 % of Tiny-ImageNet's validation boxes contain the
    photo's centre), so this map says where objects usually are, whatever the photo.
    """
    rows, columns = (
        np.exp(-0.5 * (((np.arange(count) + 0.5) / count - 0.5) / GAUSSIAN_PER_SIDE) ** 2)
        for count in size
    )
    return np.outer(rows, columns).astype(np.float32)
