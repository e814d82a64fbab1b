"""The picture of a network: a slab for each block, as tall as its feature map and as thick as wide.

Height is the side of the block's output in pixels, thickness the square root of its channels
(linear thickness would leave the first stages too thin to see), and every block has its own slab.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from app.charts.style import FAINT, GREY, OUTLINE, figure
from app.text import count, size
from effnet_core.cost import CostReport


@dataclass(frozen=True)
class Metric:
    """What the slabs can be coloured by: a field of `PartCost`, and how it is written."""

    label: str
    field: str
    show: Callable[[float], str] = count
    unit: str = ""


METRICS = {
    "flops": Metric("FLOPs", "mult_adds"),
    "params": Metric("parameters", "params"),
    "activations": Metric("activations", "activations"),
    "memory": Metric("peak memory", "peak_activation_bytes", size, "B"),
}
_BETWEEN_BLOCKS, _BETWEEN_STAGES = 0.8, 13.0

# Viridis without its ends: the darkest blue is lost on a dark page, the yellow on a light one.
_SHADES = ("#3A6F98", "#2A8A8C", "#26A187", "#4DB873", "#8CCB4A")
_STEPPED_BACK = 0.8
# Labels nearer than this part of the width run together at 390 px; the second is then lifted.
_LABELS_APART = 0.05
_TWO_LINES = 26


@dataclass(frozen=True, kw_only=True)
class Slab:
    """One block (or the stem, or the head): where it stands and what it costs."""

    stage: int
    block: int | None
    left: float
    thickness: float
    channels: int
    side: int
    value: int


def slabs(report: CostReport, metric: str) -> tuple[Slab, ...]:
    """The slabs of a network from left to right; `metric` is a key of METRICS."""
    found: list[Slab] = []
    left = 0.0
    for part in report.parts:
        channels, side, _ = part.out_shape
        if found:
            left += _BETWEEN_STAGES if found[-1].stage != part.stage else _BETWEEN_BLOCKS
        thickness = channels**0.5
        found.append(
            Slab(
                stage=part.stage,
                block=part.block,
                left=left,
                thickness=thickness,
                channels=channels,
                side=side,
                value=getattr(part, METRICS[metric].field),
            )
        )
        left += thickness
    return tuple(found)


def stage_name(stage: int, stage_count: int) -> str:
    """ "stem", the stage's number, or "head"."""
    return "stem" if stage == 0 else "head" if stage > stage_count else str(stage)


def picture(
    report: CostReport,
    *,
    title: str,
    metric: str,
    chosen: tuple[int | None, int | None],
    beside: tuple[str, CostReport] | None = None,
) -> go.Figure:
    """The network drawn to scale, coloured by `metric`; `beside` is drawn below at the same scale.

    `title` and the one in `beside` are the networks' names.

    `chosen` is a stage and a block inside it (None: all of them): it gets a frame, the rest steps
    back.
    """
    drawn = figure(400)
    shown = slabs(report, metric)
    _add_slabs(drawn, report, shown, metric, chosen)
    if chosen[0] is not None:
        _add_frame(drawn, [slab for slab in shown if _is_chosen(slab, chosen)])
    top = max(slab.side for slab in shown) / 2
    bottom = -top
    right = shown[-1].left + shown[-1].thickness
    _add_labels(drawn, shown, report.spec.stage_count, top)
    _add_title(drawn, title, -0.6 * top)
    if beside is not None:
        other = slabs(beside[1], metric)
        height = max(slab.side for slab in other)
        centre = bottom - 0.3 * top - height / 2
        _add_outline(drawn, beside[0], other, centre)
        bottom = centre - height / 2
        right = max(right, other[-1].left + other[-1].thickness)
    drawn.update_xaxes(range=[-0.01 * right, 1.01 * right], visible=False, fixedrange=True)
    drawn.update_yaxes(range=[1.05 * bottom, 1.45 * top], visible=False, fixedrange=True)
    drawn.update_layout(showlegend=False, bargap=0, margin_t=_TWO_LINES, margin_l=14)
    return drawn


