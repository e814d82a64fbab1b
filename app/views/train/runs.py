"""The run that is shown, and the list of all runs to choose from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from app import measured_run, resources, widgets
from app.charts.trained.words import label
from app.markup import plain
from app.text import counted, duration, percent
from app.views.train.run import COLOURS, RUN, begun, draw_run

if TYPE_CHECKING:
    from effnet_core.results.trained import MeasuredRun
    from effnet_core.service.training.jobs import TrainingJobs
    from effnet_core.training.runs.run import Run


def draw(jobs: TrainingJobs) -> None:
    """Draw the run that the address names, or the latest, and the list."""
    runs, measured = jobs.runs(), _measured()
    asked = st.query_params.get(RUN)
    bundled = next((run for run in measured if run.id == asked), None)
    shown = next((run for run in runs if run.id == asked), None)
    if asked and bundled is None and shown is None:
        st.warning(plain(f"There is no run called “{asked[:60]}” here; it may have been removed."))
    if bundled is not None:
        _draw_measured(bundled)
    elif shown is not None:
        with st.container(key="run-asked"):
            draw_run(jobs, shown.id)
    elif runs:
        draw_run(jobs, next((run for run in runs if run.live), runs[0]).id)
    else:
        st.info(
            "Nothing has been trained on this machine yet. Press **Start training** to watch a "
            "network learn four drawn shapes: a minute or two on two processor cores."
        )
    _draw_list(runs, measured)


def _measured() -> tuple[MeasuredRun, ...]:
    """The runs whose records come with the program; none where they are damaged."""
    with widgets.told():
        return resources.trained()[0]
    return ()


def _draw_measured(run: MeasuredRun) -> None:
    st.subheader(f"{plain(label(run))} :small[:gray-badge[recorded]]")
    st.caption(
        f"Trained by this project on {plain(run.data.name)}; its record comes with the program."
    )
    measured_run.draw(run)


def _draw_list(runs: tuple[Run, ...], measured: tuple[MeasuredRun, ...]) -> None:
    with st.container(key="runs-list"):
        if runs:
            st.subheader("Runs on this machine")
        for run in runs:
            _draw_row(run.id, plain(run.name), _details(run), COLOURS[run.state], run.state)
        if measured:
            st.subheader("Runs recorded by this project")
        for one in measured:
            seen = one.validation
            top = f"{percent(seen.top1)} validation top-1" if seen else "not validated"
            pixels = one.spec.resolution
            details = f"{top} · {counted(one.spec.num_classes, 'class')} · {pixels} pixels"
            _draw_row(one.id, plain(label(one)), details, "gray", "recorded")


def _draw_row(run_id: str, name: str, details: str, colour: str, state: str) -> None:
    with st.container(gap=None, key=f"row-{run_id}"):
        st.button(name, type="tertiary", key=f"open-{run_id}", on_click=_open, args=(run_id,))
        st.caption(f":{colour}-badge[{state}] {details}")


def _open(run_id: str) -> None:
    st.query_params[RUN] = run_id


def _details(run: Run) -> str:
    """What is known of a run in a few words."""
    order, status = run.order, run.status
    if order is None:
        return ""
    parts = [
        plain(begun(order)),
        counted(len(order.classes), "class"),
        counted(order.photos, "photo"),
    ]
    if status is not None and status.top1 is not None:
        mean = status.class_mean
        more = "" if mean is None else f" (mean of the classes {percent(mean)})"
        parts.insert(0, f"{percent(status.top1)} held-out top-1{more}")
    age = datetime.now(UTC) - datetime.fromisoformat(order.created)
    return " · ".join((*parts, f"{duration(age.total_seconds())} ago"))
