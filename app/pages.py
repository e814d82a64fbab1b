"""The app's pages by name, so that the frame and every view can lead to any of them.

A page's module, and torch with it, is imported when the page is first opened: no view imports
another.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import streamlit as st
from streamlit.navigation.page import Page

from app.server import warm

NAMES = ("scale", "classify", "explain", "compare", "train")
FIRST = "scale"


def page(name: str) -> Page:
    """The page called `name`, one of NAMES; the first stands at the root address."""
    first = name == FIRST
    return st.Page(
        _drawing(name), title=name.title(), url_path="" if first else name, default=first
    )


def _drawing(name: str) -> Callable[[], None]:
    def draw() -> None:
        with st.spinner("Opening the page"):
            (warm.wait_for_first if name == FIRST else warm.wait)()
            view = import_module(f"app.views.{name}.page")
        view.render()

    return draw
