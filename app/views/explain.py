"""Explain: where in a picture did a model look for a class?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import pages, pictures, resources, widgets
from app.frame import page
from app.markup import STYLE_SHEET, plain
from app.pictures import Picture
from app.views import (
    classify_models,
    explain_controls,
    explain_gallery,
    explain_maps,
    explain_scaling,
    explain_targets,
)
from app.views.classify_models import label
from app.views.explain_controls import Drawing, How
from app.views.explain_targets import Target
from effnet_core.errors import EffnetError, InvalidInput

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from effnet_core.predict import Prediction
    from effnet_core.service import Explanation, ModelCard

_CARRIED = "carried_over"
Drawn = tuple["DeltaGenerator", tuple["Explanation", ...]]


@page("Explain", "Where in your picture did the network look for a class, and how firmly?")
def render() -> None:
    """Draw the page: what to explain on the left, the maps on the right."""
    classify_models.settle()
    st.html(STYLE_SHEET)
    widgets.show_refusals(explain_controls.FIELDS)
    _carry_over()
    left, right = st.columns([3, 8], gap="large")
    controls = left.container(key="controls")
    with controls:
        picture = explain_controls.choose_picture()
        cards = classify_models.choose()
    ready = tuple(card for card in cards if card.state == "ready")
    with right:
        for card in cards:
            if card.state == "absent":
                classify_models.offer(card)
        if not cards:
            classify_models.say_none()
        if not ready:
            st.image(picture.preview, width=480, alt=picture.alt, output_format="JPEG")
            return
        predictions = _predict(picture, ready)
    with controls:
        targets = explain_targets.choose(predictions)
        how = explain_controls.choose_how(ready)
        drawing = explain_controls.choose_drawing()
    with right:
        drawn = _draw(picture, targets, how, drawing)
        if how.all_classes_at_once and predictions:
            explain_gallery.draw(picture, *predictions[0], targets, drawing)
        names = tuple(target.class_name.rpartition(" (")[0] for target in targets)
        explain_scaling.draw(picture, names, drawing)
        _draw_verdicts(drawn)


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


def _draw(picture: Picture, targets: tuple[Target, ...], how: How, drawing: Drawing) -> list[Drawn]:
    """One card for each target, at most three across; a strip of stages takes the whole width.

    Gives the maps of each card, with a place in it for what is said of them last.
    """
    drawn = []
    across = 1 if how.every_stage else min(3, max(1, len(targets)))
    for start in range(0, len(targets), across):
        row = targets[start : start + across]
        for column, target in zip(st.columns(across), row, strict=False):
            with column, st.container(border=True):
                given = _draw_target(picture, target, how, drawing, wide=len(targets) == 1)
                drawn.append((st.container(), given))
    return drawn


def _draw_verdicts(drawn: list[Drawn]) -> None:
    """Which maps are weak is said last, since no map needs to wait for it."""
    for place, given in drawn:
        with place:
            try:
                explain_maps.draw_verdict(given)
            except EffnetError as error:
                st.error(plain(str(error)))


def _draw_target(
    picture: Picture, target: Target, how: How, drawing: Drawing, *, wide: bool
) -> tuple[Explanation, ...]:
    """The maps that were drawn; () where there are none and a sentence says why."""
    name = label(target.card)
    try:
        given = _explain(picture, target, how)
    except EffnetError as error:
        st.error(plain(f"{name}: {error}"))
        return ()
    note = pictures.unknown_subject(picture, given[0].prediction.classes)
    if how.every_stage:
        explain_maps.draw_strip(name, given, drawing, note=note)
    else:
        together = how.all_classes_at_once
        explain_maps.draw_one(name, given[0], drawing, wide=wide, note=note, together=together)
    return given


def _explain(picture: Picture, target: Target, how: How) -> tuple[Explanation, ...]:
    """The map asked for, or that of every stage; raises EffnetError."""
    from effnet_core.service import ExplainRequest

    if target.class_index is None:
        raise InvalidInput(f"this model has no class called {target.class_name}.")
    if how.all_classes_at_once:
        with st.spinner(f"{how.method.title} …", show_time=True):
            every = resources.explanation_of_classes(picture.key, target.card.id, picture.data)
        return (every[target.class_index],)
    stage: int | str = how.stage if how.stage in ("last", "all") else int(how.stage)
    request = ExplainRequest(
        image=picture.data,
        weights=target.card.id,
        class_index=target.class_index,
        method=how.method.id,
        stage=stage if isinstance(stage, int) else "last",
        parameters=how.parameters,
    )
    details = (target.class_index, how.method.id, stage, how.parameters)
    with st.spinner(f"{how.method.title} …", show_time=True):
        if how.every_stage:
            return resources.explanation_of_stages(picture.key, target.card.id, details, request)
        return (resources.explanation(picture.key, target.card.id, details, request),)
