"""What the parts of Scale draw: what is chosen, and A, both priced the same way."""

from __future__ import annotations

from dataclasses import dataclass

from app.scale import results
from app.scale.network import Load, Network
from app.scale.quantities import Priced
from effnet_core.cost.report import CostReport
from effnet_core.errors import InvalidInput


@dataclass(frozen=True)
class Shown:
    """What the controls hold: the network chosen, which may not exist, A, which does, and a load.

    `compared` says that somebody pinned A; until then it is B0, and drawn where it is asked for.
    Prices are looked up where they were computed before.
    """

    network: Network
    pinned: Network
    load: Load
    compared: bool = False

    @property
    def formula(self) -> Network:
        """The formula whose curves are drawn, at φ = 0: the chosen one, or that of a variant."""
        return self.network.at_zero

    @property
    def report(self) -> CostReport:
        """The cost of the network; raises InvalidInput where the settings make none."""
        return results.report(self.network, self.load)

    @property
    def pinned_report(self) -> CostReport:
        """The cost of A."""
        return results.report(self.pinned, self.load)

    @property
    def current(self) -> Priced | None:
        """The network as a mark on a chart; None where there is no such network."""
        try:
            return results.priced(self.network, self.load, self.formula.family)
        except InvalidInput:
            return None

    @property
    def other(self) -> Priced:
        """Network A as a mark on a chart."""
        return results.priced(self.pinned, self.load, self.formula.family)

    @property
    def mark_of_a(self) -> Priced | None:
        """Network A as a mark; None until somebody pins one."""
        return self.other if self.compared else None
