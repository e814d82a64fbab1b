"""Architecture: a stage's blocks, the layers of an end, a block's inside."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import widgets
from app.live.networks import stage_name
from app.text import count
from app.views.scale.block import inside_html
from effnet_core.cost.report import CostReport


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
    st.dataframe(
        rows,
        hide_index=True,
        column_config=_right("Parameters", "FLOPs", "Activations"),
        alt=f"The blocks of stage {stage} with their costs.",
    )
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
    st.dataframe(
        rows,
        hide_index=True,
        column_config=_right("Output", "Parameters", "FLOPs", "Batch-norm and pooling"),
        alt=f"The layers of the {name} with their costs.",
    )


def _right(*names: str) -> dict[str, Any]:
    """Columns of amounts, which are texts here, aligned as the columns of numbers beside them."""
    return {name: st.column_config.TextColumn(alignment="right") for name in names}


def draw_inside(report: CostReport, stage: int, block: int) -> None:
    """One block, a card for each step."""
    spec = report.spec.stages[stage - 1][block]
    widgets.heading(f"Stage {stage}, block {block + 1}: its inside", "computed")
    st.html(inside_html(spec, report.block_layers(stage, block)))
