"""What leaves a page: its address, and every chart's data and drawing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.markup import html

SCRIPT = Path(__file__).with_name("sharing.js").read_text(encoding="utf-8")
"""Listens to the buttons that are drawn here; each page carries it once."""

_OWN = {
    "kept_pictures": "pictures",
    "own_models": "checkpoints",
}
"""What a session alone has, by the key under which it is held."""


def share() -> str:
    """HTML of the button that copies the page's address, and of the place where that is said."""
    held = [name for key, name in _OWN.items() if st.session_state.get(key)]
    alone = (
        f"Your own {' and '.join(held)} stay in this session: others see the page without them."
        if held
        else ""
    )
    return (
        f'<span class="share-page"><span class="shared" role="status"></span>'
        f'<button type="button" data-share="page" data-own="{html(alone)}">Share</button></span>'
    )


def chart_tools(key: str, csv: Callable[[], str]) -> None:
    """Draw a chart's ways out: data, drawing, address; `csv` is called when it is asked for."""
    root = re.sub(r"[^\w-]", "-", key.strip(), flags=re.ASCII)  # as Streamlit names its class
    ways = "".join(
        f'<button type="button" data-chart="{html(root)}" data-save="{kind}"'
        f' aria-label="{kind.upper()} of this chart">{kind.upper()}</button>'
        for kind in ("svg", "png")
    )
    link = '<button type="button" data-share="chart" aria-label="Link to this chart">Link</button>'
    with st.container(horizontal=True, key=f"tools-{key}", gap="small"):
        st.download_button(
            "CSV",
            csv,
            f"efficientnet-{key}.csv",
            "text/csv",
            key=f"csv-{key}",
            on_click="ignore",
            type="tertiary",
        )
        st.html(f'<div class="chart-ways">{ways}{link}</div>', width="content")
