"""The real networks that come along: what is published of them and what was measured here."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import resources, widgets
from app.markup import plain
from app.views.compare import timing
from effnet_core.architecture.names import variant
from effnet_core.attribution import MapScores
from effnet_core.cost import summarize
from effnet_core.errors import EffnetError
from effnet_core.results.trained import BesideControls, packaged_maps

_COUNTS = ("Parameters", "FLOPs (multiply-adds)")


def draw(*, times: bool) -> None:
    """Draw one row for each packaged network; nothing where none is installed.

    With its milliseconds here and the button for them, or with how well its maps point.
    """
    ready = [
        card
        for card in resources.service().available()
        if (card.kind, card.state) == ("packaged", "ready")
    ]
    if not ready:
        return
    widgets.heading("The networks on Classify", "published", "measured", "computed")
    with widgets.told():
        scores = {} if times else packaged_maps()
        if times and st.button("Time these here", key="time-packaged"):
            _measure([card.architecture for card in ready])
        rows = [_row(card.id, card.architecture, scores.get(card.id), times) for card in ready]
        st.dataframe(
            rows,
            hide_index=True,
            placeholder="—",
            column_config=_columns(rows),
            alt="Each packaged network: cost, published accuracy, "
            + ("milliseconds here." if times else "and how well its maps point."),
        )
        st.caption(_about(scores))


def _measure(architectures: list[str]) -> None:
    """Time each as the part above does, and keep it there; a refusal becomes a sentence."""
    for architecture in architectures:
        spec = variant(architecture)
        try:
            with st.spinner(f"Timing {architecture.title()} …"):
                found = resources.service().measure_spec(
                    spec, repeats=int(timing.RUNS.default), engine="runtime"
                )
        except EffnetError as error:
            st.error(plain(str(error)))
        else:
            timing.timed()[architecture, spec.resolution] = found


def _row(
    identity: str, architecture: str, maps: BesideControls | None, times: bool
) -> dict[str, str | float | None]:
    from effnet_core.weights.packaged import find_packaged

    packaged, spec = find_packaged(identity), variant(architecture)
    assert packaged is not None
    timed = timing.timed().get((architecture, spec.resolution))
    here = {"Median ms here": None if timed is None else round(timed.median_ms, 1)}
    scores = {}
    if maps is not None:
        scores = {
            "Maps point at the object %": _score(maps.found),
            "Random maps %": _score(maps.random),
            "Centre %": _score(maps.centre),
        }
    return {
        "Network": architecture.title(),
        "Pixels": spec.resolution,
        "Parameters": packaged.params,
        "FLOPs (multiply-adds)": summarize(spec).mult_adds,
        "Top-1 % (published)": packaged.top1,
        **(here if times else scores),
    }


def _columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Every number at the right, counts in three digits."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    counts = {name: number(format="compact") for name in _COUNTS}
    return counts | {
        name: text(alignment="right")
        for name, value in rows[0].items()
        if isinstance(value, str) and name != "Network"
    }


def _score(row: MapScores | None) -> str | None:
    return None if row is None else row.pointing.percent


def _about(scores: dict[str, BesideControls]) -> str:
    first = next(iter(scores.values()), None)
    measured = (
        f"Pointing game of the last Grad-CAM map, ± standard error over {first.found.photos:,} "
        "boxed photos of Tiny-ImageNet (64 pixels, enlarged): random maps on the same grid and a "
        "Gaussian at the centre know nothing of the photo. "
        if first
        else ""
    )
    return (
        "Top-1 on ImageNet as published with the reference code (tensorflow/tpu, "
        f"efficientnet/lite, float). {measured}".rstrip()
    )
