"""What scoring maps gives: one row for each map and each control. No torch here."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from effnet_core.files import Amount, Number, Text, Whole

Target = Literal["label", "predicted"]
CONTROLS = RANDOM_MAP, CENTRE_GAUSSIAN = "random map", "centre Gaussian"
"""The subjects that know nothing of the photo."""


METRICS = {
    "pointing": "Pointing game",
    "energy": "Energy inside the box",
    "insertion": "Insertion",
    "deletion": "Deletion",
    "average_drop": "Average drop",
    "increase": "Increase in confidence",
}
"""The fields of `MapScores` that are metrics, with their names for people; see `metrics`."""


@dataclass(frozen=True)
class Estimate:
    """A mean over photos and its standard error s/√n; None from a single photo."""

    mean: Number
    standard_error: Amount | None

    @property
    def percent(self) -> str:
        """In per cent: "43.3 ± 2.1"."""
        error = "" if self.standard_error is None else f" ± {100 * self.standard_error:.1f}"
        return f"{100 * self.mean:.1f}{error}"

    @staticmethod
    def of(values: Sequence[float]) -> Estimate:
        """From one value a photo; s has n − 1 degrees of freedom."""
        count = len(values)
        mean = math.fsum(values) / count
        if count == 1:
            return Estimate(mean, None)
        squares = math.fsum((value - mean) ** 2 for value in values)
        return Estimate(mean, math.sqrt(squares / (count - 1) / count))


@dataclass(frozen=True, kw_only=True)
class MapScores:
    """How the maps of one subject score on photos with boxes; all metrics are fractions.

    `subject` is an attribution method's id or a control ("random map", "centre Gaussian"). `stage`
    is where the method's map was made, or whose grid the random map has; None for maps at the
    input. `grid` is the map's (height, width) before enlarging. `target` says whose map it is and
    whose probability is followed: the photo's true class ("label") or the model's own first
    ("predicted"). `pointing` … `increase` are those of `metrics`, insertion and deletion as areas
    with `steps`. Equal on every row, to read them by: `box_share`, the boxes' part of the view,
    which is what an even map gets for pointing and energy, and `confidence`, the target's
    probability on the whole photos. `seconds` is the time for this row's maps and scores.
    """

    subject: Text
    stage: Whole | None
    grid: tuple[Whole, Whole]
    photos: Whole
    target: Target
    steps: Whole
    pointing: Estimate
    energy: Estimate
    insertion: Estimate
    deletion: Estimate
    average_drop: Estimate
    increase: Estimate
    box_share: Estimate
    confidence: Estimate
    seconds: Amount

    @property
    def control(self) -> bool:
        """Whether it knows nothing of the photo."""
        return self.subject in CONTROLS

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; each estimate as {"mean": …, "standard_error": …}."""
        return {**dataclasses.asdict(self), "grid": list(self.grid)}
