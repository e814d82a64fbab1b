"""Compare: what accuracy does each cost buy, by every published record?"""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.frame import page
from app.views.compare import chart, controls, line, packaged, table, timing, trained

FIELDS = (*controls.FIELDS, *timing.FIELDS, *table.FIELDS)


@page(
    "Compare",
    "What accuracy does each cost buy? Every published record, with its recipe, test resolution "
    "and source.",
)
def render() -> None:
    """Draw the page: controls on the left; chart, table and timing on the right."""
    line.follow_scale()
    widgets.show_refusals((*FIELDS, *trained.fields()))
    left, right = st.columns([3, 8], gap="large")
    with left, st.container(key="controls"):
        asked = controls.draw()
    with right, widgets.told():
        top, first, second = (st.container() for _ in range(3))
        below, timed = (second, first) if asked.axis.kind == "here" else (first, second)
        with below:
            picked = table.choose()
        with top:
            view = chart.draw(asked, picked)
            trained.draw_pointer()
        with below:
            table.draw(view, asked.results())
        with timed:
            timing.draw()
            packaged.draw()
        trained.draw(asked.axis, logarithmic=asked.logarithmic)
