"""Explain: where in a picture did a model look for a class?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import models, pages, pictures, resources, widgets
from app.frame import page
from app.markup import STYLE_SHEET, plain
from app.models import label
from app.pictures import Picture
from app.views.explain import (
    cards as explain_cards,
)
from app.views.explain import (
    controls as explain_controls,
)
from app.views.explain import (
    gallery,
    scaling,
)
from app.views.explain import (
    targets as explain_targets,
)
from effnet_core.errors import EffnetError

if TYPE_CHECKING:
    from effnet_core.engines.predictor import Prediction
    from effnet_core.service import ModelCard

_CARRIED = "carried_over"


@page("Explain", "Where in your picture did the network look for a class, and how firmly?")
def render() -> None:
    """Draw the page: what to explain on the left, the maps on the right."""
    models.settle()
    st.html(STYLE_SHEET)
    widgets.show_refusals(explain_controls.FIELDS)
    _carry_over()
    left, right = st.columns([3, 8], gap="large")
    controls = left.container(key="controls")
    with controls:
        picture = explain_controls.choose_picture()
        cards = models.choose()
    ready = tuple(card for card in cards if card.state == "ready")
    with right:
        for card in cards:
            if card.state == "absent":
                models.offer(card)
        if not cards:
            models.say_none()
        if not ready:
            st.image(picture.preview, width=480, alt=picture.alt, output_format="JPEG")
            return
        predictions = _predict(picture, ready)
    with controls:
        targets = explain_targets.choose(predictions)
        how = explain_controls.choose_how(ready)
        drawing = explain_controls.choose_drawing()
    with right:
        drawn = explain_cards.draw(picture, targets, how, drawing)
        if how.all_classes_at_once and predictions:
            gallery.draw(picture, *predictions[0], targets, drawing)
        names = tuple(target.class_name.rpartition(" (")[0] for target in targets)
        scaling.draw(picture, names, drawing)
        explain_cards.draw_verdicts(drawn)


def _carry_over() -> None:
    """Begin with the picture that Classify showed last, through the address, so that it says so."""
    shown = pictures.shown_last()
    if shown is None or st.session_state.get(_CARRIED) == shown:
        return
    st.session_state[_CARRIED] = shown
    address = {key: st.query_params.get_all(key) for key in st.query_params}
    if pictures.EXPLAINED not in address:
        st.switch_page(pages.page("explain"), query_params=address | {pictures.EXPLAINED: [shown]})


def _predict(
    picture: Picture, cards: tuple[ModelCard, ...]
) -> tuple[tuple[ModelCard, Prediction], ...]:
    """What each model says, without those that cannot answer: they give their sentence."""
    answered = []
    for card in cards:
        try:
            with st.spinner(f"{plain(label(card))} looks at the picture …", show_time=True):
                given = resources.prediction(card.id, picture.key, picture.data)
        except EffnetError as error:
            st.error(plain(f"{label(card)}: {error}"))
        else:
            answered.append((card, given))
    return tuple(answered)
