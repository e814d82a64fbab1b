"""Growth: curves over φ, and whether one step of φ really doubles the cost."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import widgets
from app.charts.scale import growth_sentence
from app.live import component as live
from app.live.marks import mark, ratio_mark, rest
from app.scale import calibration, results
from app.scale.quantities import BY_KEY, LABELS, MS, Priced, Quantity, latency
from app.state import Choice
from app.views.scale.shown import Chosen
from effnet_core.latency import Calibration
from effnet_core.results.axes import BEYOND

X = Choice(key="x", label="Across", options=tuple(LABELS), default="phi", labels=LABELS)
Y = Choice(key="y", label="Up", options=tuple(LABELS), default="params", labels=LABELS)
SCALE = Choice(key="axes", label="Axes", options=("log", "linear"), default="log")
FIELDS = (X, Y, SCALE)


def draw(shown: Chosen) -> None:
    """Draw the two charts with their controls; a network that does not exist has no mark."""
    with st.container(horizontal=True):
        up, across = widgets.select(Y, width=270), widgets.select(X, width=270)
        logarithmic = widgets.segmented(SCALE) == "log"
    if MS in (up, across):
        held = calibration.offer("An axis of milliseconds")
        if held is not None:
            _draw_growth(shown, across, up, logarithmic, held)
            calibration.draw(held)
    else:
        _draw_growth(shown, across, up, logarithmic, None)
    widgets.heading("Does one step of φ double the cost?", "computed")
    rule = shown.rule
    compound = results.curves(rule, shown.batch, shown.dtype)["compound"]
    sentence = growth_sentence(compound, rule.rule.cost_factor)
    st.markdown(sentence)
    live.chart("ratio", sentence, *_ratio(shown))


def _draw_growth(
    shown: Chosen, across: str, up: str, logarithmic: bool, held: Calibration | None
) -> None:
    """The chart of any quantity over any other; milliseconds need a calibration."""
    known = BY_KEY if held is None else BY_KEY | {MS: latency(held)}
    x, y = known[across], known[up]
    measured = () if held is None else results.measured(held, shown.batch, shown.dtype)
    words = f"{y.label} over {x.label} for four scaling strategies and the published variants."
    live.chart("growth", words, *_growth(shown, x, y, logarithmic, measured))
    sentences = [
        f"{widgets.source('computed')} Every line and mark is computed from the architecture. "
        "Published variants have a place on the φ axis only where their name holds a φ (B0 to B8)."
    ]
    if held is not None:
        sentences.append(calibration.sources(held))
        if shown.current and latency(held).caveat(shown.current):
            sentences.append(f"{shown.current.title} is {BEYOND}.")
    st.caption("  \n".join(sentences))


def prepare(shown: Chosen) -> None:
    """Compute what this part shows at first."""
    _growth(shown, BY_KEY[X.default], BY_KEY[Y.default], logarithmic=True)
    _ratio(shown)


def _growth(
    shown: Chosen,
    x: Quantity,
    y: Quantity,
    logarithmic: bool,
    measured: tuple[Priced, ...] = (),
) -> tuple[str, str, str]:
    """The chart, the same at every φ; the mark at every step; the mark of a φ between them."""
    network, current, batch, dtype = shown.network, shown.current, shown.batch, shown.dtype
    across, up = (
        results.growth_axis(quantity, logarithmic, batch, dtype).including(current)
        for quantity in (x, y)
    )
    rule = replace(shown.rule, phi=0.0)
    chart = results.growth_chart(
        rule, network.classes, shown.other, across, up, batch, dtype, measured
    )
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
