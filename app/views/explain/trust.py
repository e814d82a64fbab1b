"""Can this map be trusted? One sentence, and what each test found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import replies, widgets
from app.charts.trust import cascade
from app.markup import caption, plain, title
from app.models import label
from app.pictures import Picture
from app.views.explain.controls import Drawing
from app.views.explain.targets import Target
from effnet_core.attribution import find_method

if TYPE_CHECKING:
    from effnet_core.attribution.trust import Evidence

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


def draw(picture: Picture, target: Target, drawing: Drawing, method: str) -> None:
    """Draw the map, the verdict on it and the evidence; the tests take some seconds."""
    name = label(target.card)
    widgets.heading("Can this map be trusted?", "measured")
    if target.class_index is None:
        st.info(plain(f"{name} has no class called {target.class_name}."))
        return
    with widgets.told():
        (given,) = replies.explanations(picture, target.card.id, target.class_index, method)
        beside, below = st.columns([2, 3])
        with beside:
            alt = f"{find_method(method).title} of {given.target.label} by {name}."
            st.image(drawing.overlay(given), width="stretch", alt=alt, output_format="PNG")
            st.html(title(given.target.label, f"{find_method(method).title} by {name}"))
        with (
            below,
            st.spinner("Testing the map, ten seconds or more …", show_time=True),
        ):
            found = replies.trust(picture, target.card.id, target.class_index, method, "last")
        with below:
            passed = found.outcome == "for"
            verdict = f"{found.verdict.partition(':')[0]}." if passed else found.verdict
            st.markdown(f"**{plain(verdict)}**")
            st.html(caption(f"{found.milliseconds / 1000:.1f} s measured for all five tests"))
        for each in found.evidence:
            _draw(each)
        st.caption(
            "A map that passes holds in these tests: none can prove that it is right. Measured "
            "with Lite0 on 20 photos that the rule was not chosen by: of planted fakes (an edge "
            "detector, another photo's map, a blob in the middle) 20 of 20 each were called out; "
            "of true maps none was, and 6 of 20 were called weak."
        )


def _draw(evidence: Evidence) -> None:
    with st.container(border=True, key=f"evidence-{evidence.test}"):
        st.markdown(f"{_MARKS[evidence.outcome]} **{_TITLES[evidence.test]}**")
        st.markdown(plain(evidence.sentence[0].upper() + evidence.sentence[1:] + "."))
        if evidence.test == "weights":
            figure, words = cascade(evidence.figures)
            widgets.chart(figure, words, key="trust-cascade")
