"""Architecture: the picture, and choosing a stage or a block in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from app import widgets
from app.charts.style import OUTLINE
from app.live import component as live
from app.live.networks import COUNTS
from app.live.steps import reading, resting
from app.scale import results
from app.state import Choice
from app.views.scale import shares, tables
from app.views.scale.shown import Shown
from effnet_core.cost.report import CostReport


@dataclass(frozen=True)
class Metric:
    """What the slabs can be coloured by: a field of `cost.PartCost`, in bytes ("B") or counts."""

    label: str
    field: str
    unit: str = ""


METRICS = {
    "flops": Metric("FLOPs", "mult_adds"),
    "params": Metric("parameters", "params"),
    "activations": Metric("activations", "activations"),
    "memory": Metric("peak memory", "peak_activation_bytes", unit="B"),
}
SHADES = ("#3A6F98", "#2A8A8C", "#26A187", "#4DB873", "#8CCB4A")
"""Viridis without its ends: the darkest blue is lost on a dark page, the yellow on a light one."""

_STEPPED_BACK = 0.8
"""The opacity of what is not chosen."""

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
_WHOLE_STAGE = "all"


def draw(shown: Shown) -> None:
    """Draw the picture and, below it, whatever is chosen in it."""
    report = shown.report
    with st.container(horizontal=True, key="pick"):
        metric = widgets.segmented(COLOUR)
        stage = _choose_stage(report.spec.stage_count)
        block = _choose_block(report, stage)
    if stage is None:
        shares.draw(shown)
    _draw_picture(shown, METRICS[metric], stage, block)
    if stage is None:
        return
    if not 1 <= stage <= report.spec.stage_count:
        tables.draw_end(report, stage)
    elif block is None:
        tables.draw_blocks(report, stage)
    else:
        tables.draw_inside(report, stage, block)


def _draw_picture(shown: Shown, metric: Metric, stage: int | None, block: int | None) -> None:
    """The picture, with the stage table below it where no stage is chosen; both follow φ."""
    network, pinned, load = shown.network, shown.pinned, shown.load
    grid = "null"
    if network.variant is None:
        grid = results.live_networks(shown.formula, load)
    same_at = "" if pinned == network else None
    if pinned.variant is None and pinned.at(network.phi) == network:
        same_at = reading(pinned.phi)
    choice = {
        "metric": COUNTS.index(metric.field),
        "label": metric.label,
        "unit": metric.unit,
        "chosen": (stage, block),
        "table": stage is None,
        "shades": SHADES,
        "stepped_back": _STEPPED_BACK,
        "outline": OUTLINE,
        "beside": results.live_network(pinned, load) if shown.compared else None,
        "beside_at": same_at,
        "rest": resting(network, results.live_network(network, load)),
    }
    live.stages(grid, choice, _take_click)


def _choose_stage(stages: int) -> int | None:
    """The pills; None stands for the whole network."""
    options = tuple(o for o in STAGE.options if not o.isdigit() or int(o) <= stages)
    if st.session_state.get(STAGE.key) not in (None, *options):
        st.session_state[STAGE.key] = STAGE.default
    chosen = widgets.pills(replace(STAGE, options=options))
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
    stage, block = live.chosen_slab()
    if block is None:
        st.session_state[STAGE.key] = "stem" if stage == 0 else "head"
        return
    st.session_state[STAGE.key] = str(stage)
    st.session_state["block"] = str(block + 1)
