"""Growth: curves over φ, and whether one step of φ really doubles the cost."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import widgets
from app.charts.scale import growth_sentence
from app.live import component as live
from app.live.marks import mark, ratio_mark
from app.live.steps import resting
from app.scale import calibration, pricing, results
from app.scale.network import with_a_phi
from app.scale.quantities import BY_KEY, LABELS, MS, Priced, Quantity, latency
from app.state import Choice
from app.views.scale.shown import Shown
from effnet_core.latency import Calibration
from effnet_core.results.axes import BEYOND

X = Choice(key="x", label="Horizontal axis", options=tuple(LABELS), default="phi", labels=LABELS)
Y = Choice(key="y", label="Vertical axis", options=tuple(LABELS), default="params", labels=LABELS)
SCALE = Choice(key="axes", label="Axes", options=("log", "linear"), default="log")
FIELDS = (X, Y, SCALE)


def draw(shown: Shown) -> None:
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
    compound = results.curves(shown.formula, shown.load)["compound"]
    sentence = growth_sentence(compound, shown.formula.rule.cost_factor)
    st.markdown(sentence)
    live.chart("ratio", sentence, *_ratio(shown))


def _draw_growth(
    shown: Shown, across: str, up: str, logarithmic: bool, held: Calibration | None
) -> None:
    """The chart of any quantity over any other; milliseconds need a calibration."""
    known = BY_KEY if held is None else BY_KEY | {MS: latency(held)}
    x, y = known[across], known[up]
    measured = () if held is None else pricing.measured(held, shown.load)
    words = f"{y.label} over {x.label} for four scaling strategies and the published variants."
    live.chart("growth", words, *_growth(shown, x, y, logarithmic, measured))
    named = with_a_phi(shown.formula.family)
    sentences = [
        f"{widgets.source('computed')} Every line and mark is computed from the architecture. "
        f"Published variants have a place on the φ axis only where their name holds a φ of this "
        f"family ({named[0].title()} to {named[-1].title()})."
    ]
    if held is not None:
        sentences.append(calibration.sources(held))
        if shown.current and latency(held).caveat(shown.current):
            sentences.append(f"{shown.current.title} is {BEYOND}.")
    st.caption("  \n".join(sentences))


def prepare(shown: Shown) -> None:
    """Compute what this part shows at first."""
    _growth(shown, BY_KEY[X.default], BY_KEY[Y.default], logarithmic=True)
    _ratio(shown)


Drawn = tuple[str, str, dict[str, Any] | None]
"""A chart, the same at every φ; its mark at every step of φ; the mark of a network at none."""


def _growth(
    shown: Shown,
    x: Quantity,
    y: Quantity,
    logarithmic: bool,
    measured: tuple[Priced, ...] = (),
) -> Drawn:
    current, formula, load = shown.current, shown.formula, shown.load
    across, up = (
        results.growth_axis(quantity, logarithmic, formula.family, load).including(current)
        for quantity in (x, y)
    )
    chart = results.growth_chart(formula, shown.mark_of_a, across, up, load, measured)
    rows = "[]" if shown.network.variant else results.live_marks(formula, x, y, load)
    return chart, rows, resting(shown.network, current and mark(current, x, y))


def _ratio(shown: Shown) -> Drawn:
    """The same of the chart of ratios; a variant has no mark there, nor has one dimension alone."""
    current, formula, load = shown.current, shown.formula, shown.load
    chart = results.ratio_chart(formula, load)
    if shown.network.variant or current is None or formula.strategy != "compound":
        here = None
    else:
        here = ratio_mark(current, results.base(formula, load))
    rows = "[]" if shown.network.variant else results.live_ratios(formula, load)
    return chart, rows, resting(shown.network, here)
