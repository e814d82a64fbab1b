"""Scale, growth: curves over φ, and whether one step of φ really doubles the cost."""

from __future__ import annotations

import streamlit as st

from app import resources, widgets
from app.charts.scale import Axis, growth_curves, growth_ratio, growth_sentence, span
from app.live import component as live
from app.live.marks import mark, rest
from app.network import Network
from app.quantities import BY_KEY, QUANTITIES, Priced, Quantity
from app.state import Choice
from app.views.scale_network import Chosen

_LABELS = {quantity.key: quantity.label for quantity in QUANTITIES}
X = Choice(key="x", label="Across", options=tuple(BY_KEY), default="phi", labels=_LABELS)
Y = Choice(key="y", label="Up", options=tuple(BY_KEY), default="params", labels=_LABELS)
SCALE = Choice(key="axes", label="Axes", options=("log", "linear"), default="log")
FIELDS = (X, Y, SCALE)

# Linear axes end here: beyond, a few giants would flatten everything else.
_LINEAR_UP_TO_PHI = 8


def draw(shown: Chosen) -> None:
    """Draw the two charts with their controls; a network that does not exist has no mark."""
    with st.container(horizontal=True):
        y, x = BY_KEY[widgets.select(Y, width=240)], BY_KEY[widgets.select(X, width=240)]
        logarithmic = widgets.segmented(SCALE) == "log"
    rule, current = shown.rule, shown.current
    curves = resources.curves(rule, shown.batch, shown.dtype)
    figure = growth_curves(
        curves,
        published=resources.published(shown.network.classes, shown.batch, shown.dtype),
        pinned=shown.other,
        strategy=rule.strategy,
        x=_axis(x, logarithmic, shown),
        y=_axis(y, logarithmic, shown),
    )
    words = f"{y.label} over {x.label} for four scaling strategies and the published variants."
    widgets.chart(figure, words, key="growth")
    st.caption(
        f"{widgets.source('computed')} Every line and mark is computed from the architecture. "
        "Published variants have a place on the φ axis only where their name holds a φ (B0 to B8)."
    )
    widgets.heading("Does one step of φ double the cost?", "computed")
    factor = rule.rule.cost_factor
    sentence = growth_sentence(curves["compound"], factor)
    st.markdown(sentence)
    widgets.chart(growth_ratio(curves["compound"], cost_factor=factor), sentence, key="ratio")
    _follow_phi(shown, current, x, y)


def _follow_phi(shown: Chosen, current: Priced | None, x: Quantity, y: Quantity) -> None:
    """Mark the chosen network on both charts, and let the marks follow the slider."""
    network, batch, dtype = shown.network, shown.batch, shown.dtype
    rows, here = "[]", None
    if network.variant is None:
        rows = resources.live_marks(shown.at_zero, x.key, y.key, batch, dtype)
    if current is not None:
        here = mark(current, x, y, resources.base(network, batch, dtype))
    live.marks(rows, rest(network, here))


def _axis(quantity: Quantity, logarithmic: bool, shown: Chosen) -> Axis:
    """An axis whose range depends on batch and number format alone, so that nothing jumps.

    Only a network outside it widens it.
    """
    curves = resources.curves(Network(), shown.batch, shown.dtype)
    networks = [network for curve in curves.values() for network in curve]
    networks += resources.published(1000, shown.batch, shown.dtype)
    low, high = span(networks, quantity)
    logarithmic = logarithmic and not quantity.always_linear
    if not (logarithmic or quantity.always_linear):
        low = 0
        high = span([n for n in curves["compound"] if n.phi == _LINEAR_UP_TO_PHI], quantity)[1]
    here = None if shown.current is None else quantity.of(shown.current)
    if here is not None:
        low, high = min(low, here), max(high, here)
    return Axis(quantity=quantity, logarithmic=logarithmic, span=(low, high))
