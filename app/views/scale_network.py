"""What every part of Scale draws: the chosen network and A, both priced the same way."""

from __future__ import annotations

from dataclasses import dataclass

from app import resources
from app.network import BATCH, DTYPE, Network
from app.pricing import nominal_phi
from app.quantities import Priced
from app.state import value
from effnet_core.cost import CostReport


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The chosen network, network A, and their costs for one batch and number format."""

    network: Network
    report: CostReport
    pinned: Network
    pinned_report: CostReport
    batch: int
    dtype: str

    @staticmethod
    def of(network: Network, pinned: Network) -> Shown:
        """Price both; raises InvalidInput where the settings make no network."""
        batch, dtype = int(value(BATCH)), str(value(DTYPE))
        return Shown(
            network=network,
            report=resources.report(network, batch, dtype),
            pinned=pinned,
            pinned_report=resources.report(pinned, batch, dtype),
            batch=batch,
            dtype=dtype,
        )

    @property
    def rule(self) -> Network:
        """The formula whose curves are drawn: the chosen one, or the paper's for a variant."""
        return self.network if self.network.variant is None else Network()

    @property
    def current(self) -> Priced:
        """The chosen network as a mark on a chart."""
        return _priced(self.network, self.report)

    @property
    def other(self) -> Priced:
        """Network A as a mark on a chart."""
        return _priced(self.pinned, self.pinned_report)


def _priced(network: Network, report: CostReport) -> Priced:
    phi = nominal_phi(network.variant) if network.variant else network.phi
    return Priced(title=network.title, phi=phi, resolution=report.resolution, totals=report.totals)
