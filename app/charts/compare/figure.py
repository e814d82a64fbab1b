"""Accuracy against cost: published records, the Pareto front, and the cost of one network."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from app.charts.compare.words import Mark, View, hover
from app.charts.style import GREY, figure
from effnet_core.results.axes import CostAxis, Timing
from effnet_core.results.published import TEST_SET_TITLES, families
from effnet_core.results.trade_off import Placed, extra_data, front, identity, series

HEIGHT = 620
_ROOM_FOR_FAMILIES = 6
_PIXELS_A_FAMILY = 6
_TITLE_WIDTH = 42
_UNBROKEN = "\u00a0"
_LINE = 0.04  # of the chart's height, a line of the title of an axis
LABELLED = ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7")
# Streamlit puts the theme's categorical colours in the place of these, in light and in dark.
_COLOURS = tuple(f"#{number:06d}" for number in range(1, 11))
_TEXT = _COLOURS[9]
_FIRST = ("EfficientNet", "EfficientNetV2", "EfficientNet-Lite")
_SHAPES = ("circle", "square", "triangle-up", "triangle-down", "hexagon")


def trade_off(view: View) -> go.Figure:
    """Every record as a mark, hollow where its count is the source's own; see `View`."""
    chart = figure(height(view))
    across, up = spans(view)
    if view.with_lines:
        _add_lines(chart, view)
    if view.with_front:
        _add_front(chart, view)
    if view.mark is not None:
        _add_mark(chart, view.mark, view, up)
    _add_families(chart, view)
    _add_picked(chart, view)
    _add_labels(chart, view)
    margin = 0.03 * (across[1] - across[0])
    ends = (across[0] - margin, across[1] + margin)
    set_cost_axis(chart, view.axis, ends, logarithmic=view.logarithmic)
    chart.update_yaxes(title=f"Top-1 accuracy, {TEST_SET_TITLES[view.test_set]} (%)", range=up)
    chart.update_layout(
        dragmode=view.drag or False,
        legend={
            "y": -0.13 - _LINE * axis_title(view.axis).count("<br>"),
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
    return chart


def height(view: View) -> int:
    """Pixels: a little more for each family that the legend lists beyond a handful."""
    listed = len({one.result.family for one in view.placed})
    return HEIGHT + _PIXELS_A_FAMILY * max(0, listed - _ROOM_FOR_FAMILIES)


def axis_title(axis: CostAxis) -> str:
    """The title of the axis, with its unit and which way is better, in lines that fit a phone."""
    unit = f" ({axis.unit})" if axis.unit else ""
    way = "more is better" if axis.more_is_better else "less is better"
    whole = f"{axis.title}{unit}, {way.replace(' ', _UNBROKEN)}"
    return "<br>".join(textwrap.wrap(whole, _TITLE_WIDTH)).replace(_UNBROKEN, " ")


def set_cost_axis(
    chart: go.Figure, axis: CostAxis, ends: tuple[float, float], *, logarithmic: bool
) -> None:
    """The axis of cost between two `ends`, which are powers of ten where it is logarithmic."""
    chart.update_xaxes(
        title=axis_title(axis),
        type="log" if logarithmic else "linear",
        range=ends,
        exponentformat="B",
    )


def spans(view: View) -> tuple[tuple[float, float], tuple[float, float]]:
    """Lowest and highest value of both axes (the first in powers of ten if logarithmic).

    They depend on the records and on the mark alone, so that nothing else makes the chart jump.
    """
    values = [one.cost.value for one in view.placed]
    values += [] if view.mark is None else [view.mark.value]
    timings = _timings(view, view.placed)
    values += [end for timing in timings for end in (timing.low_ms, timing.high_ms)]
    low, high = min(values, default=1.0), max(values, default=10.0)
    if view.logarithmic:
        low, high = math.log10(low), math.log10(high)
    elif view.axis.kind != "pixels":
        low = 0.0
    if low == high:
        low, high = low - 0.5, high + 0.5
    tops = [one.result.top1 for one in view.placed]
    bottom, top = min(tops, default=0.0), max(tops, default=100.0)
    return (low, high), (bottom - 0.05 * (top - bottom) - 0.5, top + 0.09 * (top - bottom) + 0.5)


def _add(chart: go.Figure, placed: Iterable[Placed], **look: Any) -> None:
    """A trace of these records, each at its cost and accuracy."""
    points = [(one.cost.value, one.result.top1) for one in placed]
    chart.add_scatter(x=[cost for cost, _ in points], y=[top1 for _, top1 in points], **look)


def _add_families(chart: go.Figure, view: View) -> None:
    """One trace for each family, EfficientNets on top; then what the shapes of the marks mean."""
    for rank, name in reversed(list(enumerate(families()))):
        # Those trained on ImageNet-1k alone come first, so that the legend shows their shape.
        ours = sorted(
            (one for one in view.placed if one.result.family == name),
            key=lambda one: bool(extra_data(one.result)),
        )
        if ours:
            _add(
                chart,
                ours,
                customdata=[identity(one.result) for one in ours],
                name=name,
                mode="markers",
                legendrank=1000 + rank,
                marker=_marker(ours, name, view.axis),
                error_x=_spread(_timings(view, ours)),
                hovertext=[hover(one, view.axis) for one in ours],
                hoverinfo="text",
            )
    if any(extra_data(one.result) for one in view.placed):
        _explain(chart, "more than ImageNet-1k", symbol="diamond")
    if any(_hollow(one, view.axis) for one in view.placed):
        here = view.axis.kind == "here"
        meaning = "predicted, not measured" if here else "as published, counts differ"
        _explain(chart, meaning, symbol="circle-open")


def _marker(ours: Sequence[Placed], family: str, axis: CostAxis) -> dict[str, object]:
    shape = _look(family)[1]
    return {
        "symbol": [
            ("diamond" if extra_data(one.result) else shape)
            + ("-open" if _hollow(one, axis) else "")
            for one in ours
        ],
        "size": 9 if family in _FIRST else 8,
        "color": _look(family)[0],
        "opacity": 0.95 if family in _FIRST else 0.75,
        "line": {"width": 1.3},
    }


def _hollow(one: Placed, axis: CostAxis) -> bool:
    """Whether the source counted this cost in its own way, or it is a prediction."""
    return one.cost.basis == "predicted" or (axis.kind == "count" and one.cost.basis == "published")


def _look(family: str) -> tuple[str, str]:
    """Its colour and shape: three colours are kept for the EfficientNets of this project."""
    if family in _FIRST:
        return _COLOURS[_FIRST.index(family)], _SHAPES[0]
    others = [name for name in families() if name not in _FIRST]
    colours = _COLOURS[len(_FIRST) : -1]
    shape, colour = divmod(others.index(family), len(colours))
    return colours[colour], _SHAPES[shape]


def _spread(timings: Sequence[Timing]) -> dict[str, object] | None:
    """As bars: the interquartile range of what was measured here, the band of a prediction."""
    if not timings:
        return None
    return {
        "array": [timing.high_ms - timing.median_ms for timing in timings],
        "arrayminus": [timing.median_ms - timing.low_ms for timing in timings],
        "thickness": 1,
        "width": 3,
    }


def _timings(view: View, placed: Iterable[Placed]) -> list[Timing]:
    """The latency behind each of these records, in their order; none on other axes."""
    if view.axis.kind != "here":
        return []
    results = (one.result for one in placed)
    return [view.timings[one.architecture or "", one.test_resolution or 0] for one in results]


def _explain(
    chart: go.Figure,
    text: str,
    *,
    symbol: str = "circle",
    mode: str = "markers",
    rank: int = 2000,
) -> None:
    """An entry of the legend for a shape or line that several families share."""
    chart.add_scatter(
        x=[None],
        y=[None],
        name=text,
        mode=mode,
        marker={"symbol": symbol, "size": 9, "color": GREY, "line": {"width": 1.3}},
        line={"width": 1, "color": GREY},
        legendrank=rank,
    )


def _add_lines(chart: go.Figure, view: View) -> None:
    """Thin lines between the sizes of one network under one recipe."""
    for line in series(view.placed):
        _add(
            chart,
            line,
            mode="lines",
            line={"width": 1, "color": _look(line[0].result.family)[0]},
            opacity=0.4,
            showlegend=False,
            hoverinfo="skip",
        )
    _explain(chart, "joined sizes, no prediction", mode="lines", rank=2002)


def _add_front(chart: go.Figure, view: View) -> None:
    """Steps from each best record to the next: what the best of the records reaches at a cost."""
    best = front(view.placed, view.axis)
    _add(
        chart,
        best,
        name="Pareto front, drawn in steps",
        mode="lines",
        legendrank=2001,
        line={
            "shape": "vh" if view.axis.more_is_better else "hv",
            "width": 2,
            "dash": "dot",
            "color": GREY,
        },
        hoverinfo="skip",
    )


def _add_mark(chart: go.Figure, mark: Mark, view: View, up: tuple[float, float]) -> None:
    """A vertical line of cost, from edge to edge: it claims no accuracy."""
    left = sum(one.cost.value > mark.value for one in view.placed) > len(view.placed) / 2
    heights = [up[0] + (up[1] - up[0]) * step / 40 for step in range(41)]
    chart.add_scatter(
        x=[mark.value] * len(heights),
        y=heights,
        text=["", "", f"\u00a0{mark.title}\u00a0", *[""] * (len(heights) - 3)],
        textposition="middle right" if left else "middle left",
        textfont={"color": _TEXT, "size": 13},
        name=f"{mark.title}: cost alone",
        mode="lines+text",
        legendrank=2003,
        line={"width": 2, "color": _TEXT},
        opacity=0.8,
        hovertext=f"<b>{escape(mark.title)}</b><br>{mark.cost(view.axis)}<br>"
        "Nobody has measured its accuracy: this line shows cost alone.",
        hoverinfo="text",
    )


def _add_picked(chart: go.Figure, view: View) -> None:
    chosen = [one for one in view.placed if identity(one.result) in view.picked]
    _add(
        chart,
        chosen,
        name="selected",
        showlegend=bool(chosen),
        legendrank=1999,
        mode="markers",
        marker={"symbol": "circle-open", "size": 17, "color": _TEXT, "line": {"width": 2.2}},
        hoverinfo="skip",
    )


def _add_labels(chart: go.Figure, view: View) -> None:
    """The names of B0 to B7, each at its most accurate record, where there is room above."""
    best: dict[str, Placed] = {}
    for one in view.placed:
        name = one.result.architecture or ""
        if name in LABELLED and (name not in best or one.result.top1 > best[name].result.top1):
            best[name] = one
    _add(
        chart,
        best.values(),
        text=[f"<b>{name.upper()}</b>" for name in best],
        mode="text",
        textposition="top center",
        textfont={"size": 12, "color": _look("EfficientNet")[0]},
        showlegend=False,
        hoverinfo="skip",
    )
