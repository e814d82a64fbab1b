"""How fast training was where it was measured, for the price of a search. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from effnet_core.results.trained import MeasuredRun, measured_runs
from effnet_core.search.space import SearchSpace


@dataclass(frozen=True)
class Speed:
    """Forward multiply-adds of the photos trained on in a second, and on which device."""

    mult_adds_per_second: float
    device: str


def measured_speed(space: SearchSpace) -> Speed | None:
    """The speed of the bundled run whose cost is nearest to the search's; None without runs."""

    def distance(run: MeasuredRun) -> float:
        ratio = run.cost.mult_adds / space.mult_adds
        return max(ratio, 1 / ratio)

    nearest = min(measured_runs(), key=distance, default=None)
    if nearest is None:
        return None
    return Speed(nearest.photos_per_second * nearest.cost.mult_adds, nearest.device)
