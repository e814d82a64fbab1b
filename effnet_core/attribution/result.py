"""What an attribution is, whichever method made it. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

WEAK_FRACTION = 0.05
"""A map is weak when its range is below this part of the random-weights network's range."""


class Yardstick(Protocol):
    """What measures `Attribution.reference_range`; see `attribution.reference`."""

    @property
    def is_known(self) -> bool:
        """Whether it has been measured on this machine, so that asking costs nothing."""

    def __call__(self) -> float:
        """The range; raises DoesNotFit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """Where one class's logit comes from, according to one method.

    `raw` is the map as computed: float32 (height, width), signed, neither clipped nor scaled, at
    the size of the feature map (stage methods) or of the input (input methods). `stage` is
    torchvision's features index, None for input methods; `at_last` tells that it is the last
    feature map. `reference` gives `reference_range` when it is first asked for, since the map does
    not wait for that. `milliseconds` goes from the input
    tensor to the map.
    """

    method: str
    stage: int | None
    class_index: int
    raw: npt.NDArray[np.float32]
    reference: Yardstick = field(repr=False)
    milliseconds: float
    at_last: bool = False

    def __post_init__(self) -> None:
        self.raw.setflags(write=False)

    @property
    def reference_range(self) -> float:
        """The range of the same method's map on the same architecture with random weights.

        See the module `reference`. The first to ask waits for passes of that network; raises
        DoesNotFit if it finds no room.
        """
        return self.reference()

    @property
    def low(self) -> float:
        """Smallest value of the raw map."""
        return float(self.raw.min())

    @property
    def high(self) -> float:
        """Largest value of the raw map."""
        return float(self.raw.max())

    @property
    def range(self) -> float:
        """`high` − `low`."""
        return self.high - self.low

    @property
    def grid(self) -> tuple[int, int]:
        """(height, width) of the raw map."""
        height, width = self.raw.shape
        return height, width

    @property
    def weak(self) -> bool:
        """Whether the range is under 5 % of `reference_range`."""
        return self.is_weak_beside(self.reference_range)

    def is_weak_beside(self, reference_range: float) -> bool:
        """The same, for a `reference_range` that is known."""
        return self.range < WEAK_FRACTION * reference_range
