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
from effnet_core.attribution.render import ColourScale
from effnet_core.errors import EffnetError, InvalidInput

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from effnet_core.service import Explanation

Unjudged = tuple["DeltaGenerator", tuple["Explanation", ...]]
"""The maps that a card shows, and the place in it for the verdict on them."""
_YARDSTICK = "Beside a network with random weights …"


def draw(
    picture: Picture,
    targets: tuple[Target, ...],
    how: How,
    drawing: Drawing,
    *,
    one_scale: bool,
) -> list[Unjudged]:
    """One card for each target, at most three across; a strip of stages takes the whole width.

    With `one_scale` the colours of all maps mean the same values.
    """
    with st.spinner(maps.wait(how), show_time=True):
        found = [_explained(picture, target, how) for target in targets]
    given = [one for one in found if not isinstance(one, str)]
    scale = drawing.scale(*(one[0].attribution for one in given)) if one_scale else None
    unjudged = []
    across = 1 if how.every_stage else min(3, max(1, len(targets)))
    for start in range(0, len(targets), across):
        row = list(zip(targets, found, strict=True))[start : start + across]
        for column, (target, one) in zip(st.columns(across), row, strict=False):
            with column, st.container(border=True):
                if isinstance(one, str):
                    st.error(plain(f"{label(target.card)}: {one}"))
                    continue
                _draw_head(picture, target, one)
                if len(given) > 1 and not how.every_stage:
                    maps.draw_likeness(one[0], given[0][0])
                _draw_maps(label(target.card), one, how, drawing, scale, wide=len(targets) == 1)
                unjudged.append((st.container(), one))
    return unjudged


def draw_verdicts(unjudged: list[Unjudged]) -> None:
    """Which maps are weak is said last, since no map needs to wait for it."""
    for place, given in unjudged:
        with place, widgets.told(), st.spinner(_YARDSTICK, show_time=True):
            maps.draw_measured(given)
            maps.draw_verdict(given)


def _draw_head(picture: Picture, target: Target, given: tuple[Explanation, ...]) -> None:
    note = pictures.unknown_subject(picture, given[0].prediction.classes)
    st.html(maps.head(label(target.card), given[0]) + (caption(note) if note else ""))


def _draw_maps(
    name: str,
    given: tuple[Explanation, ...],
    how: How,
    drawing: Drawing,
    scale: ColourScale | None,
    *,
    wide: bool,
) -> None:
    if how.every_stage:
        strip.draw(name, given, drawing)
        return
    fitting = scale or drawing.scale(given[0].attribution)
    maps.draw(name, given[0], drawing, fitting, wide=wide, together=how.all_classes_at_once)


def _explained(picture: Picture, target: Target, how: How) -> tuple[Explanation, ...] | str:
    """The maps, or the sentence why there are none."""
    try:
        return _explain(picture, target, how)
    except EffnetError as error:
        return str(error)


def _explain(picture: Picture, target: Target, how: How) -> tuple[Explanation, ...]:
    """The map asked for, or that of every stage; raises EffnetError."""
    model, index = target.card, target.class_index
    if index is None:
        raise InvalidInput(f"this model has no class called {target.class_name}.")
    if how.all_classes_at_once:
        return (replies.explanation_of_classes(picture, model)[index],)
    method, stage, parameters = how.method.id, how.stage, how.parameters
    return replies.explanations(picture, model, index, method, stage, parameters)
