"""Compare, trained here: how well the maps of the trained networks point at what is boxed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import widgets
from app.charts.trained import ScoredRun, map_scores
from app.charts.trained_view import short_name, subject
from app.state import Choice
from effnet_core.attribution.registry import METHODS
from effnet_core.comparison_records import CostAxis
from effnet_core.measured_records import MapRow, MeasuredMaps, MeasuredRun, Score

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
    """Draw the table of every score beside its controls; from two networks on, against cost too.

    `opening` are the chart's options that make its marks open their run.
    """
    scored = [ScoredRun(run=run, maps=one) for run in runs for one in maps if one.run == run.id]
    if not scored:
        return
    widgets.heading("Do their maps find the object?", "measured")
    titles = {one.maps.method: _title(one.maps.method) for one in scored}
    if fields(maps):
        metric = widgets.segmented(METRIC)
        way = "less" if metric == "deletion" else "more"
        figure = map_scores(
            scored,
            metric,
            f"{metric.capitalize()}, {way} is better",
            axis,
            logarithmic=logarithmic,
            methods=titles,
        )
        alt = f"{metric.capitalize()} of the maps of {len(scored)} networks against {axis.title}."
        widgets.chart(figure, f"{alt} The table below has every value.", key=CHART, **opening)
    rows = [_row(row, one.run, titles[one.maps.method]) for one in scored for row in one.maps.rows]
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"Map": st.column_config.TextColumn(width="medium")},
        alt=f"{len(rows)} rows of map scores, each network's maps beside its controls.",
    )
    first = scored[0].maps
    st.caption(
        f"In per cent, ± standard error over {first.photos:,} boxed validation photos. Random maps "
        "and a Gaussian at the centre know nothing of the photo: a map says something only where "
        "it beats them. The Gaussian’s pointing is the share of photos whose box holds the centre; "
        "an even map would get "
        f"{_shown(first.rows[0].box_share)} in pointing and energy. "
        "Less is better for deletion, more for the others."
    )


def _title(method: str) -> str:
    return next((one.title for one in METHODS if one.id == method), method)


def _row(row: MapRow, run: MeasuredRun, title: str) -> dict[str, str]:
    return {
        "Network": short_name(run) if run.group == "family" else run.id,
        "Map": subject(row, run, title),
        "Grid": f"{row.grid[0]} × {row.grid[1]}",
        "Pointing": _shown(row.pointing),
        "Energy": _shown(row.energy),
        "Insertion": _shown(row.insertion),
        "Deletion": _shown(row.deletion),
    }


def _shown(score: Score) -> str:
    error = "" if score.standard_error is None else f" ± {100 * score.standard_error:.1f}"
    return f"{100 * score.mean:.1f}{error}"
