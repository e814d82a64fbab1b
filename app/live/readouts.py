"""The read-outs of Scale for any φ: the network's name, its facts, its costs and their ratios."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from app.live.steps import compact, resting
from app.scale.network import Network, formula_title
from app.scale.pricing import TENTHS, price_each
from app.scale.quantities import Totals
from app.text import count, minus, size, times
from effnet_core.cost.report import CostReport
from effnet_core.errors import InvalidInput

NUMBERS = ("params", "mult_adds", "activations", "peak_activation_bytes")
"""The four numbers of the headline, as fields of `Totals`, in the page's order."""


@dataclass(frozen=True, kw_only=True)
class Readout:
    """What the headline says of one network; `ratios` are to network A, both in NUMBERS' order."""

    title: str
    facts: tuple[str, ...]
    values: tuple[str, ...]
    ratios: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The facts of a network that are not costs: ratios of depth and width, pixels, dropout."""

    depth: float
    width: float
    resolution: int
    dropout: float


@dataclass(frozen=True)
class Refusal:
    """What the headline says where the formula gives no network."""

    title: str
    none: str


def readout(title: str, shape: Shape, totals: Totals, other: Totals, dtype: str) -> Readout:
    """Write out one network beside `other`, network A."""
    pairs = [(getattr(totals, name), getattr(other, name)) for name in NUMBERS]
    return Readout(
        title=title,
        facts=(
            f"depth ×{shape.depth:.2f}",
            f"width ×{shape.width:.2f}",
            f"{shape.resolution} × {shape.resolution} pixels",
            f"{totals.blocks} blocks",
            f"dropout {shape.dropout:.2f}",
            f"{size(totals.weight_bytes)} of weights in {dtype}",
        ),
        values=(*(count(new) for new, _ in pairs[:3]), size(pairs[3][0])),
        ratios=tuple(times(new, old) for new, old in pairs),
    )


def of_report(title: str, report: CostReport, other: Totals) -> Readout:
    """The read-outs of a network that was counted layer by layer."""
    spec = report.spec
    shape = Shape(
        depth=spec.depth, width=spec.width, resolution=report.resolution, dropout=spec.dropout
    )
    return readout(title, shape, Totals.of(report.totals), other, report.dtype)


def readouts(
    network: Network, other: Totals, *, batch: int, dtype: str
) -> tuple[Readout | Refusal, ...]:
    """The read-outs at every step of φ."""
    each = price_each(network, network.strategy, TENTHS, batch=batch, dtype=dtype)
    found: list[Readout | Refusal] = []
    for phi, priced in zip(TENTHS, each, strict=True):
        if priced is None:
            low, high = sorted((0.0, phi))
            between = (
                step for step, p in zip(TENTHS, each, strict=True) if p and low <= step <= high
            )
            nearest = max(between, key=abs, default=None)
            reason = f"{_reason(network, phi)} {way_out(nearest)}"
            found.append(Refusal(title=formula_title(phi, network.strategy), none=reason))
            continue
        held = network.coefficients(phi)
        shape = Shape(
            depth=held.depth, width=held.width, resolution=held.resolution, dropout=held.dropout
        )
        found.append(readout(priced.title, shape, priced.totals, other, dtype))
    return tuple(found)


def _reason(network: Network, phi: float) -> str:
    """Why the formula gives no network at `phi`."""
    try:
        network.at(phi)
    except InvalidInput as error:
        return str(error)
    raise AssertionError(f"there is a network at {phi}")


def way_out(nearest: float | None) -> str:
    """A sentence about the nearest φ that gives a network, where there is one."""
    if nearest is None:
        return "No φ gives a network under these settings."
    return f"The nearest φ that gives a network under these settings is {minus(nearest)}."


def rows(network: Network, other: Totals, *, batch: int, dtype: str) -> str:
    """The read-outs at every step of φ as JSON, from the smallest φ to the largest."""
    return compact([asdict(row) for row in readouts(network, other, batch=batch, dtype=dtype)])


def rest(network: Network, said: Readout | Refusal) -> str:
    """What is said of a network that is at no step of φ, as JSON."""
    return compact(resting(network, asdict(said)))
