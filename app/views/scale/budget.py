"""What fits my budget: published networks, and shapes that nobody trained."""

from __future__ import annotations

import streamlit as st

from app import resources, widgets
from app.markup import plain
from app.scale import calibration
from app.state import value
from app.views.scale import budget_limits, offers
from app.views.scale.budget_answers import draw_answers
from app.views.scale.shown import Shown
from effnet_core.cost.budget import Device, Limits, Setting
from effnet_core.latency import Calibration
from effnet_core.results import published_within

UNTRAINED = "Shapes that nobody trained"
TIE = 0.01
"""The share of the most FLOPs that the free shape nearest to compound scaling may give up."""


def draw(shown: Shown) -> None:
    """Draw the boxes, the published networks that fit, and shapes that nobody trained, folded."""
    widgets.heading("What fits my budget?", "computed")
    chosen, limits = budget_limits.draw()
    if chosen is not None:
        source = f"[{plain(chosen.source)}]({chosen.url})"
        st.caption(f"{widgets.source('published')} {plain(chosen.why)} Source: {source}.")
    if not limits.given:
        st.info("Choose a device or fill in a limit; an empty box limits nothing.")
        return
    held = None
    if limits.latency_ms is not None:
        held = calibration.offer("A limit in milliseconds")
        if held is None:
            return
    setting = _setting(shown, chosen)
    latency = None if held is None else held.predict
    offers.draw(published_within(limits, setting, latency=latency))
    if held is not None:
        calibration.note(held)
    folded = st.expander(UNTRAINED, key="untrained", bind="query-params")
    if folded.open:
        with folded:
            _draw_untrained(limits, setting, held)


def _draw_untrained(limits: Limits, setting: Setting, held: Calibration | None) -> None:
    with st.spinner("Searching …", show_time=True):
        answers = resources.budget(limits, setting, TIE, held)
    draw_answers(answers, setting)
    st.caption(
        f"Searched: {answers[0].searched.replace('-', '−')}; free shapes: {answers[1].searched}. "
        "“End” marks an axis that goes no further. The shape near compound gives up at most "
        f"{100 * TIE:g} % of the FLOPs to lie closest to the ratio of α, β and γ. Nothing here "
        "says how accurate a network is: a shape far from that ratio may be poor."
    )


def _setting(shown: Shown, chosen: Device | None) -> Setting:
    """The formula and the sizes that the page holds, in the number format chosen here."""
    dtype = str(value(budget_limits.FORMAT))
    if dtype == "auto":
        dtype = (chosen and chosen.dtype) or shown.load.dtype
    return Setting(**shown.formula.formula, batch=shown.load.batch, dtype=dtype)
