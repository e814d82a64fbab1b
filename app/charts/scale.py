"""Curves of Scale: what networks cost over φ, or any cost over any other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from app.charts.style import FAINT, GREY, figure
from app.quantities import Priced, Quantity

Curve = tuple[Priced, ...]
Span = tuple[float, float]
Values = npt.NDArray[np.float64]

_LINEAR_UP_TO_PHI = 8


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

    def settings(self) -> dict[str, object]:
        """Plotly's settings of this axis."""
        low, high = self.span
        if self.logarithmic:
            low, high = math.log10(low), math.log10(high)
        margin = 0.04 * (high - low)
        return {
            "title": self.quantity.label,
            "type": "log" if self.logarithmic else "linear",
            "range": [low - margin, high + margin],
            "exponentformat": "SI" if self.quantity.unit else "B",
            "ticksuffix": self.quantity.unit,
            "dtick": 1 if self.logarithmic else 2 if self.quantity.key == "phi" else None,
            "zeroline": False,
        }


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
    pinned: Priced,
    strategy: str,
    x: Axis,
    y: Axis,
) -> go.Figure:
    """Any quantity over any other: a line for each strategy, marks for published variants and A.

    The chosen network is marked in the browser (`app.live.marks`), so that the figure stays as φ
    moves.
    """
    drawn = figure(430)
    for name, curve in curves.items():
        across, up = _points(curve, x.quantity, y.quantity)
        drawn.add_scatter(
            x=across,
            y=up,
            name=f"{name} scaling",
            mode="lines",
            line={"width": 3.5 if name == strategy else 1.5},
            opacity=1 if name == strategy else 0.75,
            hoverinfo="skip",
        )
    _add_marks(drawn, "published", published, x, y, {"symbol": "circle", "color": GREY})
    _add_marks(drawn, f"A: {pinned.title}", [pinned], x, y, {"symbol": "square", "color": GREY})
    drawn.update_xaxes(**x.settings())
    drawn.update_yaxes(**y.settings())
    return drawn


def growth_ratio(curve: Curve, *, cost_factor: float) -> go.Figure:
    """How often the multiply-adds of φ = 0 fit into those of φ, beside 2^φ and (α·β²·γ²)^φ."""
    drawn = figure(330)
    base = next((point for point in curve if point.phi == 0), None)
    if base is None:
        return drawn
    phis = np.array([point.phi for point in curve], dtype=np.float64)
    built = np.array([point.totals.mult_adds for point in curve], dtype=np.float64)
    lines = (
        ("as built", built / base.totals.mult_adds, "solid", 3.0),
        ("2^φ", 2**phis, "dash", 1.5),
        (f"(α·β²·γ²)^φ = {cost_factor:.3g}^φ", cost_factor**phis, "dot", 2.0),
    )
    for name, values, dash, width in lines:
        drawn.add_scatter(
            x=phis,
            y=values,
            name=name,
            mode="lines",
            line={"dash": dash, "width": width},
            hovertemplate="φ = %{x:.2f}: ×%{y:.3~g}<extra>" + name + "</extra>",
        )
    drawn.update_xaxes(title="φ", range=[-6.4, 10.4], dtick=2, zeroline=False)
    drawn.update_yaxes(title="FLOPs, relative to φ = 0", type="log", range=[-2, 3.2])
    drawn.update_yaxes(dtick=1, exponentformat="none")
    drawn.add_hline(1, line={"color": FAINT, "width": 1})
    return drawn


def growth_sentence(curve: Curve, cost_factor: float) -> str:
    """In words what `growth_ratio` shows: the actual factor for each step from φ = 0 to φ = 7."""
    at = {round(point.phi, 6): point.totals.mult_adds for point in curve if point.phi is not None}
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
    across, up = np.array(found, dtype=np.float64).reshape(-1, 2).T
    return across, up


def _add_marks(
    drawn: go.Figure,
    name: str,
    networks: Sequence[Priced],
    x: Axis,
    y: Axis,
    marker: dict[str, str],
) -> None:
    shown = [n for n in networks if x.quantity.of(n) is not None and y.quantity.of(n) is not None]
    single = len(networks) == 1
    drawn.add_scatter(
        x=[x.quantity.of(n) for n in shown],
        y=[y.quantity.of(n) for n in shown],
        name=name,
        mode="markers" if single else "markers+text",
        text=["" if single else _short(n.title) for n in shown],
        textposition="bottom right",
        textfont={"size": 11, "color": GREY},
        marker={"size": 8, "line": {"width": 1.5, "color": "white"}} | marker,
        hovertext=[_hover(n, x.quantity, y.quantity) for n in shown],
        hoverinfo="text",
    )


def _short(title: str) -> str:
    """Only B0…B8 and L2 are labelled: the others crowd the same place."""
    return title if len(title) == 2 else ""


def _hover(network: Priced, x: Quantity, y: Quantity) -> str:
    lines = (f"{q.label}: {q.show(value)}" for q in (x, y) if (value := q.of(network)) is not None)
    return f"<b>{network.title}</b><br>" + "<br>".join(lines)
