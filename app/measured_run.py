"""One run that this project measured, as Compare and Train draw it: facts, curves and recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator

import streamlit as st

from app import widgets
from app.charts.trained.figure import curve
from app.markup import facts
from app.text import count, counted, percent
from effnet_core.results.trained import HeldOut, MeasuredRun, Validation


def draw(run: MeasuredRun) -> None:
    """Draw the run's facts, both curves, its recipe, and its record to download."""
    st.html(facts(_facts(run)))
    for place, what in zip(st.columns(2), ("loss", "top1"), strict=True):
        with place:
            widgets.chart(curve(run, what), _message(run, what), key=f"curve-{what}")
    st.caption(
        "Left: mean training loss of each epoch, on altered photos. Right: top-1 on the "
        f"{counted(run.data.held_out, 'photo', before='held-out ')}. {widgets.source('measured')}"
    )
    with st.expander("Recipe and data"):
        st.dataframe(
            [{"Setting": name, "Value": text} for name, text in _settings(run)],
            hide_index=True,
            alt="Every setting of the recipe and what is known of the photos.",
        )
    widgets.download("Record, JSON", run.text, f"{run.id}.json")


def _facts(run: MeasuredRun) -> Iterator[str]:
    told = (
        _tops("validation", run.validation) if run.validation else "not validated",
        _tops("held-out", run.held_out),
        f"{count(run.cost.params)} parameters",
        f"{count(run.cost.mult_adds)} multiply-adds",
        f"{run.spec.resolution} pixels",
        counted(run.data.train, "photo", before="training "),
        f"seed {run.seed}",
        f"{run.seconds / 60:,.0f} min on {run.device}, {run.photos_per_second:,.0f} photos/s",
        "bundled: choose it on Classify" if run.weights else "weights not bundled",
        f"started from {run.origin.id}" if run.origin else "",
        run.date,
    )
    return filter(None, told)


def _tops(photos: str, seen: Validation | HeldOut) -> str:
    if seen.top1 is None or seen.top5 is None:
        return ""
    return f"{photos} top-1 {percent(seen.top1)}, top-5 {percent(seen.top5)}"


def _message(run: MeasuredRun, what: str) -> str:
    """In words what a curve shows: where it begins and ends."""
    if what == "loss":
        ends = [f"{epoch.loss:.2f}" for epoch in run.curve]
        name = "Training loss"
    else:
        ends = [percent(epoch.top1) for epoch in run.curve if epoch.top1 is not None]
        name = "Held-out top-1"
    if not ends:
        return f"No {name}"
    return f"{name} from {ends[0]} to {ends[-1]} over {counted(len(ends), 'epoch')}."


def _settings(run: MeasuredRun) -> list[tuple[str, str]]:
    record = json.loads(run.text)
    found = {**run.recipe, **{f"data: {name}": value for name, value in record["data"].items()}}
    environment = record.get("environment") or {}
    found |= {f"environment: {key}": value for key, value in environment.items()}
    return [
        (name.replace("_", " "), value if isinstance(value, str) else json.dumps(value))
        for name, value in found.items()
    ]
