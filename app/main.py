"""The app's entry script: page settings and navigation, nothing else."""

from __future__ import annotations

import streamlit as st

from app.pages import FIRST, NAMES, page
from effnet_core.files import asset


def to_first() -> None:
    """Send /scale, which people type by analogy with the other pages, to the root address."""
    st.switch_page(page(FIRST), query_params=st.query_params.to_dict())


st.set_page_config(
    page_title="EfficientNet explorer",
    page_icon=str(asset("assets/favicon.png")),
    layout="wide",
)
st.logo(str(asset("assets/favicon.png")), size="large")
st.navigation(
    [
        *map(page, NAMES),
        st.Page(to_first, title=FIRST.title(), url_path=FIRST, visibility="hidden"),
    ],
    position="top",
).run()
