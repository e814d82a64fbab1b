"""Same cost, four ways: depth, width, resolution or all three at equal multiply-adds."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import resources, widgets
from app.scale import calibration, results
from app.state import Choice
from app.views.scale import ways
from app.views.scale.shown import Shown
from effnet_core.architecture.families import V1
from effnet_core.cost.equal import EqualCost
from effnet_core.results.published import PaperRow, paper_table
from effnet_core.results.seeds import RunGroup
from effnet_core.results.verdict import DuelVerdict, duel_verdict

TIMES = Choice(
    key="times",
    label="Times the cost of φ = 0",
    options=("0.5", "1", "2", "4", "8", "16"),
    default="4",
    labels={"0.5": "×½", **{times: f"×{times}" for times in ("1", "2", "4", "8", "16")}},
    help="Multiply-adds for one image. At ×4 lie the networks that the paper compares in table 7.",
)
FIELDS = (TIMES,)


def draw(shown: Shown) -> None:
    """Draw the control, the finding in one sentence, and a column for each way."""
    widgets.heading("Same cost, four ways", "computed")
    control = TIMES
    if shown.formula.family == V1.word:
        control = replace(TIMES, label="Times B0's cost")
    times = float(widgets.segmented(control))
    found = results.equal_cost(shown.formula, times)
    is_papers = shown.formula.family == V1.word
    published = _published() if is_papers else {}
    duel: DuelVerdict | None = None
    with widgets.told():  # a damaged record takes nothing else away
        duel = duel_verdict(resources.trained()[0]) if is_papers else None
    st.markdown(_finding(published))
    if duel is not None:
        said = f"Networks trained here, much smaller: {duel.headline}"
        st.markdown(f"{said} :small[{widgets.source('measured')}]")
    ways.draw(shown, found, published, _measured(duel))
    st.caption(_small_print(found))
    held = calibration.offer("The row of milliseconds")
    if held is not None:
        st.caption(calibration.sources(held))


def _published() -> dict[str, PaperRow]:
    """Table 7's row of each way."""
    return {row.scaling.split()[0]: row for row in paper_table(7)}


def _measured(duel: DuelVerdict | None) -> dict[str, RunGroup]:
    """What this project's own networks of equal cost reached, if they were trained."""
    return {} if duel is None else {one.strategy: one for one in (duel.compound, *duel.rivals)}


def _finding(published: dict[str, PaperRow]) -> str:
    """One sentence on which way is worth most."""
    if not published:
        return (
            "Nobody published how accurate this family is when one dimension alone grows: what is "
            "computed below says what each way costs, not which is best."
        )
    best, depth = published["compound"], published["depth"]
    rival = max((published[name] for name in ways.COLUMNS[:-1]), key=lambda row: row.top1)
    return (
        f"**Depth alone is worse than compound scaling at the same cost**: the paper measured "
        f"{depth.top1} % against {best.top1} % top-1, {best.top1 - depth.top1:.1f} points less, "
        f"and the best single dimension, {rival.scaling.split()[0]}, reached {rival.top1} %. "
        f":small[{widgets.source('published')}]"
    )


def _small_print(found: EqualCost) -> str:
    apart = f"{100 * found.apart:.1f} %"
    if found.equal:
        met = f"All four lie within {apart} of ×{found.common / found.base:.2f}"
    else:
        met = (
            f"The four lie {apart} from ×{found.common / found.base:.2f}, no nearer: blocks, "
            "channels and pixels come whole"
        )
    rounded = sorted(
        f"{way.setting.strategy} with repeats rounded “{way.setting.repeats}” and pixels to "
        f"{1 if way.setting.exact_pixels else 8}"
        for way in found.rounded_otherwise
    )
    helped = f" Rounded otherwise to get there: {', '.join(rounded)}." if rounded else ""
    return (
        f"{met}.{helped} A slab is a block, as tall as its feature map and as thick as the root "
        "of its channels; one scale holds for all four. What the paper measured, it measured at "
        "one cost alone, about four times B0's."
    )
