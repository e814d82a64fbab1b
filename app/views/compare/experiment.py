"""Trained here: which photos are looked at, the duel seed by seed, the ablations, the search."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from app import resources, widgets
from app.charts.trained.words import short_name
from app.state import Choice
from app.text import counted
from app.views.compare import searched
from effnet_core.results.seeds import RunGroup, grouped, paired
from effnet_core.results.trained import MeasuredRun


def fields(runs: tuple[MeasuredRun, ...]) -> tuple[Choice, ...]:
    """The choice of photos, where the runs are of several sets of classes."""
    found = _choice(runs)
    return (found,) if len(found.options) > 1 else ()


def chosen(runs: tuple[MeasuredRun, ...]) -> tuple[MeasuredRun, ...]:
    """The runs on the photos that are chosen: those on other classes never share an axis."""
    asked = fields(runs)
    if not asked:
        return runs
    told = widgets.segmented(asked[0])
    return tuple(run for run in runs if _classes(run) == told)


def draw(runs: tuple[MeasuredRun, ...]) -> None:
    """Draw what compound gains or loses seed by seed, and the searches on the same photos."""
    points = grouped(runs)
    rows = [*_duel(points), *_ablations(points)]
    if rows:
        st.dataframe(
            rows,
            hide_index=True,
            placeholder="—",
            alt=f"{counted(len(rows), 'row')}: compound's top-1 less another's, seed by seed.",
        )
        st.caption(
            "Validation top-1 in points, seed by seed, ± the standard error of the mean over the "
            "seeds; — where there is one seed, and chance is unknown. "
            f"{widgets.source('measured')}"
        )
    classes = {run.spec.num_classes for run in runs}
    for record in resources.searches():
        if record.num_classes in classes:
            searched.draw(record, points)


def _choice(runs: tuple[MeasuredRun, ...]) -> Choice:
    counts = Counter(map(_classes, runs))
    options = tuple(sorted(counts, key=lambda told: (-counts[told], told)))
    return Choice(
        key="classes_trained",
        label="Photos",
        options=options,
        default=options[0],
        help="Accuracies on other classes cannot be compared, so they are never on one axis.",
    )


def _classes(run: MeasuredRun) -> str:
    return counted(run.spec.num_classes, "class")


def _duel(points: tuple[RunGroup, ...]) -> list[dict[str, object]]:
    """Compound of the duel less each of its rivals."""
    four = [one for one in points if one.group == "duel"]
    rows = []
    for compound in (one for one in four if one.strategy == "compound"):
        for rival in four:
            if rival.strategy != "compound" and _alike(compound, rival):
                rows += _row(compound, rival, f"{short_name(rival.runs[0])}")
    return rows


def _ablations(points: tuple[RunGroup, ...]) -> list[dict[str, object]]:
    """A network as it is less the same network without something."""
    rows = []
    for one in (one for one in points if one.group == "ablation"):
        for whole in points:
            same = (whole.strategy, whole.base_phi) == (one.strategy, one.base_phi)
            if whole.group in ("family", "duel") and same and whole.runs[0].phi == one.runs[0].phi:
                rows += _row(whole, one, one.runs[0].id)
    return rows


def _alike(one: RunGroup, other: RunGroup) -> bool:
    recipes = {group.runs[0].shared_recipe for group in (one, other)}
    return one.base_phi == other.base_phi and len(recipes) == 1


def _row(one: RunGroup, other: RunGroup, name: str) -> list[dict[str, object]]:
    found = paired(one, other)
    if found is None:
        return []
    return [
        {
            "Compound less": name,
            "Points": f"{100 * found.difference:+.2f}".replace("-", "−"),
            "± error": None if found.error is None else f"{100 * found.error:.2f}",
            "Seeds": found.seeds,
        }
    ]
