"""Networks with their prices: one, a sweep over φ, and every published variant."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from app.scale.network import Network, formula_title
from app.scale.quantities import Priced, Totals
from effnet_core.architecture.names import VARIANTS
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize
from effnet_core.latency import Calibration, terms, terms_of_each, unseen
from effnet_core.limits import PHI_MAX, PHI_MIN

TENTHS = tuple(tenth / 10 for tenth in range(round(10 * PHI_MIN), round(10 * PHI_MAX) + 1))
"""Every step of the slider for φ."""


def price_network(network: Network, *, batch: int, dtype: str) -> Priced:
    """The network with its cost; a published variant stands at the φ in its name (B4: 4)."""
    spec = network.spec()
    return Priced(
        title=network.title,
        phi=nominal_phi(network.variant) if network.variant else network.phi,
        resolution=spec.resolution,
        totals=Totals.of(summarize(spec, batch=batch, dtype=dtype)),
        work=terms(spec),
    )


def price_each(
    network: Network, strategy: str, phis: Sequence[float], *, batch: int, dtype: str
) -> tuple[Priced | None, ...]:
    """The formula's network at every φ; None past the cap on blocks or pixels."""
    costs = network.costs(phis, strategy, batch=batch, dtype=dtype, by_part=True)
    work = terms_of_each(costs, num_classes=network.classes).tolist()
    columns = zip(phis, costs.resolution.tolist(), Totals.each(costs), work, strict=True)
    return tuple(
        Priced(
            title=formula_title(phi, strategy),
            phi=phi,
            resolution=side,
            totals=totals,
            work=tuple(amounts),
        )
        if totals
        else None
        for phi, side, totals, amounts in columns
    )


def sweep(
    network: Network, strategy: str, *, steps: int, batch: int, dtype: str
) -> tuple[Priced, ...]:
    """The formula's networks over the whole range of φ, `steps` to each unit of φ.

    Networks past the cap on blocks or pixels do not exist and are left out.
    """
    phis = [step / steps for step in range(round(PHI_MIN * steps), round(PHI_MAX * steps) + 1)]
    return tuple(filter(None, price_each(network, strategy, phis, batch=batch, dtype=dtype)))


def nearest_phi(network: Network) -> float | None:
    """The φ nearest to the network's, in steps of 0.1 towards 0, at which one exists.

    Everything else is kept; None where none exists, not even at φ = 0.
    """
    most = math.floor(10 * abs(network.phi))
    phis = [math.copysign(tenths / 10, network.phi) for tenths in range(most, -1, -1)]
    exists = network.costs(phis, batch=1, dtype="float32").exists.tolist()
    return next((phi for phi, found in zip(phis, exists, strict=True) if found), None)


def published(*, classes: int, batch: int, dtype: str) -> tuple[Priced, ...]:
    """Every published variant, priced at the resolution it was tested at."""
    return tuple(
        price_network(Network(variant=name, classes=classes), batch=batch, dtype=dtype)
        for name in VARIANTS
    )


def measured(calibration: Calibration, *, batch: int, dtype: str) -> tuple[Priced, ...]:
    """The networks that `calibration` was checked with, each with the time that it took here."""
    specs = {(spec.name, spec.resolution): spec for spec in unseen()}
    pairs = ((specs.get((one.name, one.resolution)), one) for one in calibration.checked)
    return tuple(
        Priced(
            title=title_of(spec),
            phi=nominal_phi(spec.name) if spec.phi is None else spec.phi,
            resolution=spec.resolution,
            totals=Totals.of(summarize(spec, batch=batch, dtype=dtype)),
            work=terms(spec),
            measured_ms=one.median_ms,
        )
        for spec, one in pairs
        if spec is not None
    )


def title_of(spec: ArchitectureSpec) -> str:
    """What the pages call a network of the paper's rule or a published variant."""
    if spec.phi is None:
        return Network(variant=spec.name).title
    return formula_title(spec.phi, "compound")


def nominal_phi(variant: str) -> float | None:
    """The φ that the name of a V1 variant suggests: 4 for B4; None for all others."""
    found = re.fullmatch(r"b(\d)", variant)
    return float(found[1]) if found else None
