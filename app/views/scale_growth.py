"""Scale, growth: curves over φ, and whether one step of φ really doubles the cost."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st

from app import resources, widgets
from app.charts.scale import growth_sentence
from app.live import component as live
from app.live.marks import mark, rest
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
    curves, ratio = _figures(shown, x, y, logarithmic)
    words = f"{y.label} over {x.label} for four scaling strategies and the published variants."
    widgets.chart(curves, words, key="growth")
    st.caption(
        f"{widgets.source('computed')} Every line and mark is computed from the architecture. "
        "Published variants have a place on the φ axis only where their name holds a φ (B0 to B8)."
    )
    widgets.heading("Does one step of φ double the cost?", "computed")
    rule = shown.rule
    compound = resources.curves(rule, shown.batch, shown.dtype)["compound"]
    sentence = growth_sentence(compound, rule.rule.cost_factor)
    st.markdown(sentence)
    widgets.chart(ratio, sentence, key="ratio")
    live.marks(*_marks(shown, x, y))


def prepare(shown: Chosen) -> None:
    """Compute what this part shows at first."""
    x, y = BY_KEY[X.default], BY_KEY[Y.default]
    for figure in _figures(shown, x, y, logarithmic=True):
        figure.to_json()
    _marks(shown, x, y)


def _figures(
    shown: Chosen, x: Quantity, y: Quantity, logarithmic: bool
) -> tuple[go.Figure, go.Figure]:
    """Both charts, the same at every φ."""
    batch, dtype, rule = shown.batch, shown.dtype, replace(shown.rule, phi=0.0)
    across, up = (
        resources.growth_axis(quantity, logarithmic, batch, dtype).including(shown.current)
        for quantity in (x, y)
    )
    classes = shown.network.classes
    curves = resources.growth_figure(rule, classes, shown.other, across, up, batch, dtype)
    return curves, resources.ratio_figure(rule, batch, dtype)


def _marks(shown: Chosen, x: Quantity, y: Quantity) -> tuple[str, str]:
    """The marks at every step of φ, and the chosen network's where it is at none."""
    network, batch, dtype = shown.network, shown.batch, shown.dtype
    current, rows, here = shown.current, "[]", None
    if network.variant is None:
        rows = resources.live_marks(shown.at_zero, x, y, batch, dtype)
    if current is not None:
        here = mark(current, x, y, resources.base(network, batch, dtype))
    return rows, rest(network, here)
