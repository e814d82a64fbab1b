"""Insertion and deletion of a map beside maps that know nothing: random ones, a centre Gaussian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effnet_core.attribution import metrics
from effnet_core.attribution.controls import centre_gaussian, random_map

RANDOM_MAPS = 10
STEPS = 6
"""Equal parts of the picture that are exchanged one after another.

Half as many as where maps are scored (`metrics.STEPS`): all twelve maps go by the same steps. With
Lite0 on 40 photos the map beat all random maps, and the Gaussian, on the same photos by 6 steps as
by 12 but for one, and no outcome differed; by 4 steps 4 outcomes did.
"""
SEED = 0

Pictures = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating]
Probability = Callable[[Pictures], Floats]
"""Normalised pictures (N, 3, H, W) → the probability (N,) of one class."""


@dataclass(frozen=True)
class Exchange:
    """A map's insertion and deletion curves; see `metrics.exchanged`."""

    inserted: metrics.Curve
    deleted: metrics.Curve

    @property
    def insertion(self) -> float:
        """The area under the insertion curve, 0 to 1; more is better."""
        return self.inserted.area

    @property
    def deletion(self) -> float:
        """The area under the deletion curve, 0 to 1; less is better."""
        return self.deleted.area

    @property
    def gap(self) -> float:
        """Insertion minus deletion, from −1 to 1: both in one number; more is better."""
        return self.insertion - self.deletion


@dataclass(frozen=True, kw_only=True)
class Contest:
    """A map's curves and those of its rivals on the same picture, for the same class."""

    own: Exchange
    random: tuple[Exchange, ...]
    gaussian: Exchange

    @property
    def beaten(self) -> int:
        """How many random maps have a smaller gap."""
        return sum(rival.gap < self.own.gap for rival in self.random)


def contest(
    values: Floats,
    picture: Pictures,
    probability: Probability,
    *,
    steps: int = STEPS,
    random_maps: int = RANDOM_MAPS,
) -> Contest:
    """Insertion and deletion of a map (h, w), random maps on its grid and the centre Gaussian.

    `picture` is the network's input, normalised (3, H, W).
    """
    height, width = values.shape
    generator = np.random.default_rng(SEED)
    size = (picture.shape[1], picture.shape[2])
    blurred, grey = metrics.blurred(picture), np.zeros_like(picture)
    at_blurred, whole, at_grey = probability(np.stack([blurred, picture, grey])).tolist()

    def exchange(rival: Floats) -> Exchange:
        appearing = metrics.exchanged(rival, blurred, picture, steps)
        fading = metrics.exchanged(rival, picture, grey, steps)
        answers = probability(np.concatenate([appearing, fading])).tolist()
        inserted, deleted = answers[: len(appearing)], answers[len(appearing) :]
        return Exchange(
            metrics.curve([at_blurred, *inserted, whole], size),
            metrics.curve([whole, *deleted, at_grey], size),
        )

    return Contest(
        own=exchange(values),
        random=tuple(exchange(random_map((height, width), generator)) for _ in range(random_maps)),
        gaussian=exchange(centre_gaussian(size)),
    )
