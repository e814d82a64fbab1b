"""Scale, architecture: the picture, the stage table, a stage's blocks and a block's inside."""

from __future__ import annotations

import dataclasses
from typing import Any

import streamlit as st

from app import widgets
from app.charts.architecture import METRICS, picture, stage_name
from app.state import Choice
from app.text import count
from app.views.scale_block import inside_html
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
    labels={key: label for key, (label, _) in METRICS.items()},
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
        _draw_stages(report)
    elif not 1 <= stage <= report.spec.stage_count:
        _draw_end(report, stage)
    elif block is None:
        _draw_blocks(report, stage)
    else:
        _draw_inside(report, stage, block)


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


def _draw_stages(report: CostReport) -> None:
    widgets.heading("Stage by stage", "computed")
    rows = [
        {
            "Stage": stage_name(stage.stage, report.spec.stage_count),
            "Operator": stage.title,
            "Input": f"{stage.in_shape[1]} × {stage.in_shape[2]}",
            "Channels": stage.out_shape[0],
            "Blocks": stage.repeats,
            "Stride": stage.stride,
            "Parameters": count(stage.params),
            "FLOPs": count(stage.mult_adds),
            "Share of FLOPs": stage.mult_adds / report.totals.mult_adds,
            "Activations": count(stage.activations),
            "Receptive field": stage.receptive_field,
        }
        for stage in report.stages
    ]
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    st.dataframe(
        rows,
        hide_index=True,
        height=35 * (len(rows) + 1) + 3,
        column_config={"Share of FLOPs": share},
        alt="The stage table of the network, as in table 1 of the paper.",
    )
    st.caption(
        "As table 1 of the paper, with costs. The receptive field is the side, in input pixels, "
        "that one output position sees through the convolutions."
    )


def _draw_blocks(report: CostReport, stage: int) -> None:
    widgets.heading(f"Stage {stage}: its blocks", "computed")
    rows: list[dict[str, Any]] = []
    for block in report.spec.stages[stage - 1]:
        layers = report.block_layers(stage, block.index)
        rows.append(
            {
                "Block": block.index + 1,
                "In": block.in_channels,
                "Expanded": block.expanded_channels,
                "Squeezed": block.squeeze_channels,
                "Out": block.out_channels,
                "Stride": block.stride,
                "Shortcut": block.skip,
                "Parameters": count(sum(layer.params for layer in layers)),
                "FLOPs": count(sum(layer.mult_adds for layer in layers)),
                "Activations": count(sum(layer.activations for layer in layers)),
                "Drop rate in training": round(block.drop_path, 4),
            }
        )
    st.dataframe(rows, hide_index=True, alt=f"The blocks of stage {stage} with their costs.")
    st.caption("Columns In to Out are channels. Choose a block above for its inside.")


def _draw_end(report: CostReport, stage: int) -> None:
    """The layers of the stem or of the head."""
    name = stage_name(stage, report.spec.stage_count)
    widgets.heading(f"The {name}, layer by layer", "computed")
    rows = [
        {
            "Layer": layer.name,
            "Kind": layer.kind.replace("_", " "),
            "Output": " × ".join(str(side) for side in layer.out_shape),
            "Parameters": count(layer.params),
            "FLOPs": count(layer.mult_adds),
            "Batch-norm and pooling": count(layer.other_ops),
        }
        for layer in report.layers
        if layer.stage == stage
    ]
    st.dataframe(rows, hide_index=True, alt=f"The layers of the {name} with their costs.")


def _draw_inside(report: CostReport, stage: int, block: int) -> None:
    spec = report.spec.stages[stage - 1][block]
    widgets.heading(f"Stage {stage}, block {block + 1}: its inside", "computed")
    st.html(inside_html(spec, report.block_layers(stage, block)))


def _alt(shown: Shown) -> str:
    stages = shown.report.stages
    largest = max(stages[1:-1], key=lambda stage: stage.mult_adds)
    return (
        f"{shown.network.title} from its stem at {stages[0].out_shape[1]} pixels a side to its "
        f"head at {stages[-1].out_shape[1]}, {shown.report.totals.blocks} blocks. Stage "
        f"{largest.stage} takes most of the FLOPs: "
        f"{largest.mult_adds / shown.report.totals.mult_adds:.0%}."
    )