def _add_slabs(
    drawn: go.Figure,
    report: CostReport,
    shown: Sequence[Slab],
    metric: str,
    chosen: tuple[int | None, int | None],
) -> None:
    shade = METRICS[metric]
    names = [stage_name(slab.stage, report.spec.stage_count) for slab in shown]
    drawn.add_bar(
        x=[slab.left + slab.thickness / 2 for slab in shown],
        y=[slab.side for slab in shown],
        base=[-slab.side / 2 for slab in shown],
        width=[slab.thickness for slab in shown],
        customdata=[[slab.stage, slab.block] for slab in shown],
        hovertext=[_hover(slab, name, shade) for slab, name in zip(shown, names, strict=True)],
        hoverinfo="text",
        marker={
            "color": [slab.value for slab in shown],
            "colorscale": _SHADES,
            "cmin": 0,
            "colorbar": {
                "title": {"text": f"{shade.label} of a block", "side": "top"},
                "orientation": "h",
                "thickness": 8,
                "len": 0.6,
                "x": 0,
                "xanchor": "left",
                "y": -0.02,
                "yanchor": "top",
                "exponentformat": "B",
                "ticksuffix": shade.unit,
                "nticks": 5,
            },
            "opacity": [1.0 if _is_chosen(slab, chosen) else _STEPPED_BACK for slab in shown],
            "line": {"width": 0.5, "color": GREY},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": _STEPPED_BACK}},
    )


def _is_chosen(slab: Slab, chosen: tuple[int | None, int | None]) -> bool:
    stage, block = chosen
    return stage is None or (slab.stage == stage and block in (None, slab.block))


def _add_frame(drawn: go.Figure, inside: Sequence[Slab]) -> None:
    """A frame around neighbouring slabs, a little larger than they are."""
    reach = 0.53 * max(slab.side for slab in inside)
    drawn.add_shape(
        type="rect",
        x0=inside[0].left - 2,
        x1=inside[-1].left + inside[-1].thickness + 2,
        y0=-reach,
        y1=reach,
        line={"width": 2, "color": OUTLINE},
    )


def _hover(slab: Slab, name: str, shade: Metric) -> str:
    place = name if slab.block is None else f"stage {name}, block {slab.block + 1}"
    return (
        f"<b>{place}</b><br>{slab.channels} channels, {slab.side}×{slab.side}"
        f"<br>{shade.show(slab.value)} {shade.label}"
    )


def _add_labels(drawn: go.Figure, shown: Sequence[Slab], stages: int, top: float) -> None:
    """The name of each stage above it, and its side where that changes, to fit a narrow screen."""
    before, last = 0, -math.inf
    nearest = _LABELS_APART * (shown[-1].left + shown[-1].thickness)
    for stage in range(stages + 2):
        inside = [slab for slab in shown if slab.stage == stage]
        centre = (inside[0].left + inside[-1].left + inside[-1].thickness) / 2
        lifted = centre - last < nearest
        last = -math.inf if lifted else centre
        name = f"<b>{stage_name(stage, stages)}</b>"
        if inside[-1].side != before:
            name += f"<br>{inside[-1].side}²"
        elif not lifted:
            name += "<br>\u00a0"
        before = inside[-1].side
        drawn.add_annotation(
            x=centre,
            y=1.04 * top,
            yshift=_TWO_LINES if lifted else 0,
            text=name,
            showarrow=False,
            yanchor="bottom",
            font={"size": 10},
        )


def _add_outline(drawn: go.Figure, title: str, other: Sequence[Slab], centre: float) -> None:
    drawn.add_bar(
        x=[slab.left + slab.thickness / 2 for slab in other],
        y=[slab.side for slab in other],
        base=[centre - slab.side / 2 for slab in other],
        width=[slab.thickness for slab in other],
        hoverinfo="skip",
        marker={"color": FAINT, "line": {"width": 0.5, "color": GREY}},
        unselected={"marker": {"opacity": 1}},
    )
    _add_title(drawn, f"A: {title}", centre - 0.3 * max(slab.side for slab in other))


def _add_title(drawn: go.Figure, text: str, height: float) -> None:
    """A network's name at its right end, below the slabs: they are low there."""
    drawn.add_annotation(x=1.0, xref="paper", y=height, text=text, showarrow=False, xanchor="right")
