"""Several pictures by several models at a glance: a table of which a picture can be chosen."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app.live.steps import to_json
from app.markup import breakable, html

_MATRIX = "matrix"
_HEAD, _ROW, _FOOT = 1.9, 4.27, 1.7
"""Heights of the table's lines in rem, at least."""
_html, _css, _script = (
    Path(__file__).with_name(f"matrix.{ending}").read_text(encoding="utf-8")
    for ending in ("html", "css", "js")
)
_matrix = st.components.v2.component(
    "classify_matrix", html=_html, css=_css, js=_script, isolate_styles=False
)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One model's answer: its most probable class and that class's share.

    `differs` tells that it is not what most models say of the picture.
    """

    text: str
    share: str
    differs: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture, of which `thumbnail` is a JPEG file, with a cell for every model."""

    key: str
    title: str
    thumbnail: bytes
    cells: tuple[Cell, ...]
    chosen: bool


def matrix(
    models: Sequence[str],
    rows: Sequence[Row],
    below: Sequence[tuple[str, Sequence[str]]],
    *,
    leads_to: str,
    on_choice: Callable[[], None],
) -> None:
    """Draw the table, with the lines `below` it: a name, and a text for every model.

    A click calls `on_choice`, and scrolls to the element that the selector `leads_to` finds;
    `chosen_picture` then says which row's key it was.
    """
    held = {"table": table(models, rows, below), "below": leads_to}
    height = _HEAD + _ROW * len(rows) + _FOOT * len(below)  # before its script has come
    # "div" outdoes the sheet, whichever is last.
    st.html(f"<style>div.st-key-{_MATRIX} {{ min-height: {height:.2f}rem; }}</style>")
    _matrix(key=_MATRIX, data=[to_json(held)], on_chosen_change=on_choice)


def chosen_picture() -> str:
    """The key of the picture that was clicked last."""
    return str(st.session_state[_MATRIX].chosen)


def table(
    models: Sequence[str], rows: Sequence[Row], below: Sequence[tuple[str, Sequence[str]]]
) -> str:
    """The same as HTML in which every text is shown as it is."""
    heads = "".join(f'<th scope="col">{html(name)}</th>' for name in ("Picture", *models))
    feet = "".join(
        f'<tr><th scope="row">{html(name)}</th>'
        + "".join(f"<td>{html(text)}</td>" for text in texts)
        + "</tr>"
        for name, texts in below
    )
    return (
        "<table><caption>The most probable class of each picture by each model</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(map(_row, rows))}</tbody>"
        f"<tfoot>{feet}</tfoot></table>"
    )


def _row(row: Row) -> str:
    key, chosen = html(row.key), ' class="chosen"' if row.chosen else ""
    pressed = str(row.chosen).lower()
    head = (
        f'<th scope="row"><button data-key="{key}" data-at="{key}" aria-pressed="{pressed}">'
        f'<img src="{_thumbnail(row.thumbnail)}" alt=""><span>{breakable(row.title)}</span>'
        "</button></th>"
    )
    cells = "".join(_cell(cell, key, number) for number, cell in enumerate(row.cells))
    return f"<tr{chosen}>{head}{cells}</tr>"


def _cell(cell: Cell, key: str, number: int) -> str:
    differs, word = (' class="differs"', " · differs") if cell.differs else ("", "")
    return (
        f'<td{differs}><button data-key="{key}" data-at="{key}-{number}">'
        f"<b>{html(cell.text)}</b><small>{html(cell.share + word)}</small></button></td>"
    )


def _thumbnail(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
