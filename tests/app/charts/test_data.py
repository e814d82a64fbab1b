"""What a chart shows as rows, beside the points that were put into it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from app.charts.data import of_chart, of_figure
from app.charts.scale import Chart, DrawnAxis, Line, Marks
from app.live.marks import Mark


def test_every_point_of_every_named_trace_is_a_row() -> None:
    figure = go.Figure()
    figure.add_scatter(x=np.array([1.0, 2.0]), y=[3, 4], name="one", customdata=["a", "b"])
    figure.add_scatter(x=[5], y=[6], name="two", text=["<b>c</b>"])
    figure.add_scatter(x=[None], y=[None], name="what a shape means")
    figure.add_scatter(x=[7, 8], y=[9, 9], name=None)  # a line that joins others
    figure.add_bar(x=[1], y=[2], name="bar", text="all")
    figure.update_xaxes(title="Cost,<br>less is better")
    assert of_figure(figure) == [
        {"series": "one", "Cost, less is better": 1.0, "y": 3, "label": "a"},
        {"series": "one", "Cost, less is better": 2.0, "y": 4, "label": "b"},
        {"series": "two", "Cost, less is better": 5, "y": 6, "label": "c"},
        {"series": "bar", "Cost, less is better": 1, "y": 2, "label": ""},
    ]


def test_axes_of_one_name_are_two_columns() -> None:
    axis = DrawnAxis(label="φ", logarithmic=False, range=(0, 1))
    mark = Mark(x=1.0, y=2.0, title="B0", text="B0, said")
    chart = Chart(
        height=100,
        x=axis,
        y=axis,
        lines=(Line(name="line", x=(0.0, 1.0), y=(2.0, 3.0), width=1.0),),
        marks=(Marks(name="marks", symbol="circle", marks=(mark,), labels=("",)),),
    )
    assert of_chart(chart) == [
        {"series": "line", "φ, across": 0.0, "φ, up": 2.0, "label": ""},
        {"series": "line", "φ, across": 1.0, "φ, up": 3.0, "label": ""},
        {"series": "marks", "φ, across": 1.0, "φ, up": 2.0, "label": "B0"},
    ]
