"""What the parts of Scale draw: what is chosen, and A, both priced the same way."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from app.scale import results
from app.scale.network import BATCH, DTYPE, Network
from app.scale.pricing import nominal_phi
from app.scale.quantities import Priced, Totals
from app.state import value
from effnet_core.cost.report import CostReport
from effnet_core.latency import terms


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What the controls hold, with A's cost: enough for curves, even where no network exists."""

    network: Network
    pinned: Network
    pinned_report: CostReport
    batch: int
    dtype: str

    @staticmethod
    def of(network: Network, pinned: Network) -> Chosen:
        """Price A for the chosen batch and number format."""
        batch, dtype = int(value(BATCH)), str(value(DTYPE))
        return Chosen(
            network=network,
            pinned=pinned,
            pinned_report=results.report(pinned, batch, dtype),
            batch=batch,
            dtype=dtype,
        )

    @property
    def rule(self) -> Network:
        """The formula whose curves are drawn: the chosen one, or the paper's for a variant."""
        return self.network if self.network.variant is None else Network()

    @property
    def at_zero(self) -> Network:
        """The formula's network at φ = 0 under the same settings; it stands for all its φ."""
        return replace(self.network, variant=None, phi=0.0)

    @property
    def current(self) -> Priced | None:
        """The chosen network as a mark on a chart; None where there is no such network."""
        return None

    @property
    def other(self) -> Priced:
        """Network A as a mark on a chart."""
        return _priced(self.pinned, self.pinned_report)


@dataclass(frozen=True, kw_only=True)
class Shown(Chosen):
    """A chosen network that exists, with its cost."""

    report: CostReport

    @staticmethod
    def of_chosen(chosen: Chosen) -> Shown:
        """Price the network too; raises InvalidInput where the settings make none."""
        report = results.report(chosen.network, chosen.batch, chosen.dtype)
        held = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
        return Shown(**held, report=report)

    @property
    def current(self) -> Priced:
        """The chosen network as a mark on a chart."""
        return _priced(self.network, self.report)


def _priced(network: Network, report: CostReport) -> Priced:
    phi = nominal_phi(network.variant) if network.variant else network.phi
    return Priced(
        title=network.title,
        phi=phi,
        resolution=report.resolution,
        totals=Totals.of(report.totals),
        work=terms(report.spec),
    )
