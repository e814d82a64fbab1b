"""The sum of a logit as a waterfall: every bar begins where the one before it ended."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from app.charts.style import GREY, PAYS, TAKES, figure
from effnet_core.attribution.ledger import Line


def waterfall(lines: Sequence[Line], logit: float) -> go.Figure:
    """The lines of a sum from top to bottom, and the logit that they add up to."""
    chart = figure(40 + 26 * (len(lines) + 1))
    chart.add_waterfall(
        orientation="h",
        y=[*(line.what for line in lines), "logit"],
        x=[*(line.share for line in lines), logit],
        measure=["relative"] * len(lines) + ["total"],
        text=[f"{value:+.3f}".replace("-", "−") for value in (*_shares(lines), logit)],
        textposition="outside",
        increasing={"marker": {"color": PAYS}},
        decreasing={"marker": {"color": TAKES}},
        totals={"marker": {"color": GREY}},
        connector={"line": {"width": 1, "color": GREY}},
        hovertemplate="%{y}: %{text}<extra></extra>",
        cliponaxis=False,
        showlegend=False,
    )
    chart.update_layout(margin={"r": 56})
    chart.update_xaxes(title="Logit, summed from the top")
    chart.update_yaxes(autorange="reversed", type="category")
    return chart


def _shares(lines: Sequence[Line]) -> list[float]:
    return [line.share for line in lines]
