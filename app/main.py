"""The app's entry script: page settings and navigation, nothing else."""

from __future__ import annotations

import streamlit as st

from app.views import classify, compare, explain, scale
from effnet_core.assets import asset

st.set_page_config(
    page_title="EfficientNet explorer",
    page_icon=str(asset("assets/favicon.png")),
    layout="wide",
)
st.navigation(
    [
        st.Page(scale.render, title="Scale", url_path="scale", default=True),
        st.Page(classify.render, title="Classify", url_path="classify"),
        st.Page(explain.render, title="Explain", url_path="explain"),
        st.Page(compare.render, title="Compare", url_path="compare"),
    ],
    position="top",
).run()
