"""Compare: what accuracy does each cost buy, by every published record?"""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.frame import page
from app.views import (
    compare_chart,
    compare_controls,
    compare_line,
    compare_table,
    compare_timing,
    compare_trained,
)

FIELDS = (*compare_controls.FIELDS, *compare_timing.FIELDS, *compare_table.FIELDS)


@page(
    "Compare",
    "What accuracy does each cost buy? Every published record, with its recipe, test resolution "
    "and source.",
)
def render() -> None:
    """Draw the page: controls on the left; chart, table and timing on the right."""
    compare_line.follow_scale()
    widgets.show_refusals((*FIELDS, *compare_trained.fields()))
    left, right = st.columns([3, 8], gap="large")
    with left, st.container(key="controls"):
        asked = compare_controls.draw()
    with right, widgets.told():
        chart, first, second = (st.container() for _ in range(3))
        table, timing = (second, first) if asked.axis.kind == "here" else (first, second)
        with table:
            picked = compare_table.choose()
        with chart:
            view = compare_chart.draw(asked, picked)
            compare_trained.draw_pointer()
        with table:
            compare_table.draw(view, asked.records())
        with timing:
            compare_timing.draw()
        compare_trained.draw(asked.axis, logarithmic=asked.logarithmic)
