"""The parts of Scale that live in the browser, as Streamlit mounts them.

Each listens to the slider for φ itself. Its data is the same at every step of φ, so that a step
sends nothing: only a network between the steps, or one by name, comes along as `rest`. It is JSON
in a list of one: for a text by itself Streamlit asks pandas whether it is a table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from msgspec import Raw

from app.live.steps import to_json

_FOLDER = Path(__file__).parent


def _read(*names: str) -> str:
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


_STYLE = _read("live.css")
_readouts = st.components.v2.component(
    "scale_readouts",
    html=_read("readouts.html"),
    css=_STYLE,
    js=_read("follow.js", "readouts.js"),
    isolate_styles=False,
)
_chart = st.components.v2.component(
    "scale_chart",
    html=_read("chart.html"),
    css=_STYLE,
    js=_read("follow.js", "svg.js", "axes.js", "chart.js"),
    isolate_styles=False,
)
_stages = st.components.v2.component(
    "scale_stages",
    html=_read("stages.html"),
    css=_STYLE,
    js=_read("follow.js", "numbers.js", "svg.js", "picture.js", "stages.js"),
    isolate_styles=False,
)


def readouts(rows: str, rest: Any) -> None:
    """Let the headline above follow φ: `rows` is JSON of `app.live.readouts` at every step of φ.

    `rest` is what it says of a network that is at none (`app.live.steps.resting`).
    """
    _readouts(key="readouts", data=[to_json({"rows": Raw(rows), "rest": rest})])


def chart(key: str, alt: str, drawn: str, rows: str = "[]", rest: Any = None) -> None:
    """Draw a chart on which the chosen network is marked at every step of φ.

    `alt` tells its message in words. `drawn` is JSON of a `charts.scale.Chart`, `rows` of its marks
    at every step, and `rest` the mark of a network that is at none.
    """
    held = {"alt": alt, "chart": Raw(drawn), "rows": Raw(rows), "rest": rest}
    _chart(key=key, data=[to_json(held)])


def stages(networks: str, choice: dict[str, Any], on_choice: Callable[[], None]) -> None:
    """Draw the picture and the stage table; `networks` is the JSON of `app.live.networks`.

    `choice` says what is coloured and framed, and holds the networks that stand still. A click on
    a slab calls `on_choice` once; `chosen_slab` then says which.
    """
    grid = hashlib.sha256(networks.encode()).hexdigest()[:16]
    _stages(key="steps", data=[to_json({"id": grid, "networks": Raw(networks)})])
    _stages(
        key=_PICTURE,
        data=[to_json(choice | {"grid": grid})],
        on_chosen_change=on_choice,
    )


_PICTURE = "picture"


def chosen_slab() -> tuple[int, int | None]:
    """The stage and the block (None for stem and head) of the slab that was clicked."""
    stage, block = st.session_state[_PICTURE].chosen
    return int(stage), None if block is None else int(block)
