"""What an attribution is, whichever method made it. No torch here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WEAK_FRACTION = 0.05
"""A map is weak when its range is below this part of the random-weights network's range."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """Where one class's logit comes from, according to one method.

    `raw` is the map as computed: float32 (height, width), signed, neither clipped nor scaled, at
    the size of the feature map (stage methods) or of the input (input methods). `stage` is
    torchvision's features index, None for input methods. `reference_range` is the range of the
    same method's map on the same architecture with random weights (see `reference`).
    `milliseconds` goes from the input tensor to the map; the reference is not counted.
    """

    method: str
    stage: int | None
    class_index: int
    raw: npt.NDArray[np.float32]
    reference_range: float
    milliseconds: float

    def __post_init__(self) -> None:
        self.raw.setflags(write=False)

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
        """Whether the range is under 5 % of that of the same network with random weights."""
        return self.range < WEAK_FRACTION * self.reference_range
