"""Trained here: how well the maps of the trained networks point at what is boxed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import widgets
from app.charts.trained.figure import map_scores
from app.charts.trained.words import short_name, subject
from app.state import Choice
from app.text import counted
from effnet_core.attribution.registry import METHODS
from effnet_core.results.axes import CostAxis
from effnet_core.results.trained import BesideControls, MeasuredMaps, MeasuredRun, beside_controls

CHART = "map-scores"
METRIC = Choice(
    key="score",
    label="Map score",
    options=("pointing", "energy", "insertion", "deletion"),
    default="pointing",
    help="Pointing: the map's highest point lies in the box. Energy: the share of the map inside "
    "it. Insertion and deletion: the class's probability while the map's pixels come or go.",
)


def fields(maps: tuple[MeasuredMaps, ...]) -> tuple[Choice, ...]:
    """The control, where there is a chart for it."""
    return (METRIC,) if len(maps) > 1 else ()


def draw(
    runs: tuple[MeasuredRun, ...],
    maps: tuple[MeasuredMaps, ...],
    axis: CostAxis,
    *,
    logarithmic: bool,
    opening: dict[str, Any],
) -> None:
    """Draw a table with every score beside its controls.

    From two networks on it follows a chart against cost, and has the score that the chart shows;
    `opening` are the chart's options that make its marks open their run.
    """
    scored = [(run, one) for run in runs for one in maps if one.run == run.id]
    if not scored:
        return
    widgets.heading("Do their maps find the object?", "measured")
    titles = {one.method: _title(one.method) for _, one in scored}
    metrics = METRIC.options
    if fields(maps):
        metric = widgets.segmented(METRIC)
        metrics = (metric,)
        way = "less" if metric == "deletion" else "more"
        figure = map_scores(
            scored,
            metric,
            f"{metric.capitalize()}, {way} is better",
            axis,
            logarithmic=logarithmic,
            methods=titles,
        )
        networks = counted(len(scored), "network")
        alt = f"{metric.capitalize()} of the maps of {networks} against {axis.title}."
        widgets.chart(figure, f"{alt} The table below has every value.", key=CHART, **opening)
    rows = [
        _row(beside, run, titles[one.method], metric)
        for run, one in scored
        for metric in metrics
        for beside in beside_controls(one)
    ]
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="—",
        column_config={
            name: st.column_config.TextColumn(alignment="right")
            for name in ("Maps", "Random", "Centre", "Even")
        },
        alt=f"{counted(len(rows), 'row')} of map scores, every network's beside their controls.",
    )
    first = scored[0][1]
    st.caption(
        f"In per cent, ± standard error over {first.photos:,} boxed validation photos. Random maps "
        "and a Gaussian at the centre know nothing of the photo: a map says something only where "
        "it beats them. The Gaussian’s pointing is the share of photos whose box holds the centre, "
        "the even map’s pointing and energy the share of the picture that the boxes fill. "
        "Less is better for deletion, more for the others."
    )


def _title(method: str) -> str:
    return next((one.title for one in METHODS if one.id == method), method)


def _row(
    beside: BesideControls, run: MeasuredRun, title: str, metric: str
) -> dict[str, str | None]:
    row = beside.found
    even = row.box_share.percent if metric in ("pointing", "energy") else None
    random, centre = (
        None if control is None else getattr(control, metric).percent
        for control in (beside.random, beside.centre)
    )
    return {
        "Network": short_name(run),
        "Map": subject(row, run, title),
        "Grid": f"{row.grid[0]} × {row.grid[1]}",
        "Score": metric.capitalize(),
        "Maps": getattr(row, metric).percent,
        "Random": random,
        "Centre": centre,
        "Even": even,
    }
