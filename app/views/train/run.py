"""One run as it stands, followed as long as it is live."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from app import resources, widgets
from app.charts import training
from app.markup import facts, plain
from app.text import count, counted, duration, minus, percent
from app.views.train import actions
from effnet_core.cost.report import summarize

if TYPE_CHECKING:
    from effnet_core.service.training.jobs import TrainingJobs
    from effnet_core.training.runs.run import Order, Run, State

RUN = "run"
"""The parameter in the URL that names the run shown."""

COLOURS = {
    "starting": "blue",
    "running": "blue",
    "stopping": "orange",
    "stopped": "gray",
    "failed": "red",
    "finished": "green",
}
SECONDS_BETWEEN_LOOKS = 1.0

_NUMBERS: tuple[tuple[str, str, Callable[[float], str], str], ...] = (
    (
        "Held-out top-1",
        "top1",
        percent,
        "Of the photos that it is never trained on, how many it gets right.",
    ),
    (
        "Mean of classes",
        "class_mean",
        percent,
        "Held-out top-1 of each class, averaged: a rare class counts as much as a frequent one.",
    ),
    (
        "Training loss",
        "loss",
        "{:.3f}".format,
        "How much the right answers surprise the network: the mean of the epoch so far.",
    ),
    (
        "Photos a second",
        "photos_per_second",
        "{:,.0f}".format,
        "With all that is done besides training, such as judging and saving.",
    ),
    ("Time spent", "seconds", duration, "Training, over all resumptions."),
)
"""Name, field of `Status`, how it is written, and what it means."""


def draw_run(jobs: TrainingJobs, run_id: str) -> None:
    """Draw the run; while it is live this part alone is drawn again every second."""
    run = jobs.status(run_id)
    st.fragment(_follow, run_every=SECONDS_BETWEEN_LOOKS if run.live else None)(run_id, run.state)


def _follow(run_id: str, state: State) -> None:
    with widgets.told():
        run = next((run for run in resources.training_jobs().runs() if run.id == run_id), None)
        if run is None or run.state != state:
            st.rerun()  # the whole page: its button and its list change too
        _draw(run)


def _draw(run: Run) -> None:
    badge = f":small[:{COLOURS[run.state]}-badge[{run.state}]]"
    st.subheader(f"{plain(run.name)} {badge}")
    if run.sentence:
        st.error(plain(run.sentence))
    if run.damaged:
        st.warning(
            f"Damaged files of this run: {plain(', '.join(run.damaged))}. What they said is not "
            "shown; everything else is."
        )
    if run.order is not None:
        _draw_facts(run.order)
        _draw_progress(run)
        _draw_numbers(run)
        _draw_curves(run, run.order)
    actions.draw(run)


def _draw_facts(order: Order) -> None:
    totals = summarize(order.spec)
    held_out = order.recipe.held_out
    named = ", ".join(order.classes[:8]) + (" …" if len(order.classes) > 8 else "")
    told = (
        begun(order),
        f"{count(totals.params)} parameters",
        f"sees {order.spec.resolution} × {order.spec.resolution} pixels",
        f"{counted(order.photos - held_out, 'photo')} to train on, {held_out:,} held out",
        f"{counted(len(order.classes), 'class')}: {named}",
        *((f"{counted(order.left_out, 'photo')} could not be read",) if order.left_out else ()),
    )
    st.html(facts(told))


def begun(order: Order) -> str:
    """What the network begins from; of a title the part in brackets is left out."""
    if order.phi is not None:
        return f"from scratch, φ = {minus(order.phi)}"
    return f"from {order.weights_title.partition(' (')[0]}"


def _draw_progress(run: Run) -> None:
    status = run.status
    if not run.live:
        return
    if run.state == "starting" or status is None or not status.steps:
        st.progress(0.0, "Starting PyTorch in a process of its own …")
        return
    text = f"Epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}"
    if run.state == "stopping":
        text = "Saving, so that it can go on later …"
    elif status.seconds_left is not None:
        text += f", about {duration(status.seconds_left)} left"
    st.progress(status.step / status.steps, text)


def _draw_numbers(run: Run) -> None:
    """The numbers in a row; a dash for what is not known yet."""
    with st.container(key="numbers"):
        for name, field, show, explanation in _NUMBERS:
            value = getattr(run.status, field, None)
            shown = "–" if value is None else show(value)
            st.metric(name, shown, help=explanation, border=True, height="stretch")
    if run.begun is not None and (unjudged := run.begun.about.get("unjudged")):
        more = len(unjudged) - 8
        st.warning(
            f"No photo of {plain(', '.join(map(str, unjudged[:8])))}"
            + (f" and {counted(more, 'class', before='more ')}" if more > 0 else "")
            + " is held out: the accuracy says nothing of them."
        )


def _draw_curves(run: Run, order: Order) -> None:
    course = resources.training_jobs().course(run.id)
    points = course.points
    said = training.message(points, classes=len(order.classes))
    shape = {"epochs": order.recipe.epochs, "classes": len(order.classes)}
    for place, what in zip(st.columns(2), (training.accuracy, training.loss), strict=True):
        with place:
            widgets.chart(what(points, **shape), said, key=f"curve-{what.__name__}")
    st.caption(f"{said} {widgets.source('measured')}" if points else said)
    if course.damaged:
        st.warning(
            f"Damaged lines in the record of this run, left out of the curves: {course.damaged:,}."
        )
