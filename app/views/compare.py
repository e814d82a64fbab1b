"""Compare: what accuracy does each cost buy, by every published record?"""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.charts.compare import trade_off
from app.charts.compare_view import View, amount, message
from app.frame import page
from app.network import chosen
from app.state import Choice
from app.text import times
from app.views import compare_controls, compare_table, compare_timing
from app.views.compare_controls import Asked
from effnet_core.comparison import Timings, cost_axes, front, growth, place

DRAG = Choice(
    key="drag",
    label="Select on the chart by",
    options=("click", "box", "lasso"),
    default="click",
    help="What you click or draw round is added to the selected records below.",
)
FIELDS = (*compare_controls.FIELDS, *compare_timing.FIELDS, DRAG, compare_table.PICKED)


@page(
    "Compare",
    "What accuracy does each cost buy? Every published record, with its recipe, test resolution "
    "and source.",
)
def render() -> None:
    """Draw the page: controls on the left; chart, table and timing on the right."""
    widgets.show_refusals(FIELDS)
    left, right = st.columns([3, 8], gap="large")
    with left, st.container(key="controls"):
        asked = compare_controls.draw()
    with right, widgets.told():
        view = _draw_chart(asked)
        sections = [lambda: compare_table.draw(view, asked.records()), compare_timing.draw]
        for section in sections if asked.axis.kind != "here" else reversed(sections):
            section()


def _draw_chart(asked: Asked) -> View:
    timings: Timings = compare_timing.timed()
    records = asked.records()
    placed = place(records, asked.axis, timings)
    with st.container(horizontal=True, vertical_alignment="bottom", key="chart-row"):
        headline = st.container(width="stretch")
        drag = widgets.segmented(DRAG)
    network = chosen() if "network" in asked.draw else None
    view = View(
        test_set=asked.test_set,
        axis=asked.axis,
        logarithmic=asked.logarithmic,
        placed=placed,
        picked=frozenset(st.session_state.get(compare_table.PICKED.key) or ()),
        mark=compare_controls.mark(network, asked.axis, timings) if network else None,
        timings=timings,
        with_front="front" in asked.draw,
        with_lines="sizes" in asked.draw,
        drag={"box": "select", "lasso": "lasso"}.get(drag, "pan"),
    )
    with headline:
        st.markdown(_headline(view))
    if not placed:
        st.info(_nothing(asked, len(records)))
        return view
    widgets.chart(
        trade_off(view), message(view), key=compare_table.CHART, on_select=compare_table.take_points
    )
    _draw_notes(view, len(records), network is not None)
    return view


def _headline(view: View) -> str:
    best = front(view.placed, view.axis)
    ours = sum(one.result.architecture is not None for one in best)
    return (
        f"**{len(best)}** of {len(view.placed)} records are on the Pareto front: no other record "
        f"shown is both better and cheaper. **{ours}** of them are this project's EfficientNets."
    )


def _nothing(asked: Asked, records: int) -> str:
    if not records:
        return "No record passes these filters: remove a recipe or a family on the left."
    if asked.axis.kind == "here":
        return "Nothing has been timed in this session yet: choose networks below and time them."
    return f"None of the {records} records has a published figure for {asked.axis.title}."


def _draw_notes(view: View, records: int, wanted: bool) -> None:
    lines = []
    if view.axis.kind == "count":
        lines.append(
            f"{widgets.source('computed')} Filled: EfficientNets, priced here at the record's own "
            f"test resolution. {widgets.source('published')} Hollow: as the source counts, and the "
            "sources differ (timm adds batch-norm and pooling to its multiply-adds, about 2 %)."
        )
    else:
        kind: widgets.Source = "measured" if view.axis.kind == "here" else "published"
        lines.append(f"{widgets.source(kind)} {view.axis.title}: {view.axis.detail}.")
    absent = records - len(view.placed)
    if absent:
        lines.append(f"{absent} records have no figure on this axis and are not drawn.")
    if wanted and view.mark is None:
        lines.append("The chosen network has no vertical line: nobody has timed it so.")
    st.caption(" ".join(lines))
    st.markdown(_contrast(view.timings))


def _contrast(timings: Timings) -> str:
    """Multiply-adds beside speed, from the same records: B7 against B0."""
    parts = []
    for axis in cost_axes().values():
        pair = growth("b0", "b7", axis, timings) if axis.key != "resolution" else None
        if pair is not None:
            small, large = (cost.value for cost in pair)
            ratio = times(small, large) if axis.more_is_better else times(large, small)
            less = " less" if axis.more_is_better else ""
            parts.append(
                f"{axis.title}: **{ratio}**{less} ({amount(axis, small)} → {amount(axis, large)})"
            )
    return (
        "**Multiply-adds are not speed.** From B0 to B7, each at its own resolution: "
        f"{'; '.join(parts)}."
    )
