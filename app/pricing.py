"""Networks with their prices: one, a sweep over φ, and every published variant."""

from __future__ import annotations

import math
import re

from app.network import Network
from app.quantities import Priced
from effnet_core.architecture import ArchitectureSpec
from effnet_core.cost import summarize
from effnet_core.errors import InvalidInput
from effnet_core.scaling import PHI_MAX, PHI_MIN
from effnet_core.variants import VARIANTS


def price(
    title: str, spec: ArchitectureSpec, *, batch: int, dtype: str, phi: float | None
) -> Priced:
    """`spec` with its cost at its own resolution."""
    totals = summarize(spec, batch=batch, dtype=dtype)
    return Priced(title=title, phi=phi, resolution=spec.resolution, totals=totals)


def price_network(network: Network, *, batch: int, dtype: str) -> Priced:
    """The network with its cost; a published variant stands at the φ in its name (B4: 4)."""
    phi = nominal_phi(network.variant) if network.variant else network.phi
    return price(network.title, network.spec(), batch=batch, dtype=dtype, phi=phi)


def sweep(
    network: Network, strategy: str, *, steps: int, batch: int, dtype: str
) -> tuple[Priced, ...]:
    """The formula's networks over the whole range of φ, `steps` to each unit of φ.

    Networks past the cap on blocks or pixels do not exist and are left out.
    """
    found = []
    for step in range(round(PHI_MIN * steps), round(PHI_MAX * steps) + 1):
        phi = step / steps
        try:
            spec = network.at(phi, strategy)
        except InvalidInput:
            continue
        found.append(price(f"φ = {phi:g}", spec, batch=batch, dtype=dtype, phi=phi))
    return tuple(found)


def nearest_phi(network: Network) -> float | None:
    """The φ nearest to the network's, in steps of 0.1 towards 0, at which one exists.

    Everything else is kept; None where none exists, not even at φ = 0.
    """
    for tenths in range(math.floor(10 * abs(network.phi)), -1, -1):
        phi = math.copysign(tenths / 10, network.phi)
        try:
            network.at(phi)
        except InvalidInput:
            continue
        return phi
    return None


def published(*, classes: int, batch: int, dtype: str) -> tuple[Priced, ...]:
    """Every published variant, priced at the resolution it was tested at."""
    return tuple(
        price_network(Network(variant=name, classes=classes), batch=batch, dtype=dtype)
        for name in VARIANTS
    )


def nominal_phi(variant: str) -> float | None:
    """The φ that the name of a V1 variant suggests: 4 for B4; None for all others."""
    found = re.fullmatch(r"b(\d)", variant)
    return float(found[1]) if found else None
