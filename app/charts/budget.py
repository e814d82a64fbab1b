"""Published networks against the cost that a budget limits most, with what is forbidden shaded."""

from __future__ import annotations

import math
from html import escape

import plotly.graph_objects as go

from app.charts.style import FORBIDDEN, GREY, OUTLINE, figure
from app.scale.network import Network
from effnet_core.results import PublishedAnswer, PublishedNetwork

HEIGHT = 330


def within(answer: PublishedAnswer, title: str, unit: float) -> go.Figure:
    """Top-1 over the limiting cost; `title` names it with its unit, of which each is `unit`."""
    chart = figure(HEIGHT)
    limit = answer.limits.given[answer.limiting] / unit
    for name, networks, symbol in (
        ("fits", answer.fitting, "circle"),
        ("breaks a limit", answer.missing, "circle-open"),
    ):
        costs = [getattr(one, answer.limiting) / unit for one in networks]
        chart.add_scatter(
            x=costs,
            y=[one.record.top1 for one in networks],
            text=[f"<b>{title_of(one)}</b>" if symbol == "circle" else "" for one in networks],
            customdata=[title_of(one) for one in networks],
            name=name,
            mode="markers+text",
            textposition="top center",
            marker={"symbol": symbol, "size": 10, "line": {"width": 1.6}},
            hovertext=[_hover(one, cost, title) for one, cost in zip(networks, costs, strict=True)],
            hoverinfo="text",
            cliponaxis=False,
        )
    values = [getattr(one, answer.limiting) / unit for one in answer.networks] + [limit]
    low, high = math.log10(min(values)) - 0.08, math.log10(max(values)) + 0.12
    chart.add_vrect(x0=limit, x1=10**high, fillcolor=FORBIDDEN, line_width=0, layer="below")
    chart.add_vline(limit, line={"color": OUTLINE, "width": 1.5, "dash": "dash"})
    chart.update_xaxes(title=title, type="log", range=(low, high))
    tops = [one.record.top1 for one in answer.networks]
    chart.update_yaxes(title="Top-1, ImageNet (%)", range=(min(tops) - 1.5, max(tops) + 2.5))
    chart.add_scatter(
        x=[None],
        y=[None],
        name="over the limit",
        mode="markers",
        marker={"symbol": "square", "size": 12, "color": FORBIDDEN, "line": {"color": GREY}},
    )
    return chart


def message(answer: PublishedAnswer, title: str, limit: str) -> str:
    """In words what `within` shows."""
    return (
        f"Top-1 on ImageNet over {title} of {len(answer.networks)} published networks: "
        f"{len(answer.fitting)} keep every limit; {title} is limited to {limit}."
    )


def title_of(one: PublishedNetwork) -> str:
    """What the network is called on pages."""
    return Network(variant=one.name).title


def _hover(one: PublishedNetwork, cost: float, title: str) -> str:
    return (
        f"<b>{title_of(one)}</b>, {one.resolution} pixels<br>top-1 {one.record.top1:.2f} %<br>"
        f"{escape(one.recipe.title)}, {one.record.source}<br>{title}: {cost:,.3g}"
    )
