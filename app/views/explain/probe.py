"""The resolution probe: one network with fixed weights at eight input sizes."""

from __future__ import annotations

import streamlit as st

from app import replies, widgets
from app.charts import probe as charts
from app.markup import plain
from app.models import label
from app.pictures import Picture
from app.text import as_csv
from app.views.explain.targets import Target


def draw(picture: Picture, target: Target) -> None:
    """Draw the chart and its numbers; a refused request gets its sentence."""
    widgets.heading("The same weights at other sizes", "measured")
    st.caption(
        f"{plain(label(target.card))} looks at the picture at eight sizes; no weight changes. "
        "Filled points: the class is the most probable one. Over many pictures a network does best "
        "near the size it was trained for: [the train–test resolution "
        "effect](https://arxiv.org/abs/1906.06423)."
    )
    if target.class_index is None:
        st.info(plain(f"{label(target.card)} has no class called {target.class_name}."))
        return
    with widgets.told():
        with st.spinner("Looking at eight sizes …", show_time=True):
            sizes = replies.probed(picture, target.card, target.class_index)
        widgets.chart(charts.over_sizes(sizes), charts.message(sizes), key="probe")
        st.markdown(plain(charts.message(sizes)))
        rows = [
            {
                "Input size": size.resolution,
                "Probability": size.target.probability,
                "Most probable": size.top.label,
                "Map": f"{size.grid[0]} × {size.grid[1]}",
                "Milliseconds": round(size.milliseconds, 1),
            }
            for size in sizes
        ]
        st.dataframe(rows, hide_index=True, key="probe-rows")
        widgets.download("These numbers (CSV)", as_csv(rows).encode(), "probe.csv", key="probe-csv")
