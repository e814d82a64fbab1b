"""Published: every record on a chart, and the selected ones beside it."""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.views.compare import chart, controls, table


def draw() -> None:
    """Draw the controls, the chart, and the records beside or below it."""
    left, right = st.columns([3, 8], gap="large")
    with left, st.container(key="controls"), widgets.sheet("Cost, families"):
        asked, drag = controls.draw(), table.choose_drag()
    with right, st.container(key="chart-and-records"):
        with st.container(key="chart-side"):
            view = chart.draw(asked, table.held(), drag)
        with st.container(key="records"):
            table.choose()
            table.draw(view, asked.results())
