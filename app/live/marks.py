"""Where a network stands on a chart of Scale's growth."""

from __future__ import annotations

from dataclasses import dataclass

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
    """The mark of one network by two quantities; a time that was taken here is said first."""
    ms, unsaid = priced.measured_ms, {"phi"}
    said = [priced.title]
    if ms is not None:
        said.append(f"{milliseconds(ms)} measured")
        unsaid.add(MS)
    named = [(q.label, q.said(priced)) for q in (x, y) if q.key not in unsaid]
    said += [f"{label}: {number}" for label, number in named if number]
    return Mark(x=x.of(priced), y=y.of(priced), title=priced.title, text=", ".join(said))


def ratio_mark(priced: Priced, base: Priced) -> Mark:
    """The mark of a network by its multiply-adds over those of `base`."""
    ratio = priced.mult_adds / base.mult_adds
    phi = "" if priced.phi is None else f"φ = {minus(priced.phi)}: "
    return Mark(
        x=priced.phi, y=ratio, title=priced.title, text=f"{phi}×{ratio:.3g} the FLOPs of φ = 0"
    )
