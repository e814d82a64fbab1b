"""The course of a run: loss and held-out accuracy over its epochs, on axes that do not move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from app.charts.style import GREY, figure

if TYPE_CHECKING:
    from effnet_core.training.runs.run import Point

HEIGHT = 300
MOST_POINTS = 600
"""A line has no more; of a longer course only every so many points are drawn."""


def loss(points: Sequence[Point], *, epochs: int, classes: int) -> go.Figure:
    """Training loss at every look, held-out loss after every epoch, and that of guessing."""
    chart = figure(HEIGHT)
    guess = math.log(classes)
    seen = thinned(points)
    judged = [point for point in points if point.held_out_loss is not None]
    _add(chart, "training", [p.epoch for p in seen], [p.loss for p in seen], mode="lines")
    _add(chart, "held-out", [p.epoch for p in judged], [p.held_out_loss for p in judged])
    _add_guess(chart, guess, epochs)
    highest = max([guess, *(p.loss for p in points), *(p.held_out_loss or 0.0 for p in points)])
    _set_axes(chart, epochs, "Loss (nats)", 1.12 * highest)
    return chart


def accuracy(points: Sequence[Point], *, epochs: int, classes: int) -> go.Figure:
    """Held-out top-1 in per cent after every epoch, and that of guessing."""
    chart = figure(HEIGHT)
    judged = [point for point in points if point.top1 is not None]
    tops = [100 * (point.top1 or 0.0) for point in judged]
    _add(chart, "held-out top-1", [p.epoch for p in judged], tops, suffix=" %")
    _add_guess(chart, 100 / classes, epochs)
    _set_axes(chart, epochs, "Held-out top-1 (%)", 103)
    return chart


def message(points: Sequence[Point], *, classes: int) -> str:
    """In words what both charts show."""
    tops = [100 * point.top1 for point in points if point.top1 is not None]
    if not points:
        return "Nothing has been measured yet."
    said = f"The training loss went from {points[0].loss:.2f} to {points[-1].loss:.2f}"
    if not tops:
        return f"{said}; the held-out photos are looked at when the first epoch ends."
    return (
        f"{said} and the held-out top-1 from {tops[0]:.0f} % to {tops[-1]:.0f} %; guessing among "
        f"{classes} classes is right {100 / classes:.0f} % of the time."
    )


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most about MOST_POINTS of the points, the last among them."""
    every = max(1, math.ceil(len(points) / MOST_POINTS))
    kept = list(points[::every])
    return kept if not points or kept[-1] is points[-1] else [*kept, points[-1]]


def _add(
    chart: go.Figure,
    name: str,
    x: Sequence[float],
    y: Sequence[float | None],
    *,
    mode: str = "lines+markers",
    suffix: str = "",
) -> None:
    chart.add_scatter(
        x=x,
        y=y,
        name=name,
        mode=mode,
        marker={"size": 6},
        cliponaxis=False,
        hovertemplate=f"epoch %{{x:.1f}}: %{{y:.3~g}}{suffix}<extra>{name}</extra>",
    )


def _add_guess(chart: go.Figure, value: float, epochs: int) -> None:
    chart.add_scatter(
        x=[0, epochs],
        y=[value, value],
        name="guessing",
        mode="lines",
        line={"dash": "dot", "width": 1.5, "color": GREY},
        hoverinfo="skip",
    )


def _set_axes(chart: go.Figure, epochs: int, title: str, highest: float) -> None:
    chart.update_xaxes(title="Epoch", range=[0, 1.02 * epochs])
    chart.update_yaxes(title=title, range=[0, highest])
