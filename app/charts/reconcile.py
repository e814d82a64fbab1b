"""The formula beside the published table: implied φ by axis, and blocks over φ."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from app.charts.style import FAINT, GREY, figure
from effnet_core.cost.reconcile import DepthJump, Reconciliation

_SYMBOLS = {"depth": "square", "width": "diamond", "resolution": "circle"}


def implied_phi(found: Sequence[Reconciliation], chosen: str) -> go.Figure:
    """The φ that each variant's depth, width and resolution imply, beside the one in its name."""
    chart = figure(340)
    names = [one.variant.title() for one in found]
    for index, axis in enumerate(_SYMBOLS):
        chart.add_scatter(
            x=[one.axes[index].implied_phi for one in found],
            y=names,
            name=f"φ implied by {axis}",
            mode="markers",
            marker={
                "symbol": _SYMBOLS[axis],
                "size": [14 if one.variant == chosen else 9 for one in found],
            },
            hovertemplate=axis + " of %{y}: φ = %{x:.2f}<extra></extra>",
        )
    chart.add_scatter(
        x=[one.nominal_phi for one in found],
        y=names,
        name="φ by its name",
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 18, "color": GREY, "line": {"width": 2}},
        hovertemplate="%{y} by its name: φ = %{x}<extra></extra>",
    )
    most = max((one.nominal_phi or 0 for one in found), default=0)
    chart.update_xaxes(title="φ", range=[-0.4, most + 0.6], dtick=1)
    chart.update_yaxes(autorange="reversed", type="category")
    return chart


def blocks_over_phi(
    jumps: Sequence[DepthJump], published: Sequence[tuple[str, float, int]], phi: float | None
) -> go.Figure:
    """Plateaus and jumps: how many blocks the formula's network has from φ = 0 to φ = 8.

    `published` holds (name, φ by its name, blocks).
    """
    chart = figure(340)
    ends = [jump.phi for jump in jumps]
    chart.add_scatter(
        x=[0.0, *ends, 8.0],
        y=[
            jumps[0].blocks_below,
            *(jump.blocks_above for jump in jumps),
            jumps[-1].blocks_above,
        ],
        name="the formula",
        mode="lines",
        line={"shape": "hv", "width": 2.5},
        hovertemplate="from φ = %{x:.3f}: %{y} blocks<extra></extra>",
    )
    chart.add_scatter(
        x=[row[1] for row in published],
        y=[row[2] for row in published],
        text=[row[0].title() for row in published],
        name="published, at the φ of its name",
        mode="markers+text",
        textposition="bottom right",
        marker={"symbol": "circle-open", "size": 9, "color": GREY, "line": {"width": 2}},
        hovertemplate="%{text}: %{y} blocks<extra></extra>",
    )
    if phi is not None and 0 <= phi <= 8:
        chart.add_vline(phi, line={"color": FAINT, "width": 2})
    chart.update_xaxes(title="φ", range=[-0.3, 8.9], dtick=1)
    chart.update_yaxes(title="Blocks", range=[0, 1.1 * jumps[-1].blocks_above])
    return chart
