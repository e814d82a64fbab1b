"""What every figure shares: heights, greys that show on light and dark, axes that do not move."""

from __future__ import annotations

import plotly.graph_objects as go

GREY = "rgba(128, 138, 148, 0.85)"
FAINT = "rgba(128, 138, 148, 0.35)"
FORBIDDEN = "rgba(213, 94, 0, 0.13)"
"""The ground of what a limit forbids: OUTLINE, thinned."""
PAYS, TAKES = "#D55E00", "#0072B2"
"""Above and below 0: Okabe and Ito's vermilion and blue, told apart by all kinds of colour vision.

As in the ledger's maps, whose scale goes from blue to red.
"""
OUTLINE = PAYS
"""Marks a choice: Okabe & Ito's vermilion, 3.9 to 1 on the light page and 4.6 to 1 on the dark."""


def figure(height: int) -> go.Figure:
    """An empty figure of a fixed height: legend below, narrow margins, no zooming by accident."""
    made = go.Figure()
    made.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 12, "b": 8},
        legend={"orientation": "h", "yanchor": "top", "y": -75 / height, "x": 0, "title": None},
        dragmode=False,
        hovermode="closest",
        hoverlabel={"align": "left"},
    )
    made.update_xaxes(automargin=True, zeroline=False, fixedrange=True)
    made.update_yaxes(automargin=True, zeroline=False, fixedrange=True)
    return made
