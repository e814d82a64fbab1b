"""Classify: what do one or several models see in a picture?"""

from __future__ import annotations

import streamlit as st

from app import models, pictures, widgets
from app.frame import page
from app.state import Number
from app.views.classify import about, answers, intake, overview, upload

ROWS = Number(key="top", label="Classes shown", default=5, low=1, high=10, step=1)


@page("Classify", "What does an EfficientNet see in your picture, and do several of them agree?")
def render() -> None:
    """Draw the page: pictures and models on the left, their answers on the right."""
    models.settle(count=3)
    widgets.show_refusals((ROWS, intake.SAMPLES))
    left, right = st.columns([3, 8], gap="large")
    with left, st.container(key="controls"), widgets.sheet("Pictures and models"):
        chosen = intake.choose()
        pictures.show(next(iter(chosen), None))
        cards = models.choose()
        rows = int(widgets.slider(ROWS))
        upload.draw()
    with right:
        ready = models.only_ready(cards)
        if not chosen:
            st.info("Choose a sample, or add a picture of your own: browse, drop or paste.")
        given = [{card.id: models.answer(card, picture) for card in ready} for picture in chosen]
        if chosen:
            shown = overview.looked_at(chosen)
            if len(chosen) * len(ready) > 1:
                overview.draw(chosen, ready, given, shown)
            answers.draw(shown, ready, given[chosen.index(shown)], rows)
        about.draw(cards, overview.times_of(given))
