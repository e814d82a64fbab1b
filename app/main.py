"""The app's entry script: page settings and navigation, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import streamlit as st

from effnet_core.assets import asset


def page(name: str) -> Callable[[], None]:
    """Return the function that draws a page; its module, and torch with it, loads then."""

    def draw() -> None:
        with st.spinner("Opening the page"):
            view = import_module(f"app.views.{name}")
        view.render()

    return draw


st.set_page_config(
    page_title="EfficientNet explorer",
    page_icon=str(asset("assets/favicon.png")),
    layout="wide",
)
st.logo(str(asset("assets/favicon.png")), size="large")
scale = st.Page(page("scale"), title="Scale", url_path="", default=True)


def to_scale() -> None:
    """Send /scale, which people type by analogy with the other pages, to the root address."""
    st.switch_page(scale, query_params=st.query_params.to_dict())


st.navigation(
    [
        scale,
        st.Page(to_scale, title="Scale", url_path="scale", visibility="hidden"),
        st.Page(page("classify"), title="Classify", url_path="classify"),
        st.Page(page("explain"), title="Explain", url_path="explain"),
        st.Page(page("compare"), title="Compare", url_path="compare"),
    ],
    position="top",
).run()
