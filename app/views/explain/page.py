"""Explain: where in a picture did a model look for a class?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import models, pages, pictures, widgets
from app.frame import page
from app.markup import plain
from app.models import label
from app.pictures import Picture
from app.views.explain import (
    cards,
    controls,
    gallery,
    ledger,
    numbers,
    probe,
    scaling,
    sizes,
    targets,
    trust,
)

if TYPE_CHECKING:
    from effnet_core.engines.prediction import Prediction
    from effnet_core.service import ModelCard

_CARRIED = "carried_over"


@page("Explain", "Where in your picture did the network look for a class, and how firmly?")
def render() -> None:
    """Draw the page: what to explain on the left, the maps on the right."""
    models.settle()
    widgets.show_refusals(controls.FIELDS)
    _carry_over()
    left, right = st.columns([3, 8], gap="large")
    with left, st.container(key="controls"):
        left = widgets.sheet("Picture, model")
    with left:
        picture = controls.choose_picture()
        chosen = models.choose()
    with right:
        ready = models.only_ready(chosen)
        if not ready:
            st.image(picture.preview, width=480, alt=picture.alt, output_format="JPEG")
            return
        first, more = st.container(key="parts"), st.container()
    with first:
        part = widgets.pills(controls.PART, wrap=True)
        predictions = _predict(picture, ready)
        above = st.container(horizontal=True, vertical_alignment="bottom")
        with above:
            asked = targets.choose(predictions)
    with left:
        mapped = part in ("maps", "trust")
        how = controls.choose_how(ready, one_map=part == "trust") if mapped else None
        drawing = controls.choose_drawing() if part in ("maps", "trust", "sizes") else None
    if part == "maps" and how is not None and drawing is not None:
        with above:
            several = len(asked) > 1 and not how.every_stage
            one_scale = several and widgets.segmented(controls.ACROSS) == "shared"
        with first:
            unjudged = cards.draw(picture, asked, how, drawing, one_scale=one_scale)
        with more:
            _draw_more(picture, predictions, asked, how, drawing)
        cards.draw_verdicts(unjudged)
        return
    with first:
        if asked and how is not None and drawing is not None:
            trust.draw(picture, asked, how, drawing)
        elif asked and drawing is not None:
            sizes.draw(picture, asked[0], drawing)
        elif part == "numbers":
            numbers.draw(picture, asked)
        elif asked and part == "ledger":
            ledger.draw(picture, asked[0], predictions[0][1])
        elif asked:
            probe.draw(picture, asked[0])


def _draw_more(
    picture: Picture,
    predictions: tuple[tuple[ModelCard, Prediction], ...],
    asked: tuple[targets.Target, ...],
    how: controls.How,
    drawing: controls.Drawing,
) -> None:
    """Draw what stands below the maps asked for."""
    if how.all_classes_at_once and predictions:
        gallery.draw(picture, *predictions[0], asked, drawing)
    names = tuple(target.class_name.rpartition(" (")[0] for target in asked)
    scaling.draw(picture, names, drawing)


def _carry_over() -> None:
    """Begin with the picture that Classify showed last, through the address, so that it says so."""
    shown = pictures.shown_last()
    if shown is None or st.session_state.get(_CARRIED) == shown:
        return
    st.session_state[_CARRIED] = shown
    address = {key: st.query_params.get_all(key) for key in st.query_params}
    if pictures.EXPLAINED not in address:
        # Streamlit empties a control that such an address leaves out.
        chosen = {models.MODEL: st.session_state[models.MODEL], pictures.EXPLAINED: [shown]}
        st.switch_page(pages.page("explain"), query_params=chosen | address)


def _predict(
    picture: Picture, ready: tuple[ModelCard, ...]
) -> tuple[tuple[ModelCard, Prediction], ...]:
    """What each model says, without those that cannot answer: they give their sentence."""
    answered = []
    for card in ready:
        given = models.answer(card, picture)
        if isinstance(given, str):
            st.error(plain(f"{label(card)}: {given}"))
        else:
            answered.append((card, given))
    return tuple(answered)
