"""The read-outs of Scale for any φ: the network's name, its facts, its costs and their ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.scale.network import Network
from app.scale.pricing import TENTHS
from app.scale.quantities import Priced
from app.text import count, minus, size, times
from effnet_core.architecture.scaling import dropout_for
from effnet_core.errors import InvalidInput

NUMBERS = {
    "params": count,
    "mult_adds": count,
    "activations": count,
    "peak_activation_bytes": size,
}
"""The four numbers of the headline, as fields of `Priced`, and how each is written."""


@dataclass(frozen=True, kw_only=True)
class Readout:
    """What the headline says of one network; `ratios` are to network A, both in NUMBERS' order."""

    title: str
    facts: tuple[str, ...]
    values: tuple[str, ...]
    ratios: tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """What the headline says where the formula gives no network."""

    title: str
    none: str


def readout(
    priced: Priced,
    other: Priced,
    dtype: str,
    *,
    depth: float,
    width: float,
    dropout: float,
    rule: str = "",
) -> Readout:
    """Write out one network beside `other`, network A; depth and width are ratios.

    `rule` is `Network.ours`.
    """
    pairs = {name: (getattr(priced, name), getattr(other, name)) for name in NUMBERS}
    return Readout(
        title=" · ".join(filter(None, (priced.title, rule))),
        facts=(
            f"depth ×{depth:.2f}",
            f"width ×{width:.2f}",
            f"{priced.resolution} × {priced.resolution} pixels",
            f"{priced.blocks} blocks",
            f"dropout {dropout:.2f}",
            f"{size(priced.weight_bytes)} of weights in {dtype}",
        ),
        values=tuple(NUMBERS[name](new) for name, (new, _) in pairs.items()),
        ratios=tuple(times(new, old) for new, old in pairs.values()),
    )


def at_every_step(
    formula: Network, each: Sequence[Priced | None], other: Priced, dtype: str
) -> list[Readout | Refusal]:
    """The read-outs of `each`, the formula's network at every step of φ, beside network A."""
    exist = [phi for phi, priced in zip(TENTHS, each, strict=True) if priced]
    found: list[Readout | Refusal] = []
    for phi, priced in zip(TENTHS, each, strict=True):
        if priced is None:
            towards_zero = [p for p in exist if min(0.0, phi) <= p <= max(0.0, phi)]
            nearest = max(towards_zero, key=abs, default=None)
            found.append(refusal(formula.at(phi), nearest))
            continue
        depth, width, _ = formula.rule.ratios(phi, formula.strategy)
        dropout = dropout_for(phi)
        found.append(
            readout(
                priced,
                other,
                dtype,
                depth=depth,
                width=width,
                dropout=dropout,
                rule=formula.ours,
            )
        )
    return found


def refusal(network: Network, nearest: float | None) -> Refusal:
    """Why there is no such network, and the way out."""
    try:
        network.spec()
    except InvalidInput as error:
        return Refusal(title=network.full_title, none=f"{error} {way_out(nearest)}")
    raise AssertionError(f"there is a network at {network.phi}")


def way_out(nearest: float | None) -> str:
    """A sentence about the nearest φ that gives a network, where there is one."""
    if nearest is None:
        return "No φ gives a network under these settings."
    return f"The nearest φ that gives a network under these settings is {minus(nearest)}."
