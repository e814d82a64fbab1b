"""Compare: what accuracy does each cost buy, by every published record?"""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.charts.compare import trade_off
from app.charts.compare_view import View, message
from app.frame import page
from app.text import times
from app.views import (
    calibration,
    compare_controls,
    compare_table,
    compare_timing,
    compare_trained,
)
from app.views.compare_controls import Asked
from effnet_core.calibration import Calibration, standing
from effnet_core.comparison import (
    HERE,
    cost_axes,
    find_axis,
    front,
    growth,
    place,
    predicted_timings,
)
from effnet_core.comparison_records import PredictedTiming, Timings

FIELDS = (*compare_controls.FIELDS, *compare_timing.FIELDS, *compare_table.FIELDS)


@page(
    "Compare",
    "What accuracy does each cost buy? Every published record, with its recipe, test resolution "
    "and source.",
)
def render() -> None:
    """Draw the page: controls on the left; chart, table and timing on the right."""
    compare_controls.follow_scale()
    widgets.show_refusals((*FIELDS, *compare_trained.fields()))
    left, right = st.columns([3, 8], gap="large")
    with left, st.container(key="controls"):
        asked = compare_controls.draw()
    with right, widgets.told():
        chart, first, second = (st.container() for _ in range(3))
        table, timing = (second, first) if asked.axis.kind == "here" else (first, second)
        with table:
            picked = compare_table.choose()
        with chart:
            view = _draw_chart(asked, picked)
            compare_trained.draw_pointer()
        with table:
            compare_table.draw(view, asked.records())
        with timing:
            compare_timing.draw()
        compare_trained.draw(asked.axis, logarithmic=asked.logarithmic)


def _draw_chart(asked: Asked, picked: tuple[str, ...]) -> View:
    held = standing().usable if asked.axis.kind == "here" else None
    timings = _timings(held)
    records = asked.records()
    placed = place(records, asked.axis, timings)
    network = compare_controls.line() if "network" in asked.draw else None
    headline = st.container()
    view = View(
        test_set=asked.test_set,
        axis=asked.axis,
        logarithmic=asked.logarithmic,
        placed=placed,
        picked=picked,
        mark=compare_controls.mark(network, asked.axis, timings, held) if network else None,
        timings=timings,
        with_front="front" in asked.draw,
        with_lines="sizes" in asked.draw,
        drag=compare_table.choose_drag(),
    )
    if not placed:
        headline.info(_nothing(asked, len(records)))
        return view
    headline.markdown(_headline(view))
    selecting = {"on_select": compare_table.take_points} if view.drag else {}
    widgets.chart(trade_off(view), message(view), key=compare_table.CHART, **selecting)
    _draw_notes(view, len(records), network is not None, held)
    return view


def _timings(held: Calibration | None) -> Timings:
    """What was measured in this session, over what is predicted."""
    measured: Timings = compare_timing.timed()
    return measured if held is None else {**predicted_timings(held), **measured}


def _headline(view: View) -> str:
    best = front(view.placed, view.axis)
    ours = sum(one.result.architecture is not None for one in best)
    return (
        f"**{len(best)}** of {len(view.placed)} records on the Pareto front, **{ours}** of them "
        "EfficientNets that this project builds: no other record shown has more accuracy at the "
        "same cost or a lower one."
    )


def _nothing(asked: Asked, records: int) -> str:
    if not records:
        return "No record passes these filters: remove a recipe or a family on the left."
    if asked.axis.kind == "here":
        return (
            "Nothing has been timed in this session yet, and this machine is not calibrated: time "
            "networks below, or calibrate it there."
        )
    return f"None of the {records} records has a published figure for {asked.axis.title}."


def _draw_notes(view: View, records: int, wanted: bool, held: Calibration | None) -> None:
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
        if compare_timing.timed():
            lines.append(f"{widgets.source('measured')} Filled: timed in this session.")
        lines.append(f"Hollow: {calibration.sources(held, 'The bars are the band')}")
    absent = records - len(view.placed)
    if absent:
        have = "record has" if absent == 1 else "records have"
        lines.append(f"{absent} {have} no figure on this axis, and no mark.")
    if wanted and view.mark is None:
        lines.append("The chosen network has no vertical line: it has not been timed in this way.")
    st.caption(" ".join(lines))
    st.markdown(_contrast(view.timings))


def _contrast(timings: Timings) -> str:
    """Multiply-adds beside speed from B0 to B7, each at its own resolution."""
    slower: dict[str, float] = {}
    for axis in cost_axes().values():
        pair = growth("b0", "b7", axis, timings)
        if pair is not None and axis.kind in ("benchmark", "here"):
            ratio = pair[1].value / pair[0].value
            slower[axis.title] = 1 / ratio if axis.more_is_better else ratio
    counts = growth("b0", "b7", find_axis("flops"), timings)
    assert counts is not None
    ends = (min(slower, key=slower.__getitem__), max(slower, key=slower.__getitem__))
    told = " to ".join(f"**×{slower[title]:.3g}** ({title})" for title in ends)
    own = find_axis(HERE).title
    here = f"; on this machine ×{slower[own]:.3g}" if own in slower else ""
    kinds: list[widgets.Source] = ["computed", "published"]
    if own in slower:
        predicted = any(isinstance(timing, PredictedTiming) for timing in timings.values())
        kinds.append("predicted" if predicted else "measured")
    return (
        f"**Multiply-adds are not speed.** From B0 to B7 they grow "
        f"**{times(counts[1].value, counts[0].value)}**, while the networks become slower by "
        f"{told}{here}. {' '.join(map(widgets.source, kinds))}"
    )
