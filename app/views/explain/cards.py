"""The cards: one for each model and class, with its map or the strip of every stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import pictures, replies, widgets
from app.markup import caption, plain
from app.models import label
from app.pictures import Picture
from app.views.explain import maps, strip
from app.views.explain.controls import Drawing, How
from app.views.explain.targets import Target
from effnet_core.errors import EffnetError, InvalidInput

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from effnet_core.service import Explanation

Unjudged = tuple["DeltaGenerator", tuple["Explanation", ...]]
"""The maps that a card shows, and the place in it for the verdict on them."""
_YARDSTICK = "Beside a network with random weights …"


def draw(
    picture: Picture, targets: tuple[Target, ...], how: How, drawing: Drawing
) -> list[Unjudged]:
    """One card for each target, at most three across; a strip of stages takes the whole width."""
    unjudged = []
    across = 1 if how.every_stage else min(3, max(1, len(targets)))
    for start in range(0, len(targets), across):
        row = targets[start : start + across]
        for column, target in zip(st.columns(across), row, strict=False):
            with column, st.container(border=True):
                given = _draw_target(picture, target, how, drawing, wide=len(targets) == 1)
                unjudged.append((st.container(), given))
    return unjudged


def draw_verdicts(unjudged: list[Unjudged]) -> None:
    """Which maps are weak is said last, since no map needs to wait for it."""
    for place, given in unjudged:
        with place, widgets.told(), st.spinner(_YARDSTICK, show_time=True):
            maps.draw_measured(given)
            maps.draw_verdict(given)


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
    st.html(maps.head(name, given[0]) + (caption(note) if note else ""))
    if how.every_stage:
        strip.draw(name, given, drawing)
    else:
        maps.draw(name, given[0], drawing, wide=wide, together=how.all_classes_at_once)
    return given


def _explain(picture: Picture, target: Target, how: How) -> tuple[Explanation, ...]:
    """The map asked for, or that of every stage; raises EffnetError."""
    weights, index = target.card.id, target.class_index
    if index is None:
        raise InvalidInput(f"this model has no class called {target.class_name}.")
    with st.spinner(maps.wait(how), show_time=True):
        if how.all_classes_at_once:
            return (replies.explanation_of_classes(picture, weights)[index],)
        method, stage, parameters = how.method.id, how.stage, how.parameters
        return replies.explanations(picture, weights, index, method, stage, parameters)
