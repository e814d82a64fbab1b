"""What a figure shows as rows of a table: one for each point that is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from app.charts.scale import Chart

Row = dict[str, object]
_TAG = re.compile(r"</?[a-z]+>")


def of_figure(figure: go.Figure) -> list[Row]:
    """Every point of every trace, with the names that the axes have; lines and marks alike.

    Traces that only explain the legend have no point, and those without a name join others.
    """
    layout = figure.layout
    across, up = _apart(_title(layout.xaxis, "x"), _title(layout.yaxis, "y"))
    rows: list[Row] = []
    for trace in figure.data:
        if not trace.name:
            continue
        for x, y, label in _points(trace):
            if x is not None and y is not None:
                rows.append({"series": trace.name, across: x, up: y, "label": label})
    return rows


def of_chart(chart: Chart) -> list[Row]:
    """The same of a chart that the browser draws."""
    across, up = _apart(chart.x.label, chart.y.label)
    rows: list[Row] = []
    for line in chart.lines:
        for x, y in zip(line.x, line.y, strict=True):
            rows.append({"series": line.name, across: x, up: y, "label": ""})
    for marks in chart.marks:
        for mark in marks.marks:
            rows.append({"series": marks.name, across: mark.x, up: mark.y, "label": mark.title})
    return rows


def _points(trace: Any) -> Iterator[tuple[Any, Any, str]]:
    xs, ys = _list(trace.x), _list(trace.y)
    labels = next((list(kept) for kept in (trace.customdata, trace.text) if _each(kept, xs)), None)
    for place, (x, y) in enumerate(zip(xs, ys, strict=False)):
        yield x, y, "" if labels is None else _TAG.sub("", str(labels[place]))


def _list(values: Iterable[Any] | None) -> list[Any]:
    return [] if values is None else list(values)


def _each(labels: Any, xs: list[Any]) -> bool:
    """Whether there is one label for each point."""
    return labels is not None and not isinstance(labels, str) and len(labels) == len(xs)


def _title(axis: Any, name: str) -> str:
    text = axis.title.text
    return text.replace("<br>", " ") if text else name


def _apart(across: str, up: str) -> tuple[str, str]:
    return (across, up) if across != up else (f"{across}, across", f"{up}, up")
