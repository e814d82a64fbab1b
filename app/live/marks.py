"""Where a network stands on a chart of Scale's growth, at every step of φ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from app.live.steps import compact, resting
from app.scale.network import Network
from app.scale.quantities import MS, Priced, Quantity
from app.text import milliseconds, minus


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A network on a chart; None where it has no place on an axis. `text` says what it has."""

    x: float | None
    y: float | None
    title: str
    text: str


def mark(priced: Priced, x: Quantity, y: Quantity) -> Mark:
    """The mark of one network by two quantities."""
    said = _said(priced, *(q for q in (x, y) if q.key != "phi"))
    text = ", ".join((priced.title, *said))
    return Mark(x=x.of(priced), y=y.of(priced), title=priced.title, text=text)


def measured_mark(priced: Priced, x: Quantity, y: Quantity) -> Mark:
    """The mark of a network whose time was taken here; on an axis of time it stands at that."""
    here = mark(priced, x, y)
    taken = "" if priced.measured_ms is None else f"{milliseconds(priced.measured_ms)} measured"
    said = _said(priced, *(q for q in (x, y) if q.key not in ("phi", MS)))
    return replace(here, text=", ".join((priced.title, taken, *said)))


def _said(priced: Priced, *quantities: Quantity) -> list[str]:
    """Each number that the network has, with its name."""
    return [f"{q.label}: {text}" for q in quantities if (text := q.said(priced))]


def ratio_mark(priced: Priced, base: Priced) -> Mark:
    """The mark of a network by its multiply-adds over those of `base`."""
    ratio = priced.totals.mult_adds / base.totals.mult_adds
    phi = "" if priced.phi is None else f"φ = {minus(priced.phi)}: "
    return Mark(
        x=priced.phi, y=ratio, title=priced.title, text=f"{phi}×{ratio:.3g} the FLOPs of φ = 0"
    )


def rows(found: Sequence[Mark | None]) -> str:
    """Marks at every step of φ as JSON."""
    return compact([one and asdict(one) for one in found])


def rest(network: Network, here: Mark | None) -> str:
    """The mark of a network that is at no step of φ, as JSON."""
    return compact(resting(network, here and asdict(here)))
