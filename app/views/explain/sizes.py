"""One picture by three sizes of one family: their maps, and the smallest that gets it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import models, replies, resources, widgets
from app.markup import caption, html, plain, title
from app.models import label
from app.pictures import Picture
from app.state import Choice, put
from app.text import percent
from app.views.explain.controls import Drawing
from app.views.explain.targets import Target
from effnet_core.errors import EffnetError

if TYPE_CHECKING:
    from effnet_core.service import Explanation, ModelCard

TRUTH = "truth"
"""The key (also in the URL) of the class that the picture really shows."""
_TRUTH_OF = "truth_of"


def draw(picture: Picture, target: Target, drawing: Drawing) -> None:
    """Draw what each of the packaged networks says and where it looked, and the flip point."""
    widgets.heading("One picture, three sizes", "measured")
    sized = [card for card in models.cards() if (card.kind, card.state) == ("packaged", "ready")]
    if not sized:
        st.info("This needs EfficientNet-Lite0, Lite1 and Lite2, whose packages are not installed.")
        return
    classes = resources.service().classes(sized[0].id)
    truth = _choose_truth(picture, classes, target, sized[0])
    rights = []
    for column, card in zip(st.columns(len(sized)), sized, strict=True):
        with column, st.container(border=True):
            rights.append(_draw_card(picture, card, truth, drawing))
    st.html(f'<p class="agreement" role="status">{html(_flip(sized, rights, classes[truth]))}</p>')


def _choose_truth(
    picture: Picture, classes: tuple[str, ...], target: Target, smallest: ModelCard
) -> int:
    """Which class the picture shows, as the visitor says it.

    To begin with it is the class explained, or the smallest network's first where that has no such.
    """
    names = tuple(f"{name} ({index})" for index, name in enumerate(classes))
    first = names.index(target.class_name) if target.class_name in names else 0
    if target.class_name not in names:
        given = models.answer(smallest, picture)
        first = 0 if isinstance(given, str) else given.top[0].index
    asked = picture.key, first
    if st.session_state.get(_TRUTH_OF, asked) != asked:  # what was said of another picture
        put(TRUTH, names[first])
    st.session_state[_TRUTH_OF] = asked
    truth = Choice(key=TRUTH, label="It really is", options=names, default=names[first])
    widgets.show_refusals([truth])
    return names.index(widgets.select(truth))


def _draw_card(picture: Picture, card: ModelCard, truth: int, drawing: Drawing) -> bool | None:
    """Whether the network is right; None where it gives no answer."""
    given = models.answer(card, picture)
    if isinstance(given, str):
        st.error(plain(f"{label(card)}: {given}"))
        return None
    first = given.top[0]
    try:
        explained = replies.explanations(picture, card, truth, "grad-cam")[0]
    except EffnetError as error:
        st.error(plain(str(error)))
        return None
    name = label(card)
    st.image(drawing.overlay(explained), width="stretch", alt=_alt(name, explained))
    st.html(title(name, *models.published_facts(card)))
    said = [f"says {first.label}, {percent(first.probability)}"]
    if first.index != truth:
        said.append(f"gives {explained.target.label} {percent(explained.target.probability)}")
    said.append(f"{given.milliseconds:,.0f} ms measured, map of {_grid(explained)}")
    st.html("".join(map(caption, said)))
    return first.index == truth


def _flip(cards: list[ModelCard], rights: list[bool | None], name: str) -> str:
    pairs = tuple(zip(cards, rights, strict=True))
    right = [label(card) for card, is_right in pairs if is_right]
    silent = [label(card) for card, is_right in pairs if is_right is None]
    if silent:
        return f"{', '.join(silent)} gave no answer, so which is the smallest cannot be said."
    if not right:
        return f"None of the {len(pairs)} says {name} first."
    later = f" ({', '.join(right[1:])} too)" if len(right) > 1 else ""
    return f"The smallest that says {name} first is {right[0]}{later}."


def _alt(name: str, explained: Explanation) -> str:
    return f"Where {name} looked for “{explained.target.label}”."


def _grid(explained: Explanation) -> str:
    height, width = explained.attribution.grid
    return f"{height} × {width}"
