"""Which bundled models make the paper's Figure 7: one network, and four ways to scale it up.

The duel holds those four networks, of one cost each, and the family the network that all four grew
from. Without all five there is no figure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from effnet_core.errors import CheckpointError
from effnet_core.weights.bundled import BundledModel, bundled_models

STRATEGIES = ("depth", "width", "resolution", "compound")
_TITLES = {
    "baseline": "Baseline",
    "depth": "Deeper",
    "width": "Wider",
    "resolution": "Higher resolution",
    "compound": "Compound",
}


@dataclass(frozen=True)
class Panel:
    """One network of the figure. `strategy` is "baseline" or one of `STRATEGIES`."""

    strategy: str
    model: BundledModel

    @property
    def title(self) -> str:
        """What the paper's figure calls it, such as "Deeper"."""
        return _TITLES[self.strategy]


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What a run's record says of a bundled model's place."""

    model: BundledModel
    group: str
    strategy: str
    phi: float | None
    base_phi: float | None
    seed: int


def scaling_figure(models: Iterable[BundledModel] | None = None) -> tuple[Panel, ...]:
    """The five networks in the paper's order, of `models` or of those bundled; () without all five.

    All have the same classes. Of several seeds the smallest is taken, and of several duels the one
    with the smallest φ at its base. Raises CheckpointError for a record that cannot be read.
    """
    known = bundled_models() if models is None else models
    runs = sorted((_run(model) for model in known), key=lambda run: run.seed)
    bases = {run.base_phi for run in runs if run.group == "duel" and run.base_phi is not None}
    figures = (_figure(runs, base) for base in sorted(bases))
    return next((figure for figure in figures if figure), ())


def _figure(runs: list[_Run], base_phi: float) -> tuple[Panel, ...]:
    """The figure of the duel from `base_phi`, of runs sorted by seed; () where one is missing."""
    found = {"baseline": _first(runs, "family", "compound", phi=base_phi)}
    for strategy in STRATEGIES:
        found[strategy] = _first(runs, "duel", strategy, base_phi=base_phi)
    panels = tuple(Panel(name, run.model) for name, run in found.items() if run is not None)
    one_list = len({panel.model.classes for panel in panels}) == 1
    return panels if len(panels) == len(found) and one_list else ()


def _first(
    runs: list[_Run],
    group: str,
    strategy: str,
    *,
    phi: float | None = None,
    base_phi: float | None = None,
) -> _Run | None:
    for run in runs:
        if (run.group, run.strategy, run.base_phi) == (group, strategy, base_phi) and (
            phi is None or run.phi == phi
        ):
            return run
    return None


@lru_cache(maxsize=64)
def _run(model: BundledModel) -> _Run:
    try:
        record: dict[str, Any] = json.loads(model.record.read_text(encoding="utf-8"))
        return _Run(
            model=model,
            group=record["group"],
            strategy=record["strategy"],
            phi=record["phi"],
            base_phi=record["base_phi"],
            seed=int(record["seed"]),
        )
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise CheckpointError(
            f"The record of {model.id} cannot be read ({error}); install the project again."
        ) from None
