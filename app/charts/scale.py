"""Curves of Scale: what networks cost over φ, or any cost over any other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.live.marks import Mark, mark
from app.scale.quantities import Priced, Quantity
from app.text import minus

Curve = tuple[Priced, ...]
Span = tuple[float, float]
Values = tuple[float, ...]
Symbol = Literal["circle", "square", "triangle"]

_LINEAR_UP_TO_PHI = 8
_SMALL = 92
"""Pixels of a small chart's height."""
_EVERY = 4
"""Of a small chart's points one in so many is drawn: it has about two pixels a step of φ."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A quantity on an axis; `span` is its range before a margin."""

    quantity: Quantity
    logarithmic: bool
    span: Span

    def including(self, network: Priced | None) -> Axis:
        """The same axis, wider where `network` would fall outside it."""
        here = None if network is None else self.quantity.of(network)
        if here is None or not math.isfinite(here):
            return self
        low, high = self.span
        return replace(self, span=(min(low, here), max(high, here)))

    @property
    def drawn(self) -> DrawnAxis:
        """The axis with its margin."""
        low, high = self.span
        if self.logarithmic:
            low, high = math.log10(low), math.log10(high)
        margin = 0.04 * (high - low)
        return DrawnAxis(
            label=self.quantity.label,
            logarithmic=self.logarithmic,
            range=(low - margin, high + margin),
            unit=self.quantity.unit,
        )


@dataclass(frozen=True, kw_only=True)
class DrawnAxis:
    """An axis as the browser draws it; `range` holds powers of ten where it is logarithmic."""

    label: str
    logarithmic: bool
    range: Span
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A named line, in pixels of width; `texts` are said where the pointer comes near.

    A `ghost` is grey and stands for what is not chosen.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    width: float
    opacity: float = 1.0
    dash: str = ""
    ghost: bool = False
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Networks that stand still, under one name in the legend; `labels` may be empty."""

    name: str
    symbol: Symbol
    marks: tuple[Mark, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What `app/live/chart.js` draws, `height` pixels high; `level` is a faint horizontal line.

    A `small` one stands below a figure that says what it shows: no labels, no legend.
    """

    height: int
    x: DrawnAxis
    y: DrawnAxis
    lines: tuple[Line, ...]
    marks: tuple[Marks, ...] = ()
    level: float | None = None
    small: bool = False


def axis_of(
    quantity: Quantity, curves: Mapping[str, Curve], published: Sequence[Priced], logarithmic: bool
) -> Axis:
    """An axis for all of these networks; a linear one ends before giants flatten the others."""
    low, high = span((*(one for curve in curves.values() for one in curve), *published), quantity)
    logarithmic = logarithmic and not quantity.always_linear
    if not (logarithmic or quantity.always_linear):
        low = 0
        high = span([n for n in curves["compound"] if n.phi == _LINEAR_UP_TO_PHI], quantity)[1]
    return Axis(quantity=quantity, logarithmic=logarithmic, span=(low, high))


def span(networks: Iterable[Priced], quantity: Quantity) -> Span:
    """Smallest and largest value of `quantity` among `networks`."""
    values = [value for network in networks if (value := quantity.of(network)) is not None]
    return min(values), max(values)


def growth_curves(
    curves: Mapping[str, Curve],
    *,
    published: Sequence[Priced],
    pinned: Priced | None,
    strategy: str,
    x: Axis,
    y: Axis,
    measured: Sequence[Priced] = (),
    ghost: Curve = (),
) -> Chart:
    """Any quantity over any other: a line for each strategy, marks for published variants and A.

    `measured` are networks that were timed here, for an axis of milliseconds; `ghost` is the curve
    of the paper's rule where another is chosen.

    The chosen network is marked in the browser, so that the chart stays as φ moves.
    """
    lines = []
    for name, curve in curves.items():
        across, up = _points(curve, x.quantity, y.quantity)
        width, opacity = (3.5, 1.0) if name == strategy else (1.5, 0.75)
        lines.append(Line(name=f"{name} scaling", x=across, y=up, width=width, opacity=opacity))
    if ghost:
        across, up = _points(ghost, x.quantity, y.quantity)
        name = f"{strategy} scaling by the paper's rule"
        lines.append(Line(name=name, x=across, y=up, width=2.0, dash="5 4", ghost=True))

    def still(name: str, symbol: Symbol, networks: Sequence[Priced]) -> Marks:
        placed = [n for n in networks if None not in (x.quantity.of(n), y.quantity.of(n))]
        marks = tuple(mark(one, x.quantity, y.quantity) for one in placed)
        labels = tuple(_label(one) if networks is published else "" for one in placed)
        return Marks(name=name, symbol=symbol, marks=marks, labels=labels)

    marks = [still("published", "circle", published)]
    if pinned is not None:
        marks.append(still(f"A: {pinned.title}", "square", (pinned,)))
    if measured:
        marks.append(still("measured here", "triangle", measured))
    return Chart(height=430, x=x.drawn, y=y.drawn, lines=tuple(lines), marks=tuple(marks))


