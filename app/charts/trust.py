"""The evidence on a map as line charts: curves, ROAD, and what randomised layers leave of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from app.charts.style import figure

if TYPE_CHECKING:
    from effnet_core.attribution.trust.charts import Chart

_PLOTLY_DASHES = {"solid": "solid", "dotted": "dot", "dashed": "dash"}
_HEIGHT, _ROW = 220, 18


def lines(chart: Chart) -> go.Figure:
    """The lines of a chart, told apart by colour and stroke; the legend is left out for one."""
    several = len(chart.traces) > 1
    made = figure(_HEIGHT + (_ROW * len(chart.traces) if several else 0))
    for trace in chart.traces:
        made.add_scatter(
            x=[x for x, _ in trace.points],
            y=[y for _, y in trace.points],
            name=trace.name,
            mode="lines+markers" if trace.stroke == "solid" else "lines",
            line={"color": trace.colour, "dash": _PLOTLY_DASHES[trace.stroke], "width": 2},
            marker={"size": 6},
            hovertemplate=f"{trace.name}: %{{y:.2f}}<extra></extra>",
            showlegend=several,
            cliponaxis=False,
        )
    places, words = zip(*chart.ticks, strict=True)
    made.update_layout(hovermode="x")
    margin = 0.03 * places[-1]
    made.update_xaxes(
        title=chart.across,
        tickvals=places,
        ticktext=words,
        range=[places[0] - margin, places[-1] + margin],
    )
    made.update_yaxes(title=chart.up, range=[chart.low - 0.03, chart.high + 0.03])
    return made
