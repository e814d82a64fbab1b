"""Scale, growth: curves over φ, and whether one step of φ really doubles the cost."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import results, widgets
from app.charts.scale import growth_sentence
from app.live import component as live
from app.live.marks import mark, ratio_mark, rest
from app.quantities import BY_KEY, QUANTITIES, Quantity
from app.state import Choice
from app.views.scale_network import Chosen

_LABELS = {quantity.key: quantity.label for quantity in QUANTITIES}
X = Choice(key="x", label="Across", options=tuple(BY_KEY), default="phi", labels=_LABELS)
Y = Choice(key="y", label="Up", options=tuple(BY_KEY), default="params", labels=_LABELS)
SCALE = Choice(key="axes", label="Axes", options=("log", "linear"), default="log")
FIELDS = (X, Y, SCALE)


def draw(shown: Chosen) -> None:
    """Draw the two charts with their controls; a network that does not exist has no mark."""
    with st.container(horizontal=True):
        y, x = BY_KEY[widgets.select(Y, width=240)], BY_KEY[widgets.select(X, width=240)]
        logarithmic = widgets.segmented(SCALE) == "log"
    words = f"{y.label} over {x.label} for four scaling strategies and the published variants."
    live.chart("growth", words, *_growth(shown, x, y, logarithmic))
    st.caption(
        f"{widgets.source('computed')} Every line and mark is computed from the architecture. "
        "Published variants have a place on the φ axis only where their name holds a φ (B0 to B8)."
    )
    widgets.heading("Does one step of φ double the cost?", "computed")
    rule = shown.rule
    compound = results.curves(rule, shown.batch, shown.dtype)["compound"]
    sentence = growth_sentence(compound, rule.rule.cost_factor)
    st.markdown(sentence)
    live.chart("ratio", sentence, *_ratio(shown))


def prepare(shown: Chosen) -> None:
    """Compute what this part shows at first."""
    _growth(shown, BY_KEY[X.default], BY_KEY[Y.default], logarithmic=True)
    _ratio(shown)


def _growth(shown: Chosen, x: Quantity, y: Quantity, logarithmic: bool) -> tuple[str, str, str]:
    """The chart, the same at every φ; the mark at every step; the mark of a φ between them."""
    network, current, batch, dtype = shown.network, shown.current, shown.batch, shown.dtype
    across, up = (
        results.growth_axis(quantity, logarithmic, batch, dtype).including(current)
        for quantity in (x, y)
    )
    rule = replace(shown.rule, phi=0.0)
    chart = results.growth_chart(rule, network.classes, shown.other, across, up, batch, dtype)
    rows = "[]"
    if network.variant is None:
        rows = results.live_marks(rule, x, y, batch, dtype)
    return chart, rows, rest(network, mark(current, x, y) if current else None)


def _ratio(shown: Chosen) -> tuple[str, str, str]:
    """The same of the chart of ratios; a variant has no mark there."""
    network, current, batch, dtype = shown.network, shown.current, shown.batch, shown.dtype
    rule = replace(shown.rule, phi=0.0)
    chart = results.ratio_chart(rule, batch, dtype)
    if network.variant is not None:
        return chart, "[]", rest(network, None)
    here = None
    if current and network.strategy == "compound":
        here = ratio_mark(current, results.base(rule, batch, dtype))
    return chart, results.live_ratios(rule, batch, dtype), rest(network, here)
