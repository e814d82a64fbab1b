"""A search drawn: its trials on the surface α·β²·γ² = constant, and what each axis explains."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from app.charts.search.words import hover
from app.charts.style import FAINT, GREY, OUTLINE, figure
from effnet_core.results.searched import Importance, SearchRecord, SearchTrial, on_surface

HEIGHT = 440


def surface(record: SearchRecord) -> go.Figure:
    """Every trial where it was proposed, α across and β up; γ follows from both.

    Colour is held-out top-1 of the trials that were trained to the end; pruned ones are hollow.
    """
    chart = figure(HEIGHT)
    _add_edge(chart, record)
    others = [one for one in record.trials if one.state != "complete"]
    _add(chart, others, "pruned", {"symbol": "circle-open", "size": 9, "color": GREY})
    complete = record.complete
    colour = {
        "color": [100 * (one.top1 or 0) for one in complete],
        "colorscale": "Viridis",
        "colorbar": {"title": "top-1 %", "thickness": 12},
        "line": {"width": 1, "color": GREY},
    }
    _add(chart, complete, "trained to the end", {"size": 12, **colour})
    best, paper = record.best, on_surface(record)
    if best is not None:
        mark = {"symbol": "circle-open", "size": 20, "color": OUTLINE, "line": {"width": 3}}
        _add(chart, [best], "best", mark)
    chart.add_scatter(
        x=[paper.alpha],
        y=[paper.beta],
        name="the paper’s rule",
        mode="markers",
        marker={"symbol": "star", "size": 15, "color": OUTLINE},
        hovertext=[f"the paper’s rule, γ {paper.gamma:.2f} here"],
        hoverinfo="text",
    )
    chart.update_xaxes(title="α, depth")
    chart.update_yaxes(title="β, width")
    chart.update_layout(showlegend=True)
    return chart


def importance(found: tuple[Importance, ...]) -> go.Figure:
    """A bar for each axis, with one standard deviation over bootstrap samples."""
    chart = figure(190)
    chart.add_bar(
        x=[one.share for one in found],
        y=[one.axis for one in found],
        orientation="h",
        error_x={
            "array": [one.error for one in found],
            "color": GREY,
            "thickness": 2,
            "width": 4,
        },
        hovertemplate="%{y}: %{x:.2f}<extra></extra>",
    )
    chart.update_xaxes(title="share of the variance explained", range=[0, 1])
    chart.update_yaxes(autorange="reversed")
    chart.update_layout(showlegend=False)
    return chart


def _add_edge(chart: go.Figure, record: SearchRecord) -> None:
    """Where γ is 1: beyond it resolution would shrink."""
    factor = record.cost_factor
    steps = [factor ** (number / 40) for number in range(41)]
    chart.add_scatter(
        x=steps,
        y=[math.sqrt(factor / alpha) for alpha in steps],
        mode="lines",
        line={"color": FAINT, "dash": "dot"},
        name="γ = 1",
        hoverinfo="skip",
    )


def _add(
    chart: go.Figure, trials: list[SearchTrial] | tuple[SearchTrial, ...], name: str, marker: object
) -> None:
    if trials:
        chart.add_scatter(
            x=[one.proposed.alpha for one in trials],
            y=[one.proposed.beta for one in trials],
            name=name,
            mode="markers",
            marker=marker,
            hovertext=[hover(one) for one in trials],
            hoverinfo="text",
        )
