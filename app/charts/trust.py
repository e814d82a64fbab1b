"""Cascading randomisation: how much of a map is left as layers are drawn anew from the head."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from app.charts.style import figure


def cascade(figures: Sequence[tuple[str, float]]) -> tuple[go.Figure, str]:
    """Rank correlation with the true map after each step, and the same in words."""
    chart = figure(260)
    chart.add_scatter(
        x=[name for name, _ in figures],
        y=[value for _, value in figures],
        mode="lines+markers",
        marker={"size": 8},
        hovertemplate="%{x} and all after it drawn anew: %{y:.2f}<extra></extra>",
        showlegend=False,
        cliponaxis=False,
    )
    chart.update_xaxes(title="Drawn anew, from the head down to …", type="category")
    chart.update_yaxes(title="Rank correlation with the map", range=[-1.05, 1.05])
    words = "; ".join(f"{name} {value:.2f}" for name, value in figures)
    return chart, f"Rank correlation with the map as layers are drawn anew: {words}."
