"""Where the free search looks: the values of depth, width and resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.rounding import PIXEL_DIVISOR
from effnet_core.architecture.scaling import validate_resolution
from effnet_core.cost.budget.answers import Candidate
from effnet_core.errors import InvalidInput

Floats: TypeAlias = npt.NDArray[np.float64]
Sides: TypeAlias = npt.NDArray[np.int64]

_RATIO_MIN, _RATIO_MAX = 0.05, 10.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Where the free search looks, ends included: depth and width as ratios, resolution in pixels.

    The defaults hold every network of the paper's rule from φ = −6 to 10. Raises InvalidInput for
    ends that are no ratios from 0.05 to 10, no usable resolutions, or in the wrong order.
    """

    depth: tuple[float, float] = (0.25, 6.25)
    width: tuple[float, float] = (0.25, 2.75)
    resolution: tuple[int, int] = (32, 1024)

    def __post_init__(self) -> None:
        for axis, (low, high) in (("Depth", self.depth), ("Width", self.width)):
            if not _RATIO_MIN <= low <= high <= _RATIO_MAX:
                raise InvalidInput(
                    f"{axis} is searched between two ratios from {_RATIO_MIN:g} to {_RATIO_MAX:g}, "
                    f"the smaller first; got {low:g} and {high:g}."
                )
        low, high = (validate_resolution(pixels) for pixels in self.resolution)
        if low > high:
            raise InvalidInput(f"Resolution is searched from small to large; got {low} and {high}.")

    def hold(self, network: Candidate) -> bool:
        """Whether a network lies within, on all three axes."""
        spans = (self.depth, self.width, self.resolution)
        at = (network.depth, network.width, network.resolution)
        return all(low <= value <= high for value, (low, high) in zip(at, spans, strict=True))


def ratios(ends: tuple[float, float], step: float) -> Floats:
    """The multiples of `step` between two ratios, ends included; raises InvalidInput if none."""
    parts = round(1 / step)
    first, last = math.ceil(round(ends[0] * parts, 6)), math.floor(round(ends[1] * parts, 6))
    return _some(np.arange(first, last + 1), f"{step:g}") / parts


def multiples(ends: tuple[int, int]) -> Sides:
    """The multiples of 8 between two resolutions, ends included; raises InvalidInput if none."""
    first, last = -(-ends[0] // PIXEL_DIVISOR), ends[1] // PIXEL_DIVISOR
    return _some(np.arange(first, last + 1), f"{PIXEL_DIVISOR}") * PIXEL_DIVISOR


def _some(values: Sides, step: str) -> Sides:
    if not len(values):
        raise InvalidInput(f"A range that is searched holds no multiple of {step}; widen it.")
    return values
