"""The maps of the most probable classes side by side; a click makes one the class explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import resources, widgets
from app.markup import caption, percent, plain
from app.pictures import Picture
from app.views.classify_models import label
from app.views.explain_controls import Drawing
from app.views.explain_targets import CLASSES, class_name
from effnet_core.attribution.render import ColourScale, colour_scale, overlay, strongest
from effnet_core.errors import EffnetError

if TYPE_CHECKING:
    from effnet_core.predict import Prediction
    from effnet_core.service import Explanation, ModelCard

MOST = 12
"""Most classes shown."""
_WIDTH = 140


def draw(picture: Picture, card: ModelCard, prediction: Prediction, drawing: Drawing) -> None:
    """Draw Grad-CAM of a model's most probable classes at its last feature map, on one scale."""
    try:
        every = resources.explanation_of_classes(picture.key, card.id, picture.data)
    except EffnetError as error:
        st.error(plain(f"{label(card)}: {error}"))
        return
    order = (-prediction.probabilities).argsort(kind="stable")[:MOST]
    given = tuple(every[int(index)] for index in order)
    scale = colour_scale(
        *(explained.attribution for explained in given),
        colour_map=drawing.colours,
        signed=drawing.signed,
    )
    widgets.heading("The most probable classes", "computed")
    st.caption(
        f"Grad-CAM of {plain(label(card))} on one shared scale, so that strengths compare. All "
        f"{len(every):,} classes' maps come from one feature map, in "
        f"{given[0].attribution.milliseconds:,.0f} ms measured: choosing another takes no pass."
    )
    with st.container(horizontal=True, key=f"gallery-{card.id}"):
        for explained in given:
            _draw_class(explained, scale, drawing)


def _draw_class(given: Explanation, scale: ColourScale, drawing: Drawing) -> None:
    target, attribution = given.target, given.attribution
    shown = overlay(given.prediction.view, attribution, opacity=drawing.opacity, scale=scale)
    alt = f"Grad-CAM of “{target.label}”, on the shared scale: {strongest(attribution)}."
    with st.container(width=_WIDTH, gap="xsmall"):
        st.image(shown, width="stretch", alt=alt, output_format="JPEG")
        st.button(
            plain(target.label),
            key=f"explain-class-{target.index}",
            help="Explain this class",
            width="stretch",
            on_click=_choose,
            args=(class_name(given.prediction, target.index),),
        )
        st.html(caption(percent(target.probability)))


def _choose(name: str) -> None:
    st.session_state[CLASSES] = [name]
