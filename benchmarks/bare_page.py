"""A bare Streamlit page with Scale's widgets and one chart: what Streamlit alone takes for them.

`streamlit run benchmarks/bare_page.py`. It knows nothing of this project: the chart's curves double
with each φ, and nothing follows the slider before it is let go of.
"""

import plotly.graph_objects as go
import streamlit as st

STRATEGIES = ("Compound", "Depth", "Width", "Resolution")

st.set_page_config(layout="wide")
st.title("Scale")
left, right = st.columns([4, 9], gap="large")
with left:
    st.segmented_control("Network", ["Formula", "Published"], default="Formula")
    st.segmented_control("Family", ["V1", "Lite", "V2"], default="V1")
    phi = st.slider("φ", -6.0, 10.0, 0.0, 0.1, key="phi")
    st.segmented_control("Strategy", STRATEGIES, default="Compound")
    with st.expander("Scaling rule", expanded=True):
        for name, factor in (("α", 1.2), ("β", 1.1), ("γ", 1.15)):
            st.slider(name, 1.0, 2.0, factor, 0.01)
        st.markdown("α·β²·γ² = **1.920**")
        st.caption("Close to 2")
        with st.container(horizontal=True):
            st.button("Reset")
            st.button("Fast compound")
        with st.popover("Where from?", width="stretch"):
            st.markdown("Searched.")
    with st.expander("More settings", key="more", on_change="rerun") as box:
        if box.open:  # as Scale makes them
            st.number_input("Exact φ", -6.0, 10.0, phi, step=0.01, key=f"exact {phi}")
            st.segmented_control("Repeats", ["Up", "Nearest"], default="Up")
            st.number_input("Base resolution", 32, 1024, 224)
            st.segmented_control("Pixels", ["Multiples of 8", "Exact"], default="Multiples of 8")
            st.number_input("Classes", 1, 100_000, 1000)
            st.number_input("Batch", 1, 1024, 1)
            st.selectbox("Number format", ["float32", "float16"])
    with st.container(border=True):
        st.text_input("Compared with", placeholder="b0")
        st.button("Pin", width="stretch")
with right:
    for column, name in zip(st.columns(4), ("A", "B", "C", "D"), strict=True):
        column.metric(name, f"{2.0**phi:.2f}", "0 %")
    growth, *others = st.tabs(["Growth", "Two", "Three", "Four", "Five", "Six"])
    with growth:
        st.segmented_control("Shown", ["FLOPs", "Parameters"], default="FLOPs")
        st.selectbox("Across", ["φ", "FLOPs"])
        st.selectbox("Up", ["FLOPs", "Parameters"])
        phis = [place * 16 / 199 - 6 for place in range(200)]
        figure = go.Figure(layout={"height": 420, "yaxis": {"type": "log"}})
        for place, strategy in enumerate(STRATEGIES, start=1):
            figure.add_scatter(x=phis, y=[place * 2**each for each in phis], name=strategy)
        figure.add_scatter(x=[phi], y=[2.0**phi], name="here", mode="markers")
        st.plotly_chart(figure, key="chart")
