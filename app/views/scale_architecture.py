"""Scale, architecture: the picture, and choosing a stage or a block in it."""

from __future__ import annotations

import dataclasses

import streamlit as st

from app import widgets
from app.charts.architecture import METRICS, picture
from app.state import Choice
from app.views import scale_tables
from app.views.scale_network import Shown
from effnet_core.cost import CostReport

_MOST_STAGES = 7
STAGE = Choice(
    key="stage",
    label="Stage",
    options=("all", "stem", *(str(number) for number in range(1, _MOST_STAGES + 1)), "head"),
    default="all",
)
COLOUR = Choice(
    key="colour",
    label="Colour by",
    options=tuple(METRICS),
    default="flops",
    labels={key: metric.label for key, metric in METRICS.items()},
)
FIELDS = (STAGE, COLOUR)
PICTURE = "picture"
_WHOLE_STAGE = "all"


def draw(shown: Shown) -> None:
    """Draw the picture and, below it, whatever is chosen in it."""
    report = shown.report
    with st.container(horizontal=True):
        metric = widgets.segmented(COLOUR)
        stage = _choose_stage(report.spec.stage_count)
        block = _choose_block(report, stage)
    same = shown.pinned == shown.network
    figure = picture(
        report,
        title=shown.network.title,
        metric=metric,
        chosen=(stage, block),
        beside=None if same else (shown.pinned.title, shown.pinned_report),
    )
    widgets.chart(figure, _alt(shown), key=PICTURE, on_select=_take_click, selection_mode="points")
    st.caption(
        "Each slab is a block: as tall as its feature map (the figure above is its side in "
        "pixels), as thick as the square root of its channels. Choose one here or above. "
        "A network pinned as A is drawn below it at the same scale."
    )
    if stage is None:
        scale_tables.draw_stages(report)
    elif not 1 <= stage <= report.spec.stage_count:
        scale_tables.draw_end(report, stage)
    elif block is None:
        scale_tables.draw_blocks(report, stage)
    else:
        scale_tables.draw_inside(report, stage, block)


def _choose_stage(stages: int) -> int | None:
    """The pills; None stands for the whole network."""
    options = tuple(o for o in STAGE.options if not o.isdigit() or int(o) <= stages)
    if st.session_state.get(STAGE.key) not in (None, *options):
        st.session_state[STAGE.key] = STAGE.default
    chosen = widgets.pills(dataclasses.replace(STAGE, options=options))
    if chosen == STAGE.default:
        return None
    return {"stem": 0, "head": stages + 1}[chosen] if not chosen.isdigit() else int(chosen)


def _choose_block(report: CostReport, stage: int | None) -> int | None:
    """The list of a stage's blocks; None stands for the whole stage."""
    inside = stage is not None and 1 <= stage <= report.spec.stage_count
    blocks = len(report.spec.stages[stage - 1]) if inside and stage else 0
    options = (_WHOLE_STAGE, *(str(number) for number in range(1, blocks + 1)))
    control = Choice(key="block", label="Block", options=options, default=_WHOLE_STAGE)
    if st.session_state.get(control.key) not in (None, *options):
        st.session_state[control.key] = _WHOLE_STAGE
    widgets.show_refusals([control])
    chosen = widgets.select(control, disabled=not inside, width=130)
    return None if chosen == _WHOLE_STAGE else int(chosen) - 1


def _take_click() -> None:
    """Choose the stage, and the block, of the slab that was clicked."""
    points = st.session_state[PICTURE]["selection"]["points"]
    if not points or not points[0].get("customdata"):
        return
    stage, block = points[0]["customdata"]
    if block is None:
        st.session_state[STAGE.key] = "stem" if stage == 0 else "head"
        return
    st.session_state[STAGE.key] = str(stage)
    st.session_state["block"] = str(block + 1)


def _alt(shown: Shown) -> str:
    stages = shown.report.stages
    largest = max(stages[1:-1], key=lambda stage: stage.mult_adds)
    return (
        f"{shown.network.title} from its stem at {stages[0].out_shape[1]} pixels a side to its "
        f"head at {stages[-1].out_shape[1]}, {shown.report.totals.blocks} blocks. Stage "
        f"{largest.stage} takes most of the FLOPs: "
        f"{largest.mult_adds / shown.report.totals.mult_adds:.0%}."
    )
