"""A class's probability over input sizes, by one network whose weights never change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from app.charts.style import GREY, figure
from app.text import percent

if TYPE_CHECKING:
    from effnet_core.engines.probe import ProbedSize

HEIGHT = 320


def over_sizes(sizes: Sequence[ProbedSize]) -> go.Figure:
    """Per cent over pixels; points where another class is the most probable one are hollow."""
    chart = figure(HEIGHT)
    pixels = [size.resolution for size in sizes]
    chart.add_scatter(
        x=pixels,
        y=[100 * size.target.probability for size in sizes],
        name=f"probability of {sizes[0].target.label}",
        mode="lines+markers",
        marker={
            "size": 10,
            "symbol": ["circle" if _first(size) else "circle-open" for size in sizes],
        },
        text=[_told(size) for size in sizes],
        hovertemplate="%{x} pixels: %{y:.1f} %<br>%{text}<extra></extra>",
        cliponaxis=False,
    )
    for size in sizes:
        if size.trained:
            chart.add_vline(
                x=size.resolution,
                line={"dash": "dot", "width": 1.5, "color": GREY},
                annotation={"text": "trained", "yanchor": "bottom"},
            )
    chart.update_layout(margin={"t": 28})
    chart.update_xaxes(title="Input size (pixels a side)", tickvals=pixels)
    chart.update_yaxes(title="Probability (%)", range=[0, 103])
    return chart


def message(sizes: Sequence[ProbedSize]) -> str:
    """In words what the chart shows."""
    best = max(sizes, key=lambda size: size.target.probability)
    trained = next((size for size in sizes if size.trained), None)
    said = (
        f"{sizes[0].target.label} is most probable at {best.resolution} pixels, "
        f"{percent(best.target.probability)}"
    )
    if trained is None or trained is best:
        return f"{said}." if trained is None else f"{said}: the size that it was trained for."
    return (
        f"{said}, against {percent(trained.target.probability)} at the {trained.resolution} pixels "
        "that it was trained for."
    )


def _first(size: ProbedSize) -> bool:
    return size.top.index == size.target.index


def _told(size: ProbedSize) -> str:
    height, width = size.grid
    first = "" if _first(size) else f"first here: {size.top.label}<br>"
    return f"{first}map of {height} × {width}<br>{size.milliseconds:.0f} ms measured"
