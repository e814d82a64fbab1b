"""Explain, the cards: one for each model and class, with its map or the strip of every stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import streamlit as st

from app import pictures, resources
from app.markup import plain
from app.models import label
from app.pictures import Picture
from app.views.explain import maps, strip
from app.views.explain.controls import Drawing, How
from app.views.explain.targets import Target
from effnet_core.errors import EffnetError, InvalidInput

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from effnet_core.service import Explanation

Drawn = tuple["DeltaGenerator", tuple["Explanation", ...]]
"""A place in a card with the maps that the card shows."""


def draw(picture: Picture, targets: tuple[Target, ...], how: How, drawing: Drawing) -> list[Drawn]:
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


def draw_verdicts(drawn: list[Drawn]) -> None:
    """Which maps are weak is said last, since no map needs to wait for it."""
    for place, given in drawn:
        with place:
            try:
                maps.draw_verdict(given)
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
        strip.draw(name, given, drawing, note=note)
    else:
        together = how.all_classes_at_once
        maps.draw(name, given[0], drawing, wide=wide, note=note, together=together)
    return given


def _explain(picture: Picture, target: Target, how: How) -> tuple[Explanation, ...]:
    """The map asked for, or that of every stage; raises EffnetError."""
    if target.class_index is None:
        raise InvalidInput(f"this model has no class called {target.class_name}.")
    asked = (target.card.id, picture.key, picture.data)
    with st.spinner(f"{how.method.title} …", show_time=True):
        if how.all_classes_at_once:
            return (resources.explanation_of_classes(*asked)[target.class_index],)
        kind = (target.class_index, how.method.id)
        if how.every_stage:
            return resources.explanation_of_stages(*asked, *kind)
        stage: int | Literal["last"] = int(how.stage) if how.stage.isdecimal() else "last"
        return (resources.explanation(*asked, *kind, stage, how.parameters),)
