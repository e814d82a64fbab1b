"""What this project measured on its own networks: accuracy against cost, map scores, curves.

Never drawn on one axis with published accuracies: those are of other photos and classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import cycle

import plotly.graph_objects as go

from app.charts.compare.figure import set_cost_axis
from app.charts.style import GREY, figure
from app.charts.trained.words import cost_on, hover, short_name, subject
from effnet_core.attribution.scores import MapScores
from effnet_core.results.axes import CostAxis
from effnet_core.results.seeds import RunGroup
from effnet_core.results.trained import MeasuredMaps, MeasuredRun

HEIGHT = 420
_SYMBOLS = {"compound": "star", "depth": "square", "width": "diamond", "resolution": "triangle-up"}
_MAP_SYMBOLS = ("circle", "square", "circle-open", "square-open", "x-thin-open")


Scored = tuple[MeasuredRun, MeasuredMaps]
"""A run and its map scores."""


def accuracy(points: Sequence[RunGroup], axis: CostAxis, *, logarithmic: bool) -> go.Figure:
    """Validation top-1 in per cent against cost; bars are the seeds' standard deviation."""
    chart = figure(HEIGHT)
    for name, ours in _series(points).items():
        family = ours[0].group == "family"
        ours = sorted(ours, key=lambda one: cost_on(one.runs[0], axis))
        chart.add_scatter(
            x=[cost_on(one.runs[0], axis) for one in ours],
            y=[100 * one.mean_top1 for one in ours],
            error_y=_bars([one.spread for one in ours]),
            customdata=[one.runs[0].id for one in ours],
            text=[f"<b>{short_name(one.runs[0])}</b>" if family else "" for one in ours],
            textposition="top center",
            cliponaxis=False,
            name=name,
            mode="lines+markers+text" if family else "markers",
            line={"width": 1},
            marker={"symbol": _symbol(ours[0]), "size": 12},
            hovertext=[hover(one, axis) for one in ours],
            hoverinfo="text",
        )
    tops = [100 * (one.mean_top1 + sign * (one.spread or 0)) for one in points for sign in (-1, 1)]
    costs = [cost_on(one.runs[0], axis) for one in points]
    set_cost_axis(chart, axis, _ends(costs, logarithmic), logarithmic=logarithmic)
    chart.update_xaxes(nticks=6)
    chart.update_yaxes(title="Validation top-1, trained here (%)", range=_percent_range(tops))
    chart.update_layout(showlegend=True)
    return chart


def map_scores(
    scored: Sequence[Scored],
    metric: str,
    title: str,
    axis: CostAxis,
    *,
    logarithmic: bool,
    methods: dict[str, str],
) -> go.Figure:
    """One metric of every network's maps against cost, controls in grey; bars: standard errors."""
    chart = figure(HEIGHT)
    rows: dict[str, list[tuple[MeasuredRun, MapScores]]] = {}
    for run, maps in scored:
        for row in maps.rows:
            name = subject(row, run, methods[maps.method], inner="inner stage")
            rows.setdefault(name, []).append((run, row))
    for symbol, (name, found) in zip(cycle(_MAP_SYMBOLS), rows.items(), strict=False):
        found.sort(key=lambda pair: cost_on(pair[0], axis))
        scores = [getattr(row, metric) for _, row in found]
        chart.add_scatter(
            x=[cost_on(run, axis) for run, _ in found],
            y=[100 * score.mean for score in scores],
            error_y=_bars([score.standard_error for score in scores]),
            customdata=[run.id for run, _ in found],
            name=name,
            mode="markers",  # no lines: the networks of the duel cost the same
            marker={
                "symbol": symbol,
                "size": 10,
                **({"color": GREY} if found[0][1].control else {}),
            },
            hovertext=[
                f"<b>{escape(short_name(run))}</b><br>{name}<br>grid {row.grid[0]} × "
                f"{row.grid[1]}<br>{title} {100 * getattr(row, metric).mean:.1f} %"
                for run, row in found
            ],
            hoverinfo="text",
        )
    costs = [cost_on(run, axis) for run, _ in scored]
    set_cost_axis(chart, axis, _ends(costs, logarithmic), logarithmic=logarithmic)
    chart.update_xaxes(nticks=6)
    chart.update_yaxes(title=f"{title} (%)", rangemode="tozero")
    return chart


def curve(run: MeasuredRun, what: str) -> go.Figure:
    """The run's training loss ("loss") or held-out top-1 ("top1") after every epoch."""
    chart = figure(280)
    title, values = {
        "loss": ("Training loss (nats)", {one.epoch: one.loss for one in run.curve}),
        "top1": (
            "Held-out top-1 (%)",
            {one.epoch: 100 * one.top1 for one in run.curve if one.top1 is not None},
        ),
    }[what]
    chart.add_scatter(
        x=list(values),
        y=list(values.values()),
        mode="lines+markers" if len(values) < 60 else "lines",
        marker={"size": 5},
        hovertemplate="epoch %{x}: %{y:.3g}<extra></extra>",
    )
    chart.update_xaxes(title="Epoch", rangemode="tozero")
    chart.update_yaxes(title=title, rangemode="tozero")
    chart.update_layout(showlegend=False)
    return chart


def _series(points: Sequence[RunGroup]) -> dict[str, list[RunGroup]]:
    """What belongs together: the family under one recipe, each strategy of the duel, ablations."""
    found: dict[tuple[str, str], list[RunGroup]] = {}
    for one in points:
        recipe = one.runs[0].shared_recipe
        kind = recipe if one.group == "family" else one.strategy if one.group == "duel" else ""
        found.setdefault((one.group, kind), []).append(one)
    named: dict[str, list[RunGroup]] = {}
    for (group, _), ours in found.items():
        run = ours[0].runs[0]
        name = {
            "family": f"family, {run.recipe.get('epochs', '?')} epochs",
            "duel": f"duel: {short_name(run)}",
            "ablation": "ablations",
            "search": "best of a search",
        }[group]
        while name in named:  # another recipe of as many epochs
            name += ", another recipe"
        named[name] = ours
    return named


def _symbol(one: RunGroup) -> str:
    others = {"family": "circle", "ablation": "x", "search": "hexagram"}
    return others.get(one.group) or _SYMBOLS[one.strategy]


def _bars(errors: Sequence[float | None]) -> dict[str, object] | None:
    """Error bars of fractions in per cent; None where there is nothing to draw."""
    if not any(errors):
        return None
    return {"array": [100 * (error or 0) for error in errors], "thickness": 1.5, "width": 4}


def _ends(costs: Sequence[float], logarithmic: bool) -> tuple[float, float]:
    """Both ends of the axis of cost, with room beside a single point too."""
    low, high = min(costs), max(costs)
    if not logarithmic:
        return 0, 1.15 * high
    room = max(0.08 * math.log10(high / low), 0.3)
    return math.log10(low) - room, math.log10(high) + room


def _percent_range(values: Sequence[float]) -> list[float]:
    """A span of at least ten points round the values, within 0 and 100."""
    middle, half = (min(values) + max(values)) / 2, (max(values) - min(values)) / 2
    half = max(5.0, 1.3 * half)
    return [max(0.0, middle - half), min(100.0, middle + half)]
