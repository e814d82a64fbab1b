"""Can this map be trusted? One sentence, and what each test found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import replies, widgets
from app.charts.trust import lines
from app.markup import caption, plain, title
from app.models import label
from app.pictures import Picture
from app.views.explain import files
from app.views.explain.controls import Drawing, How
from app.views.explain.maps import place, said, wait
from app.views.explain.targets import Target
from effnet_core.attribution.trust.charts import charts

if TYPE_CHECKING:
    from effnet_core.attribution.trust import Evidence
    from effnet_core.attribution.trust.charts import Chart
    from effnet_core.service import Explanation

_TITLES = {
    "picture": "Does it come from this picture?",
    "weights": "Does it depend on what the network has learned?",
    "rivals": "Does it beat random maps and the centre?",
    "road": "Do its strongest pixels matter more than its weakest?",
    "range": "Is it stronger than that of random weights?",
}
_MARKS = {
    "for": ":material/check_circle:",
    "weak": ":material/help:",
    "against": ":material/cancel:",
}
_RATES = (
    "A map that passes holds in these tests: none can prove that it is right. Measured on Grad-CAM "
    "of Lite0's last feature map, on 20 photos that the rule was not chosen by: of planted fakes "
    "(an edge detector, another photo's map, a blob in the middle) 20 of 20 each were called out; "
    "of true maps none was, and 6 of 20 were called weak."
)


def draw(picture: Picture, targets: tuple[Target, ...], how: How, drawing: Drawing) -> None:
    """Draw the map of the first target, the verdict on it and the evidence."""
    target = targets[0]
    name = label(target.card)
    widgets.heading("Can this map be trusted?", "measured")
    if target.class_index is None:
        st.info(plain(f"{name} has no class called {target.class_name}."))
        return
    if len(targets) > 1:
        st.caption(f"Of the {len(targets)} maps chosen the first one is tested.")
    with widgets.told():
        asked = target.card, target.class_index, how.method.id, how.stage, how.parameters
        with st.spinner(wait(how), show_time=True):
            (given,) = replies.explanations(picture, *asked)
        beside, below = st.columns([2, 3])
        with beside:
            st.image(drawing.overlay(given), width="stretch", alt=said(name, given))
            st.html(title(given.target.label, f"{how.method.title} by {name}", place(given)))
        with below, st.spinner(_wait(how), show_time=True):
            found = replies.trust(picture, *asked)
        with below:
            passed = found.outcome == "for"
            verdict = f"{found.verdict.partition(':')[0]}." if passed else found.verdict
            st.markdown(f"**{plain(verdict)}**")
            st.html(caption(f"{found.milliseconds / 1000:.1f} s measured for all five tests"))
            _draw_download(picture, target, given, how)
        drawn = {chart.test: chart for chart in charts(found)}
        for each in found.evidence:
            _draw(each, drawn.get(each.test))
        st.caption(_RATES)


def _wait(how: How) -> str:
    """What stands in the place of the verdict until it is there."""
    if not how.method.supports_stages:
        return (
            f"Testing the map: {how.method.title} is made ten times over, by PyTorch, which takes "
            "a minute or more …"
        )
    if how.all_classes_at_once:
        return "Testing the map, some seconds …"
    return "Testing the map, some seconds; the first time PyTorch starts for the yardstick …"


def _draw_download(picture: Picture, target: Target, given: Explanation, how: How) -> None:
    assert target.class_index is not None
    page = replies.judged_document(
        picture, target.card, target.class_index, how.method.id, how.stage, how.parameters
    )
    file = files.stem(label(target.card), given)
    widgets.download("Everything (HTML)", page.encode(), f"{file}-trust.html", key="trust-html")


def _draw(evidence: Evidence, chart: Chart | None) -> None:
    with st.container(border=True, key=f"evidence-{evidence.test}"):
        st.markdown(f"{_MARKS[evidence.outcome]} **{_TITLES[evidence.test]}**")
        st.markdown(plain(evidence.sentence[0].upper() + evidence.sentence[1:] + "."))
        if chart is not None:
            st.html(caption(chart.title))
            widgets.chart(lines(chart), chart.words, key=f"trust-{evidence.test}")
