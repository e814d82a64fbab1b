"""Scale, architecture: the stage table, a stage's blocks, a block's inside."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import widgets
from app.charts.architecture import stage_name
from app.text import count
from app.views.scale_block import inside_html
from effnet_core.cost import CostReport


def draw_stages(report: CostReport) -> None:
    """The whole network, a row for each stage, as in table 1 of the paper."""
    widgets.heading("Stage by stage", "computed")
    rows = [
        {
            "Stage": stage_name(stage.stage, report.spec.stage_count),
            "Operator": stage.title,
            "Input": f"{stage.in_shape[1]} × {stage.in_shape[2]}",
            "Channels": stage.out_shape[0],
            "Blocks": stage.repeats,
            "Receptive field": stage.receptive_field,
            "Parameters": count(stage.params),
            "FLOPs": count(stage.mult_adds),
            "Share of FLOPs": stage.mult_adds / report.totals.mult_adds,
            "Activations": count(stage.activations),
            "Stride": stage.stride,
        }
        for stage in report.stages
    ]
    columns = {
        "Stage": st.column_config.TextColumn(width=55),
        "Operator": st.column_config.TextColumn(width=130),
        "Share of FLOPs": st.column_config.ProgressColumn(
            format="percent", min_value=0, max_value=1, width=120
        ),
    }
    st.dataframe(
        rows,
        hide_index=True,
        height=35 * (len(rows) + 1) + 3,
        column_config=columns,
        alt="The stage table of the network, as in table 1 of the paper.",
    )
    st.caption(
        "As table 1 of the paper, with costs. The receptive field is the side, in input pixels, "
        "that one output position sees through the convolutions."
    )


def draw_blocks(report: CostReport, stage: int) -> None:
    """One stage, a row for each block."""
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


def draw_end(report: CostReport, stage: int) -> None:
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


def draw_inside(report: CostReport, stage: int, block: int) -> None:
    """One block, a card for each step."""
    spec = report.spec.stages[stage - 1][block]
    widgets.heading(f"Stage {stage}, block {block + 1}: its inside", "computed")
    st.html(inside_html(spec, report.block_layers(stage, block)))
