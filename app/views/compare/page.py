"""Compare: what accuracy does each cost buy, by every published record?"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import widgets
from app.frame import page
from app.state import Choice
from app.views.compare import controls, here, line, looks, published, table, timing, trained

PARTS: dict[str, Callable[[], None]] = {
    "Published": published.draw,
    "Time here": here.draw,
    "Trained here": trained.draw,
    "Where they look": looks.draw,
}
PART = Choice(key="view", label="The part shown", options=tuple(PARTS), default="Published")
FIELDS = (PART, *controls.FIELDS, *timing.FIELDS, *table.FIELDS)


@page(
    "Compare",
    "What accuracy does each cost buy? Every published record, with its recipe, test resolution "
    "and source.",
)
def render() -> None:
    """Draw the tabs, of which only the open one is drawn."""
    line.follow_scale()
    widgets.show_refusals((*FIELDS, *trained.fields()))
    with st.container(key="parts"):
        tabs = st.tabs(list(PARTS), key=PART.key, on_change="rerun", bind="query-params")
    for tab, draw in zip(tabs, PARTS.values(), strict=True):
        if tab.open:
            with tab, widgets.told():
                draw()
