"""Insertion and deletion of a map beside maps that know nothing: random ones, a centre Gaussian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effnet_core.attribution import metrics
from effnet_core.attribution.controls import centre_gaussian, random_map

RANDOM_MAPS = 10
SEED = 0

Pictures = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating]
Probability = Callable[[Pictures], Floats]
"""Normalised pictures (N, 3, H, W) → the probability (N,) of one class."""


@dataclass(frozen=True)
class Areas:
    """The areas under a map's insertion and deletion curves; see `metrics.exchanged`."""

    insertion: float
    deletion: float

    @property
    def gap(self) -> float:
        """Insertion minus deletion, from −1 to 1: both in one number; more is better."""
        return self.insertion - self.deletion


@dataclass(frozen=True, kw_only=True)
class Contest:
    """A map's areas and those of its rivals on the same picture, for the same class."""

    own: Areas
    random: tuple[Areas, ...]
    gaussian: Areas

    @property
    def beaten(self) -> int:
        """How many random maps have a smaller gap."""
        return sum(rival.gap < self.own.gap for rival in self.random)


def contest(values: Floats, picture: Pictures, probability: Probability) -> Contest:
    """Insertion and deletion of a map (h, w), random maps on its grid and the centre Gaussian.

    `picture` is the network's input, normalised (3, H, W).
    """
    height, width = values.shape
    generator = np.random.default_rng(SEED)
    size = (picture.shape[1], picture.shape[2])
    blurred, grey = metrics.blurred(picture), np.zeros_like(picture)
    ends = probability(np.stack([blurred, picture, grey])).tolist()

    def areas(rival: Floats) -> Areas:
        appearing = metrics.exchanged(rival, blurred, picture)
        fading = metrics.exchanged(rival, picture, grey)
        answers = probability(np.concatenate([appearing, fading])).tolist()
        inserted, deleted = answers[: len(appearing)], answers[len(appearing) :]
        at_blurred, whole, at_grey = ends
        return Areas(
            metrics.curve([at_blurred, *inserted, whole], size).area,
            metrics.curve([whole, *deleted, at_grey], size).area,
        )

    return Contest(
        own=areas(values),
        random=tuple(areas(random_map((height, width), generator)) for _ in range(RANDOM_MAPS)),
        gaussian=areas(centre_gaussian(size)),
    )
