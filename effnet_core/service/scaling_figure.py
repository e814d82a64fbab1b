"""Which bundled models make the paper's Figure 7: one network, and four ways to scale it up.

The duel holds those four networks, of one cost each, and the family the network that all four grew
from. Without all five there is no figure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from effnet_core.errors import CheckpointError
from effnet_core.files import Number, Whole, conform, read_json
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
class _Place:
    """What a run's record says of its network's place."""

    group: str
    strategy: str
    phi: Number | None
    base_phi: Number | None
    seed: Whole

    def holds(self, strategy: str, base_phi: float) -> bool:
        """Whether it is that of `strategy` in the figure of the duel from `base_phi`."""
        if strategy == "baseline":
            family = (self.group, self.strategy, self.base_phi) == ("family", "compound", None)
            return family and self.phi == base_phi
        return (self.group, self.strategy, self.base_phi) == ("duel", strategy, base_phi)


def scaling_figure(models: Iterable[BundledModel] | None = None) -> tuple[Panel, ...]:
    """The five networks in the paper's order, of `models` or of those bundled; () without all five.

    All have the same classes. Of several seeds the smallest is taken, and of several duels the one
    with the smallest φ at its base. Raises CheckpointError for a record that cannot be read.
    """
    known = bundled_models() if models is None else models
    runs = sorted(((_place(model), model) for model in known), key=lambda run: run[0].seed)
    duels = {p.base_phi for p, _ in runs if p.group == "duel" and p.base_phi is not None}
    figures = (_figure(runs, base_phi) for base_phi in sorted(duels))
    return next((figure for figure in figures if figure), ())


def _figure(runs: list[tuple[_Place, BundledModel]], base_phi: float) -> tuple[Panel, ...]:
    """The figure of the duel from `base_phi`, of runs sorted by seed; () where one is missing."""
    found = {
        strategy: next((model for place, model in runs if place.holds(strategy, base_phi)), None)
        for strategy in _TITLES
    }
    panels = tuple(Panel(name, model) for name, model in found.items() if model is not None)
    one_list = len({panel.model.classes for panel in panels}) == 1
    return panels if len(panels) == len(found) and one_list else ()


@lru_cache(maxsize=64)
def _place(model: BundledModel) -> _Place:
    try:
        return conform(read_json(model.record), _Place, closed=False)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"The record of {model.id} cannot be read ({error}); install the project again."
        ) from None
