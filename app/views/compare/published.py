"""Published: every record on a chart, and the selected ones beside it."""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.views.compare import chart, controls, table
from app.views.compare.controls import Asked


def draw() -> None:
    """Draw the controls, the chart, and the records beside or below it.

    On a phone the chart comes first, and the controls lie under a button.
    """
    if widgets.on_phone():
        with st.popover("Cost, families and more", icon=":material/tune:", width="stretch"):
            asked, drag = _draw_controls()
        _draw_results(asked, drag)
        return
    left, right = st.columns([3, 8], gap="large")
    with left, st.container(key="controls"):
        asked, drag = _draw_controls()
    with right:
        _draw_results(asked, drag)


def _draw_controls() -> tuple[Asked, str | None]:
    return controls.draw(), table.choose_drag()


def _draw_results(asked: Asked, drag: str | None) -> None:
    with st.container(key="chart-and-records"):
        with st.container(key="chart-side"):
            view = chart.draw(asked, table.held(), drag)
        with st.container(key="records"):
            table.choose()
            table.draw(view, asked.results())
