"""The maps of the most probable classes side by side; a click makes one the class explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import replies, widgets
from app.markup import caption, plain
from app.models import label
from app.pictures import Picture
from app.text import counted, percent
from app.views.explain.controls import SCALES, Drawing
from app.views.explain.maps import colour_bar
from app.views.explain.targets import CLASSES, Target, class_name
from effnet_core.attribution.render import ColourScale, strongest
from effnet_core.errors import EffnetError
from effnet_core.limits import MAX_GALLERY_CLASSES

if TYPE_CHECKING:
    from effnet_core.engines.prediction import Prediction
    from effnet_core.service import Explanation, ModelCard

_WIDTH = 112


def draw(
    picture: Picture,
    card: ModelCard,
    prediction: Prediction,
    targets: tuple[Target, ...],
    drawing: Drawing,
) -> None:
    """Draw Grad-CAM of a model's most probable classes at its last feature map.

    Those among the `targets` explained above are marked.
    """
    try:
        every = replies.explanation_of_classes(picture, card)
    except EffnetError as error:
        st.error(plain(f"{label(card)}: {error}"))
        return
    order = (-prediction.probabilities).argsort(kind="stable")[:MAX_GALLERY_CLASSES]
    given = tuple(every[int(index)] for index in order)
    widgets.heading("The most probable classes", "computed")
    st.caption(
        f"Grad-CAM of {plain(label(card))}. The maps of {counted(len(every), 'class')} come from "
        f"one feature map, in {given[0].attribution.milliseconds:,.0f} ms measured: another class "
        "takes no further pass."
    )
    shared = widgets.segmented(SCALES) == "shared"
    fitting = drawing.scale(*(one.attribution for one in given))
    explained = {target.class_index for target in targets if target.card.id == card.id}
    with st.container(horizontal=True, gap="xsmall", key=f"gallery-{card.id}"):
        for one in given:
            scale = fitting if shared else None
            _draw_class(one, scale, drawing, marked=one.target.index in explained)
    if shared:
        st.html(colour_bar(fitting))


def _draw_class(
    given: Explanation, scale: ColourScale | None, drawing: Drawing, *, marked: bool
) -> None:
    target, where = given.target, strongest(given.attribution)
    alt = f"Grad-CAM of “{target.label}” among the most probable: {where}."
    with st.container(width=_WIDTH, gap="xsmall"):
        shown = drawing.overlay(given, scale)
        st.image(shown, width="stretch", alt=alt, output_format="JPEG")
        st.html(caption(percent(target.probability)))
        st.button(
            plain(target.label),
            key=f"explain-class-{target.index}",
            help="The class explained" if marked else "Explain this class",
            type="primary" if marked else "secondary",
            width="stretch",
            on_click=_choose,
            args=(class_name(given.prediction, target.index),),
        )


def _choose(name: str) -> None:
    st.session_state[CLASSES] = [name]
