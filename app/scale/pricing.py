"""Networks with their prices: one, many φ at once, and every published variant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from app.scale.network import FAMILY, Load, Network
from app.scale.quantities import COUNTED, Priced
from effnet_core.architecture.families import find_family
from effnet_core.architecture.names import VARIANTS
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.latency import Calibration, terms, terms_of_each, unseen
from effnet_core.limits import PHI_MAX, PHI_MIN

TENTHS = tuple(tenth / 10 for tenth in range(round(10 * PHI_MIN), round(10 * PHI_MAX) + 1))
"""Every step of the slider for φ."""


def price(
    network: Network,
    spec: ArchitectureSpec,
    totals: CostTotals,
    *,
    family: str = FAMILY.default,
    measured_ms: float | None = None,
) -> Priced:
    """The network, already counted; a variant of `family` stands at the φ in its name (B4: 4)."""
    name = network.variant
    return Priced(
        title=network.title,
        phi=find_family(family).nominal_phi(name) if name else network.phi,
        resolution=spec.resolution,
        work=terms(spec),
        measured_ms=measured_ms,
        **{name: getattr(totals, name) for name in COUNTED},
    )


def price_network(network: Network, load: Load, *, family: str = FAMILY.default) -> Priced:
    """The network with its price; raises InvalidInput where there is no such network."""
    spec = network.spec()
    totals = summarize(spec, batch=load.batch, dtype=load.dtype)
    return price(network, spec, totals, family=family)


def price_each(network: Network, phis: Sequence[float], load: Load) -> tuple[Priced | None, ...]:
    """The formula's network at every φ; None past the cap on blocks or pixels."""
    costs = network.costs(phis, load)
    family = find_family(network.family)
    work = terms_of_each(costs, num_classes=network.classes, family=family).tolist()
    names = ("resolution", *COUNTED)
    rows = zip(*(getattr(costs, name).tolist() for name in names), strict=True)
    return tuple(
        Priced(
            title=network.title_at(phi),
            phi=phi,
            work=tuple(amounts),
            **dict(zip(names, row, strict=True)),
        )
        if exists
        else None
        for exists, phi, amounts, row in zip(costs.exists.tolist(), phis, work, rows, strict=True)
    )


def nearest_phi(network: Network) -> float | None:
    """The φ nearest to the network's, in steps of 0.1 towards 0, at which one exists.

    Everything else is kept; None where none exists, not even at φ = 0.
    """
    most = math.floor(10 * abs(network.phi))
    phis = [math.copysign(tenths / 10, network.phi) for tenths in range(most, -1, -1)]
    exists = network.costs(phis, Load()).exists.tolist()
    return next((phi for phi, found in zip(phis, exists, strict=True) if found), None)


@lru_cache(maxsize=32)
def published(family: str, classes: int, load: Load) -> tuple[Priced, ...]:
    """Every published variant, at the resolution it was tested at; those of `family` have a φ."""
    networks = (Network(variant=name, classes=classes) for name in VARIANTS)
    return tuple(price_network(network, load, family=family) for network in networks)


@lru_cache(maxsize=4)
def measured(calibration: Calibration, load: Load) -> tuple[Priced, ...]:
    """The networks that `calibration` was checked with, each with the time that it took here."""
    specs = {(spec.name, spec.resolution): spec for spec in unseen()}
    pairs = ((specs.get((one.name, one.resolution)), one) for one in calibration.checked)
    return tuple(
        price(
            network_of(spec),
            spec,
            summarize(spec, batch=load.batch, dtype=load.dtype),
            measured_ms=one.median_ms,
        )
        for spec, one in pairs
        if spec is not None
    )


def network_of(spec: ArchitectureSpec) -> Network:
    """The published variant, or the network of the paper's rule, that `spec` is."""
    return Network(variant=spec.name) if spec.phi is None else Network(phi=spec.phi)
