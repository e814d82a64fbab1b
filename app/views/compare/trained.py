"""Trained here: what this project measured on networks of its own."""

from __future__ import annotations

import functools
from typing import Any

import streamlit as st

from app import measured_run, resources, widgets
from app.charts.trained.figure import accuracy
from app.charts.trained.words import COST_KEYS, label, message
from app.markup import plain
from app.pages import page
from app.state import Choice, Field, Several, put
from app.text import as_csv, counted, minus, percent
from app.views.compare import controls, experiment, maps
from effnet_core.errors import EffnetError
from effnet_core.results.axes import CostAxis, find_axis
from effnet_core.results.seeds import grouped
from effnet_core.results.trained import MeasuredRun
from effnet_core.results.verdict import duel_verdict

CHART = "trained-here"
RUN = "trained"
"""The key (also in the URL) under which the run whose record is open is held."""


def fields() -> tuple[Field | Several, ...]:
    """The part's controls; none where it is absent, or where `draw` will say what is damaged."""
    try:
        runs, scores = resources.trained()
    except EffnetError:
        return ()
    return (*experiment.fields(runs), _choice(runs), *maps.fields(scores)) if runs else ()


def draw() -> None:
    """Draw the chart, the duel's verdict, the table and one run; without runs, where they start."""
    runs, _ = resources.trained()
    if not runs:
        draw_none()
        return
    widgets.heading("Networks trained here", "measured", "computed")
    every, runs = runs, experiment.chosen(runs)
    st.markdown(_about(runs))
    axis, logarithmic = draw_axis()
    _draw_chart(runs, axis, logarithmic)
    _draw_verdict(runs)
    experiment.draw(runs)
    _draw_table(every)
    _draw_run(every)


def draw_none() -> None:
    """Say that nothing was trained here, and where that is done."""
    st.info("No network has been trained here yet, so there is nothing to compare.")
    st.page_link(page("train"), label="Train one", icon=":material/model_training:")


def draw_axis() -> tuple[CostAxis, bool]:
    """Draw the page's axis of cost in a row; FLOPs stand in for one that was not measured here."""
    with st.container(key="axis-row"):
        axis, logarithmic = controls.draw_axis()
    if axis.key not in COST_KEYS:
        axis = find_axis("flops")
        st.caption("The cost chosen was not measured for these: they stand on FLOPs.")
    return axis, logarithmic


def _choice(runs: tuple[MeasuredRun, ...]) -> Choice:
    names = tuple(label(run) for run in runs)
    return Choice(
        key=RUN,
        label="Run",
        options=names,
        default=names[0],
        help="A click on a mark of the chart above opens its run too.",
    )


def _about(runs: tuple[MeasuredRun, ...]) -> str:
    run = runs[0]
    names = " and ".join(dict.fromkeys(plain(one.data.name) for one in runs))
    photos = run.validation.photos if run.validation else 0
    each = "each measured" if len(runs) > 1 else "measured"
    measured = f", {each} once on {photos:,} validation photos" if photos else ""
    return (
        f"{counted(len(runs), 'network')} that this project trained itself on {names}{measured}. "
        f"{counted(run.spec.num_classes, 'class')}: guessing is right "
        f"{percent(1 / run.spec.num_classes)} of the time. **Other photos and classes than under "
        "“Published”: these accuracies and ImageNet’s cannot be compared.**"
    )


def _draw_chart(runs: tuple[MeasuredRun, ...], axis: CostAxis, logarithmic: bool) -> None:
    points = grouped(runs)
    if not points:
        return
    figure = accuracy(points, axis, logarithmic=logarithmic)
    widgets.chart(figure, message(points, axis), key=CHART, **opening(CHART))
    lines = [f"{widgets.source('computed')} {axis.title}, each at its own resolution."]
    if any(one.spread is not None for one in points):
        lines.append("Bars: standard deviation over seeds.")
    if any(one.spread is None for one in points):
        alone = "This network was" if len(points) == 1 else "Marks without bars were"
        lines.append(f"{alone} trained with one seed: how much another would differ is unknown.")
    st.caption(" ".join(lines))


def _draw_verdict(runs: tuple[MeasuredRun, ...]) -> None:
    """Which rule won the duel at equal cost, where there was one."""
    found = duel_verdict(runs)
    if found is not None:
        st.markdown(f"**{found.headline}** {found.details} {widgets.source('measured')}")


def _draw_run(runs: tuple[MeasuredRun, ...]) -> None:
    by_label = {label(run): run for run in runs}
    with st.container(key="one-run"):
        st.subheader("One run: record and curves")
        measured_run.draw(by_label[widgets.select(_choice(runs))])


def opening(chart: str) -> dict[str, Any]:
    """Options of a chart whose marks open their run; none on a phone."""
    return {} if widgets.on_phone() else {"on_select": functools.partial(open_run, chart)}


def open_run(chart: str) -> None:
    """Open the record of the mark just clicked on a chart."""
    marks = st.session_state[chart].selection.points
    clicked = {point.get("customdata") for point in marks}
    for run in resources.trained()[0]:
        if run.id in clicked:
            put(RUN, label(run))


def _draw_table(runs: tuple[MeasuredRun, ...]) -> None:
    rows = [_row(run) for run in runs]
    number = st.column_config.NumberColumn
    shares = {name: number(format="%.2f") for name in rows[0] if name.endswith("%")}
    counts = {name: number(format="compact") for name in ("Parameters", "FLOPs (multiply-adds)")}
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="—",
        column_config={
            "Run": st.column_config.TextColumn(pinned=True),
            **{name: number(format="%.0f") for name in rows[0] if "/s" in name},
            "Training, min": number(format="%.1f"),
            **shares,
            **counts,
        },
        alt=f"{counted(len(rows), 'run')}: accuracy on validation and held-out photos, and cost.",
    )
    st.caption(
        "Validation photos were looked at once, after training; held-out photos are training "
        "photos kept back, on which choices were made. Validation images/s: on the CPU or GPU that "
        "validated, with the bundled file."
    )
    widgets.download("Runs, CSV", as_csv(rows), "efficientnet-trained-here.csv")


def _row(run: MeasuredRun) -> dict[str, object]:
    seen = run.validation
    return {
        "Run": run.id,
        "φ": None if run.phi is None else minus(run.phi),
        "Validation top-1 %": seen and 100 * seen.top1,
        "Validation top-5 %": seen and 100 * seen.top5,
        "Held-out top-1 %": run.held_out.top1 and 100 * run.held_out.top1,
        "Held-out top-5 %": run.held_out.top5 and 100 * run.held_out.top5,
        "Parameters": run.cost.params,
        "FLOPs (multiply-adds)": run.cost.mult_adds,
        "Pixels": run.spec.resolution,
        "Classes": run.spec.num_classes,
        "Group": run.group,
        "Scaled": run.strategy,
        "Seed": run.seed,
        "Epochs": run.recipe.get("epochs"),
        "Training, min": run.seconds / 60,
        "Training photos/s": run.photos_per_second,
        "Validation images/s": seen and seen.images_per_second,
        "Calibration error %": seen and 100 * seen.calibration_error,
        "Device": run.device,
        "Date": run.date,
    }
