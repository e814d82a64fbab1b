"""A channel of a feature map in the browser, of which one cell can be chosen by hand or by key."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import streamlit as st

from app.charts.style import PAYS, TAKES
from app.live.steps import to_json

_CELLS = "cells"
_html, _css, _script = (
    Path(__file__).with_name(f"cells.{ending}").read_text(encoding="utf-8")
    for ending in ("html", "css", "js")
)
_cells = st.components.v2.component(
    "explain_cells", html=_html, css=_css, js=_script, isolate_styles=False
)


def cells(
    plane: npt.NDArray[np.float32],
    chosen: tuple[int, int],
    alt: str,
    on_choice: Callable[[], None],
) -> None:
    """Draw a channel (h, w) with the cell `chosen` framed; `alt` says what it is.

    A click or an arrow key calls `on_choice`; `chosen_cell` then says which cell.
    """
    height, width = plane.shape
    held = {
        "size": (height, width),
        "values": packed(plane),
        "chosen": chosen,
        "alt": alt,
        "colours": {"above": PAYS, "below": TAKES},
    }
    _cells(key=_CELLS, data=[to_json(held)], on_chosen_change=on_choice)


def packed(plane: npt.NDArray[np.float32]) -> str:
    """The values, row by row, as little-endian float32 in base64: half of what JSON would take."""
    return base64.b64encode(plane.astype("<f4").tobytes()).decode()


def chosen_cell() -> tuple[int, int]:
    """The row and the column of the cell that was chosen last."""
    row, column = st.session_state[_CELLS].chosen
    return int(row), int(column)
