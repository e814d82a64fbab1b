"""Compare: what accuracy does each cost buy, by every published record?"""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.frame import page
from app.views.compare import (
    chart as compare_chart,
)
from app.views.compare import (
    controls,
    line,
    trained,
)
from app.views.compare import (
    table as compare_table,
)
from app.views.compare import (
    timing as compare_timing,
)

FIELDS = (*controls.FIELDS, *compare_timing.FIELDS, *compare_table.FIELDS)


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
        chart, first, second = (st.container() for _ in range(3))
        table, timing = (second, first) if asked.axis.kind == "here" else (first, second)
        with table:
            picked = compare_table.choose()
        with chart:
            view = compare_chart.draw(asked, picked)
            trained.draw_pointer()
        with table:
            compare_table.draw(view, asked.records())
        with timing:
            compare_timing.draw()
        trained.draw(asked.axis, logarithmic=asked.logarithmic)
