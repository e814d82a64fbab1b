"""The table: the selected records, or those of the Pareto front, and their CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app import widgets
from app.charts.compare.words import View
from app.state import Choice, Several
from app.text import as_csv, counted
from effnet_core.results.published import PublishedResult, results
from effnet_core.results.trade_off import front, identity, row

CHART = "trade-off"
DRAG = Choice(
    key="drag",
    label="Select on the chart by",
    options=("click", "box", "lasso"),
    default="click",
    help="What you click or draw round joins the selected records below the chart.",
)
DRAG_MODES = {"click": "pan", "box": "select", "lasso": "lasso"}
PICKED = Several(
    key="picked",
    label="Selected records",
    options=tuple(dict.fromkeys(identity(one) for one in results())),
    placeholder="Type a model's name, or select on the chart",
)
FIELDS = (DRAG, PICKED)
_ROW, _MOST = 35, 404
"""Pixels of a row, and of the tallest table: its place is kept until it is drawn."""


def take_points() -> None:
    """Add the points just selected on the chart (its `on_select`)."""
    points = st.session_state[CHART].selection.points
    found = [point["customdata"] for point in points if point.get("customdata")]
    held = st.session_state.get(PICKED.key) or []
    st.session_state[PICKED.key] = list(dict.fromkeys((*held, *found)))


def choose_drag() -> str | None:
    """Draw how points are selected on the chart; return Plotly's name of it, None for not at all.

    On a phone a tap shows a record and selects nothing.
    """
    drag = widgets.segmented(DRAG)
    if drag == "click" and widgets.on_phone():
        st.caption("On a phone, draw a box or a lasso to select, or use the list below.")
        return None
    return DRAG_MODES[drag]


def held() -> tuple[str, ...]:
    """The selected records, of the address before their list has been drawn."""
    before = st.session_state.get(PICKED.key)
    chosen = st.query_params.get_all(PICKED.key) if before is None else before
    return tuple(one for one in chosen if one in PICKED.options)


def choose() -> None:
    """Draw the searchable list of selected records."""
    widgets.heading("Records side by side", "published", "computed")
    widgets.several(PICKED, select_all=False, wrap=True)


def draw(view: View, passing: Sequence[PublishedResult]) -> None:
    """Draw the table of what is selected, and its download beside that of all that is passing."""
    picked = view.picked
    by_identity = {identity(one): one for one in results(test_set=view.test_set)}
    if picked:
        shown = [by_identity[name] for name in picked if name in by_identity]
        missing = len(picked) - len(shown)
        text = f"{len(shown)} selected." + (
            f" {missing} more have no published accuracy on this test set." if missing else ""
        )
    else:
        shown = [one.result for one in front(view.placed, view.axis)]
        text = f"Nothing is selected: these are the {len(shown)} records of the Pareto front."
        if not shown:
            text = "Nothing is selected, and there is no Pareto front."
    untimed = (
        " A dash: no time here, or not published." if view.timings else " A dash: not published."
    )
    st.caption(text + untimed if shown else text)
    rows = [row(one, view.timings) for one in shown]
    columns = _columns(view)
    if rows:
        with st.container(height=min(_MOST, _ROW * (len(rows) + 1) + 4), border=False):
            st.dataframe(
                [{key: cells[key] for key in columns} for cells in rows],
                hide_index=True,
                placeholder="—",
                column_config=columns,
                alt=f"{text} {len(rows)} rows: model, accuracy, recipe, resolution, costs and "
                "source.",
            )
    _draw_downloads(rows, [row(one, view.timings) for one in passing], view.test_set)


def _columns(view: View) -> dict[str, Any]:
    """The columns that fit a screen, in their order; the CSV has all of them."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    costs: dict[str, Any] = {
        "params": number("Parameters", format="compact"),
        "flops": number("FLOPs (multiply-adds)", format="compact"),
        "activations": number("Activations", format="compact"),
        "test_resolution": number("Pixels", format="%d"),
    }
    times: dict[str, Any] = {
        "here_median_ms": number("Here: ms", format="%.1f"),
        "here_low_ms": number("from ms", format="%.1f"),
        "here_high_ms": number("to ms", format="%.1f"),
        "here_basis": text("Here is", width=230),
    }
    columns: dict[str, Any] = {"model": text("Model", pinned=True, width="medium")}
    chosen = {"pixels": "test_resolution", "here": "here_median_ms"}.get(view.axis.kind)
    if view.axis.kind == "benchmark":
        title = f"{view.axis.title} ({view.axis.unit})"
        columns[view.axis.column] = number(title, format="%.1f")
    elif view.timings or view.axis.kind != "here":
        name = chosen or view.axis.column
        columns[name] = (costs | times)[name]
    columns["top1"] = number("Top-1 %", format="%.2f")
    if view.timings:
        columns |= times
    return columns | {
        "recipe": text("Recipe", width=300),
        **costs,
        "flops_basis": text("FLOPs are"),
        "top5": number("Top-5 %", format="%.2f"),
        "crop": number("Crop", format="%.3f"),
        "interpolation": "Interpolation",
        "extra_training_data": "Extra training data",
        "family": "Family",
        "source": "Source",
    }


def _draw_downloads(
    rows: Sequence[dict[str, Any]], every: Sequence[dict[str, Any]], test_set: str
) -> None:
    with st.container(horizontal=True):
        for label, table, name in (
            ("This table, CSV", rows, "compare"),
            (f"{counted(len(every), 'record')} that pass the filters, CSV", every, "compare-all"),
        ):
            file = f"efficientnet-{name}-{test_set}.csv"
            widgets.download(label, as_csv(table), file, disabled=not table)
