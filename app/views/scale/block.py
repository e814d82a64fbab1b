"""The inside of one block as a row of cards, one for each step from expand to project."""

from __future__ import annotations

from itertools import groupby

from app.text import count, percent
from effnet_core.architecture.spec import BlockSpec
from effnet_core.cost.layers import LayerCost

STEPS = {
    "expand": "Expand",
    "depthwise": "Depthwise",
    "squeeze_excite": "Squeeze-and-excitation",
    "project": "Project",
    "fused": "Fused convolution",
}
"""What the page calls the steps of a block."""


def inside_html(block: BlockSpec, layers: tuple[LayerCost, ...]) -> str:
    """HTML of the block's steps in order, each with its shape, parameters and FLOPs."""
    totals = [sum(getattr(layer, name) for layer in layers) for name in ("params", "mult_adds")]
    cards = "".join(
        _card(block, role, list(group), *totals)
        for role, group in groupby(layers, key=lambda layer: layer.role)
    )
    end = (
        "The shortcut adds the input to the output."
        if block.skip
        else "No shortcut: output and input differ in shape."
    )
    return (
        f'<div class="block"><div class="steps" role="list" aria-label="Steps of the block">'
        f"{cards}</div></div>"
        f'<p class="quiet">Input: {block.in_channels} channels. {end}</p>'
    )


def _card(
    block: BlockSpec, role: str, layers: list[LayerCost], all_params: int, all_mult_adds: int
) -> str:
    params, mult_adds = (
        sum(getattr(layer, name) for layer in layers) for name in ("params", "mult_adds")
    )
    channels, height, _ = layers[-1].out_shape
    rows = (
        ("Output", f"{channels} × {height}²"),
        ("Parameters", count(params)),
        ("FLOPs", count(mult_adds)),
    )
    figures = "".join(f"<div><span>{name}</span><b>{value}</b></div>" for name, value in rows)
    shares = "".join(
        f'<div class="share" aria-hidden="true"><i style="width:{share:.1%}"></i></div>'
        f"<small>{percent(share)} of the block's {name}</small>"
        for name, share in (
            ("parameters", params / all_params),
            ("FLOPs", mult_adds / all_mult_adds),
        )
    )
    return (
        f'<div class="step" role="listitem"><h4>{STEPS[role]}</h4><p>{_what(block, role)}</p>'
        f"{figures}{shares}</div>"
    )


def _what(block: BlockSpec, role: str) -> str:
    """What the step does to the channels."""
    inside, outside = block.expanded_channels, block.out_channels
    kernel = f"{block.kernel}×{block.kernel}"
    stride = f", stride {block.stride}" if block.stride > 1 else ""
    return {
        "expand": f"1×1 convolution, {block.in_channels} → {inside} channels",
        "depthwise": f"{kernel}, each of {inside} channels on its own{stride}",
        "squeeze_excite": f"average, {inside} → {block.squeeze_channels} → {inside}, then scale",
        "project": f"1×1 convolution, {inside} → {outside} channels",
        "fused": f"{kernel} convolution, {block.in_channels} → "
        f"{inside if block.projects else outside} channels{stride}",
    }[role]
