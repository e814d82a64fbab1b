"""Layers by their numbers: a cell of a feature map, and the arithmetic that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import replies, widgets
from app.live.cells import cells, chosen_cell
from app.markup import plain
from app.models import label
from app.pictures import Picture
from app.state import Choice, Field, Number
from app.views.explain.maps import stage_name
from app.views.explain.sums import cards, signed
from app.views.explain.targets import Target
from effnet_core.attribution.cell import Cell

if TYPE_CHECKING:
    from effnet_core.attribution.cell import CellArithmetic
    from effnet_core.service import Channels

_FIRST_SHOWN = "2"
"""The stage to begin with: the first whose blocks of V1 expand."""
CHANNEL, ROW, COLUMN = "channel", "row", "column"


def draw(picture: Picture, targets: tuple[Target, ...]) -> None:
    """Draw the choice of a cell, of the first model and class explained, and how it came about."""
    known = [target for target in targets if target.class_index is not None]
    if known:
        widgets.heading("Layers by their numbers", "computed")
        _draw_numbers(picture, known[0])


@st.fragment
def _draw_numbers(picture: Picture, target: Target) -> None:
    """A click redraws this alone."""
    with widgets.told():
        model, index = target.card, target.class_index
        assert index is not None
        with st.spinner("Every stage's channels …", show_time=True):
            every = replies.channels(picture, model, index)
        stage = _choose_stage(len(every))
        channels = every[stage]
        left, right = st.columns([2, 3], gap="large")
        with left:
            channel = _choose_channel(channels)
            with st.container(horizontal=True):
                row, column = (_choose_place(key, channels.side) for key in (ROW, COLUMN))
            cell = Cell(stage=stage, channel=channel, row=row, column=column)
            found = replies.cell(picture, model, cell)
            alt = (
                f"Channel {channel}, {channels.side} × {channels.side} cells; row {row}, column "
                f"{column} is chosen. The arrow keys choose its neighbours."
            )
            cells(found.plane, (row, column), alt, _take_click)
            given = signed(float(channels.given[channel]), 3)
            st.caption(
                f"Channel {channel} gives “{plain(target.class_name)}” {given} of its logit by "
                f"{plain(label(target.card))}: gradient × value, added up over the map."
            )
        with right:
            _draw_sums(found)


def _draw_sums(found: CellArithmetic) -> None:
    cell, apart = found.cell, abs(found.value - found.network)
    place = f"Channel {cell.channel}, row {cell.row}, column {cell.column}"
    st.markdown(f"{place}: **{signed(found.value, 7)}**")
    st.caption(
        f"The network itself has {signed(found.network, 7)} there in float32, {signed(apart, 1)} "
        "apart. Where a layer reads many values, the card before it is that of its strongest "
        "product."
    )
    st.html(cards(found))


def _choose_stage(count: int) -> int:
    options = tuple(map(str, range(count)))
    control = Choice(
        key="map",
        label="Feature map",
        options=options,
        default=_FIRST_SHOWN,
        labels={option: stage_name(int(option), count) for option in options},
    )
    _settle(control)
    return int(widgets.pills(control, wrap=True, on_change=_begin_anew))


def _choose_channel(channels: Channels) -> int:
    order = tuple(map(str, channels.order))
    control = Choice(
        key=CHANNEL,
        label="Channel",
        options=order,
        default=order[0],
        help="The one that gives the class most comes first, the one most against it last.",
    )
    _settle(control)
    return int(widgets.select(control))


def _choose_place(key: str, side: int) -> int:
    control = Number(
        key=key, label=key.capitalize(), default=side // 2, low=0, high=side - 1, step=1
    )
    _settle(control)
    return int(widgets.number(control))


def _settle(control: Field) -> None:
    """Say what the address cannot mean, and let go of what another feature map had."""
    held = st.session_state.get(control.key)
    if held is None:
        widgets.show_refusals([control])
        return
    text = control.shown(str(held)) if isinstance(control, Choice) else str(held)
    if not control.accepts(text):
        st.session_state[control.key] = control.default


def _begin_anew() -> None:
    """Another feature map has other channels: begin with its strongest and its middle cell."""
    for key in (CHANNEL, ROW, COLUMN):
        st.session_state.pop(key, None)


def _take_click() -> None:
    """Choose the cell that was clicked, or that an arrow key led to."""
    st.session_state[ROW], st.session_state[COLUMN] = chosen_cell()
