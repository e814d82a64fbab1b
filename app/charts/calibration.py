"""Predicted against measured milliseconds, as the browser draws it (`charts.scale.Chart`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from app.charts.scale import Chart, DrawnAxis, Line, Marks, Symbol
from app.live.marks import Mark
from app.scale.pricing import network_of
from app.text import milliseconds
from effnet_core.latency import Calibration, Compared, unseen


def scatter(calibration: Calibration) -> Chart:
    """Each network at (measured, predicted): on the diagonal they are equal.

    Networks of the calibration are each predicted from the others; those it was checked with were
    never part of it. The thin lines are the edges of the band.
    """
    networks = (*calibration.timed, *calibration.checked)
    values = [ms for one in networks for ms in (one.predicted_ms, one.median_ms)]
    low, high = 0.8 * min(values), 1.25 * max(values)
    fast, slow = calibration.model.band
    span = (math.log10(low), math.log10(high))
    held_out = _marks("in the calibration, held out", "triangle", calibration.timed)
    unseen_ = _marks("never timed before", "circle", calibration.checked)
    return Chart(
        height=430,
        x=DrawnAxis(label="Measured (ms)", logarithmic=True, range=span),
        y=DrawnAxis(label="Predicted (ms)", logarithmic=True, range=span),
        lines=(
            Line(name="predicted = measured", x=(low, high), y=(low, high), width=2.0),
            # A measurement at an edge of its band: predicted = measured / edge.
            _edge("measured at the fast edge", low, high, fast),
            _edge("measured at the slow edge", low, high, slow),
        ),
        marks=(held_out, unseen_) if calibration.checked else (held_out,),
    )


def message(networks: Sequence[Compared], mean: float, worst: float) -> str:
    """In words what the marks show."""
    return (
        f"{len(networks)} predictions are off by {100 * mean:.1f} % on average, by "
        f"{100 * worst:.1f} % at most."
    )


def _marks(name: str, symbol: Symbol, networks: Sequence[Compared]) -> Marks:
    marks = tuple(map(_mark, networks))
    return Marks(name=name, symbol=symbol, marks=marks, labels=("",) * len(marks))


def _edge(name: str, low: float, high: float, factor: float) -> Line:
    ends = (low / factor, high / factor)
    return Line(name=name, x=(low, high), y=ends, width=1.2, dash="5 4", opacity=0.7)


@cache
def _titles() -> dict[tuple[str, int], str]:
    return {(spec.name, spec.resolution): network_of(spec).title for spec in unseen()}


def _mark(one: Compared) -> Mark:
    title = _titles().get((one.name, one.resolution), f"{one.name} at {one.resolution} pixels")
    text = (
        f"{title}: {milliseconds(one.predicted_ms)} predicted, {milliseconds(one.median_ms)} "
        f"measured ({milliseconds(one.low_ms)} – {milliseconds(one.high_ms)}), "
        f"{100 * one.error:+.1f} %"
    )
    return Mark(x=one.median_ms, y=one.predicted_ms, title=title, text=text.replace("-", "−"))