def small_curves(curves: Mapping[str, Curve], *, ghost: Curve = (), **drawn: Any) -> Chart:
    """`growth_curves` for a place below a figure: every other point, and no words but titles."""
    thinned = {name: curve[::-_EVERY][::-1] for name, curve in curves.items()}
    chart = growth_curves(thinned, ghost=ghost[::-_EVERY][::-1], **drawn)
    marks = tuple(replace(group, labels=("",) * len(group.labels)) for group in chart.marks)
    return replace(chart, height=_SMALL, marks=marks, small=True)


def growth_ratio(curve: Curve, base: Priced, cost_factor: float, ghost: Curve = ()) -> Chart:
    """How often the multiply-adds of φ = 0 fit into those of φ, beside 2^φ and (α·β²·γ²)^φ.

    `ghost` is the curve of the paper's rule where another is chosen.
    """
    by_the_paper = [
        Line(
            name="as built by the paper's rule",
            x=tuple(one.phi for one in ghost if one.phi is not None),
            y=tuple(one.mult_adds / base.mult_adds for one in ghost),
            width=2.0,
            dash="5 4",
            ghost=True,
        )
    ] * bool(ghost)
    built = {one.phi: one.mult_adds / base.mult_adds for one in curve if one.phi is not None}

    def law(name: str, value: Callable[[float], float], width: float, dash: str = "") -> Line:
        values = tuple(map(value, built))
        said = zip(built, values, strict=True)
        texts = tuple(f"{name}, φ = {minus(phi)}: ×{value:.3g}" for phi, value in said)
        return Line(name=name, x=tuple(built), y=values, width=width, dash=dash, texts=texts)

    return Chart(
        height=330,
        x=DrawnAxis(label="φ", logarithmic=False, range=(-6.4, 10.4)),
        y=DrawnAxis(label="FLOPs, relative to φ = 0", logarithmic=True, range=(-2, 3.2)),
        lines=(
            law("as built", built.__getitem__, 3.0),
            law("2^φ", lambda phi: 2**phi, 1.5, "7 5"),
            law(f"(α·β²·γ²)^φ = {cost_factor:.3g}^φ", lambda phi: cost_factor**phi, 2.0, "2 4"),
            *by_the_paper,
        ),
        level=1.0,
    )


def growth_sentence(curve: Curve, cost_factor: float) -> str:
    """In words what `growth_ratio` shows: the actual factor for each step from φ = 0 to φ = 7."""
    at = {round(point.phi, 6): point.mult_adds for point in curve if point.phi is not None}
    if 0 not in at or 7 not in at:
        return f"One step of φ is meant to multiply the FLOPs by {cost_factor:.3g}."
    actual = (at[7] / at[0]) ** (1 / 7)
    return (
        f"One step of φ is meant to multiply the FLOPs by α·β²·γ² = {cost_factor:.3g}; between "
        f"φ = 0 and φ = 7 the networks that are really built grow by {actual:.3g} a step."
    )


def _points(curve: Curve, x: Quantity, y: Quantity) -> tuple[Values, Values]:
    pairs = ((x.of(point), y.of(point)) for point in curve)
    found = [(a, b) for a, b in pairs if a is not None and b is not None]
    return tuple(a for a, _ in found), tuple(b for _, b in found)


def _label(published: Priced) -> str:
    """Only variants with a φ and L2 are labelled: the others crowd the same place."""
    return published.title if published.phi is not None or published.title == "L2" else ""
