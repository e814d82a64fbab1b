"""The chart: accuracy against cost, the same in words, and where its costs are from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from app import widgets
from app.charts.compare.figure import trade_off
from app.charts.compare.words import View, message
from app.scale import calibration
from app.views.compare import line, table, timing
from app.views.compare.contrast import contrast
from app.views.compare.controls import Asked
from effnet_core.latency import Calibration, standing
from effnet_core.results.axes import Timings, predicted_timings
from effnet_core.results.published import recipes
from effnet_core.results.trade_off import Placed, extra_data, front, place


def draw(asked: Asked, picked: tuple[str, ...], drag: str | None) -> View:
    """Draw the chart with its headline and notes; return what it shows.

    `drag` is how records are selected on it, None where they are not.
    """
    held = standing().usable if asked.axis.kind == "here" else None
    # What was measured in this session, over what is predicted.
    timings: Timings = {**(predicted_timings(held) if held else {}), **timing.timed()}
    results = asked.results()
    placed = place(results, asked.axis, timings)
    network = line.network() if "network" in asked.draw else None
    headline = st.container()
    view = View(
        test_set=asked.test_set,
        axis=asked.axis,
        logarithmic=asked.logarithmic,
        placed=placed,
        picked=picked,
        mark=line.mark(network, asked.axis, timings, held) if network else None,
        timings=timings,
        with_front="front" in asked.draw,
        with_lines="sizes" in asked.draw,
        drag=drag,
    )
    if not placed:
        headline.info(_nothing(asked, len(results)))
        if asked.axis.kind == "here" and results:
            calibration.offer("The time of networks that nobody timed")
        return view
    headline.markdown(_headline(view))
    selecting = {"on_select": table.take_points} if view.drag else {}
    widgets.chart(trade_off(view), message(view), key=table.CHART, **selecting)
    _draw_notes(view, len(results), network is not None, held)
    return view


def _headline(view: View) -> str:
    best = front(view.placed, view.axis)
    ours = sum(one.result.architecture is not None for one in best)
    return (
        f"**{len(best)}** of {len(view.placed)} records on the Pareto front, **{ours}** of them "
        "EfficientNets that this project builds: no other record shown has more accuracy at the "
        f"same cost or a lower one.{_beyond_imagenet(best)}"
    )


def _beyond_imagenet(best: Sequence[Placed]) -> str:
    """Who on the front learned from more photos than ImageNet-1k's."""
    more = [one.result for one in best if extra_data(one.result)]
    if not more:
        return ""
    titles = Counter(recipes()[one.source, one.recipe].title for one in more)
    (title, most), *_ = titles.most_common(1)
    return (
        f" **{len(more)}** of them learned from more than ImageNet-1k ({most} by {title}): "
        "at equal data the front is lower."
    )


def _nothing(asked: Asked, results: int) -> str:
    if not results:
        alone = " or take any training data" if asked.imagenet_alone else ""
        return f"No record passes these filters: remove a recipe or a family{alone}."
    if asked.axis.kind == "here":
        return (
            "Nothing has been timed in this session yet, and this machine is not calibrated: time "
            "networks on “Time here”, or calibrate it."
        )
    return f"None of the {results} records has a published figure for {asked.axis.title}."


def _draw_notes(view: View, results: int, wanted: bool, held: Calibration | None) -> None:
    lines = []
    if view.axis.kind == "count":
        lines.append(
            f"{widgets.source('computed')} Filled: EfficientNets, priced here at the record's own "
            f"test resolution. {widgets.source('published')} Hollow: as the source counts, and the "
            "sources differ: timm adds batch-norm and pooling to its multiply-adds."
        )
    elif held is None:
        kind: widgets.Source = "measured" if view.axis.kind == "here" else "published"
        lines.append(f"{widgets.source(kind)} {view.axis.title}: {view.axis.detail}.")
    else:
        if timing.timed():
            lines.append(f"{widgets.source('measured')} Filled: timed in this session.")
        lines.append("Hollow: predicted, as said below.")
    absent = results - len(view.placed)
    if absent:
        have = "record has" if absent == 1 else "records have"
        lines.append(f"{absent} {have} no figure on this axis, and no mark.")
    if wanted and view.mark is None:
        lines.append("The chosen network has no vertical line: it has not been timed in this way.")
    st.caption(" ".join(lines))
    if held is not None:
        calibration.note(held, "The bars are the band")
    st.markdown(contrast(view.timings))
