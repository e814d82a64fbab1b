"""Where the chosen network stands on the charts of Scale's growth, at every step of φ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from app.live.steps import compact, resting
from app.network import Network
from app.pricing import TENTHS, price_each
from app.quantities import Priced, Quantity


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A network on both charts; None where it has no place on an axis, or is not on the curve.

    `ratio` is its multiply-adds over those at φ = 0 under the compound rule; `text` says what it
    is and what it has of both quantities.
    """

    x: float | None
    y: float | None
    phi: float | None
    ratio: float | None
    title: str
    text: str


def mark(priced: Priced, x: Quantity, y: Quantity, base: Priced | None) -> Mark:
    """The mark of one network; `base` is the network at φ = 0 where the ratio is asked for."""
    here = [(quantity, quantity.of(priced)) for quantity in (x, y)]
    lines = (f"{q.label}: {q.show(v)}" for q, v in here if q.key != "phi" and v is not None)
    return Mark(
        x=here[0][1],
        y=here[1][1],
        phi=priced.phi if base else None,
        ratio=priced.totals.mult_adds / base.totals.mult_adds if base else None,
        title=priced.title,
        text=", ".join((priced.title, *lines)),
    )


def marks(
    network: Network, x: Quantity, y: Quantity, base: Priced | None, *, batch: int, dtype: str
) -> tuple[Mark | None, ...]:
    """The mark at every step of φ; None where the formula gives no network."""
    each = price_each(network, network.strategy, TENTHS, batch=batch, dtype=dtype)
    return tuple(mark(priced, x, y, base) if priced else None for priced in each)


def rows(found: Sequence[Mark | None]) -> str:
    """Marks at every step of φ as JSON."""
    return compact([one and asdict(one) for one in found])


def rest(network: Network, here: Mark | None) -> str:
    """The mark of a network that is at no step of φ, as JSON."""
    return compact(resting(network, here and asdict(here)))
