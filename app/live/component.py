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

import msgspec
import streamlit as st
from msgspec import Raw

from app.charts.data import of_chart
from app.charts.scale import Chart
from app.live.steps import to_json
from app.sharing import chart_tools
from app.text import as_csv

_FOLDER = Path(__file__).parent
_SCRIPTS = {
    "readouts": ("follow", "readouts"),
    "chart": ("follow", "numbers", "svg", "axes", "chart"),
    "stages": ("follow", "numbers", "svg", "network", "picture", "table", "stages"),
}


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def script(part: str) -> str:
    """The JavaScript module of "readouts", "chart" or "stages": its files, one after another."""
    return "\n".join(_read(f"{name}.js") for name in _SCRIPTS[part])


_readouts, _chart, _stages = (
    st.components.v2.component(
        f"scale_{part}",
        html=_read(f"{part}.html"),
        css=_read("live.css"),
        js=script(part),
        isolate_styles=False,
    )
    for part in _SCRIPTS
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
    chart_tools(key, lambda: as_csv(of_chart(msgspec.json.decode(drawn, type=Chart))))


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


def small_chart(key: str, alt: str, drawn: str, rows: str, rest: Any) -> None:
    """Draw a `charts.scale.small_curves` below the figure that it belongs to; else as `chart`."""
    held = {"alt": alt, "chart": Raw(drawn), "rows": Raw(rows), "rest": rest}
    _chart(key=key, data=[to_json(held)])


_PICTURE = "picture"


def chosen_slab() -> tuple[int, int | None]:
    """The stage and the block (None for stem and head) of the slab that was clicked."""
    stage, block = st.session_state[_PICTURE].chosen
    return int(stage), None if block is None else int(block)
