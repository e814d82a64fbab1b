"""Against A: every quantity and every stage of the network beside the pinned one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest

import streamlit as st

from app import widgets
from app.live.networks import stage_name
from app.scale import results
from app.scale.quantities import QUANTITIES, latency
from app.text import count, times, unbroken
from app.views.scale.shown import Shown
from effnet_core.cost.report import CostReport, StageCost
from effnet_core.latency import standing

_CELLS: dict[str, Callable[[StageCost], str]] = {
    "Operator": lambda stage: stage.title,
    "Blocks": lambda stage: str(stage.repeats),
    "Channels": lambda stage: str(stage.out_shape[0]),
    "Output": lambda stage: f"{stage.out_shape[1]}²",
    "Parameters": lambda stage: unbroken(count(stage.params)),
    "FLOPs": lambda stage: unbroken(count(stage.mult_adds)),
}
"""What the second table says of a stage."""


def draw(shown: Shown) -> None:
    """Draw both tables."""
    name, other = shown.network.title, f"A: {shown.pinned.title}"
    widgets.heading(f"{name} against {other}", "computed")
    st.table(_totals(shown, name, other))
    widgets.heading("Stage by stage", "computed")
    st.table(_stages(shown.report, shown.pinned_report))
    st.caption("Each cell: network A → the network shown. One word or number: the same in both.")


def _totals(shown: Shown, name: str, other: str) -> list[dict[str, str]]:
    current, pinned = results.priced(shown.network, shown.load, shown.formula.family), shown.other
    held = standing().usable
    quantities = QUANTITIES[1:] if held is None else (*QUANTITIES[1:], latency(held))
    rows = []
    for quantity in quantities:
        new, old = quantity.of(current), quantity.of(pinned)
        if old is None or new is None:
            continue
        rows.append(
            {
                "Quantity": quantity.label,
                other: unbroken(quantity.said(pinned)),
                name: unbroken(quantity.said(current)),
                "Change": times(new, old),
            }
        )
    return rows


def _stages(report: CostReport, other: CostReport) -> list[dict[str, str]]:
    """One row a stage, paired by number; a stage that only one network has stands alone."""
    return [
        {
            "Stage": _stage_name(index, report, other),
            **{name: _change(old, new, show) for name, show in _CELLS.items()},
        }
        for index, (new, old) in enumerate(zip_longest(report.stages, other.stages))
    ]


def _stage_name(index: int, *reports: CostReport) -> str:
    """The stage's name where both networks call it the same, otherwise its number."""
    names = {stage_name(index, report.spec.stage_count) for report in reports}
    return names.pop() if len(names) == 1 else str(index)


def _change(old: StageCost | None, new: StageCost | None, show: Callable[[StageCost], str]) -> str:
    before, after = (show(stage) if stage else "none" for stage in (old, new))
    return after if before == after else f"{before} → {after}"
