"""Several pictures or models at a glance, and the choice of the one picture shown in detail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

import streamlit as st

from app import pictures
from app.live.matrix import Cell, Row, chosen_picture, matrix
from app.markup import html
from app.models import label
from app.text import milliseconds, percent

if TYPE_CHECKING:
    from app.pictures import Picture
    from effnet_core.engines.prediction import Prediction
    from effnet_core.service import ModelCard

Given = Mapping[str, "Prediction | str"]
"""What each model (by weights id) said of one picture; a sentence where it could not."""

_SHOWN = "shown"
"""The parameter of the URL with the `name` of the picture shown in detail, where there are several.

No control has this key: a click on the table sets it.
"""
_CHOSEN, _BEFORE = "picture_looked_at", "pictures_chosen_before"


def looked_at(chosen: Sequence[Picture]) -> Picture:
    """The picture that has just been chosen, or the one in the address, else the one shown last.

    It is written into the address, so that Back and a shared link show it again.
    """
    before = st.session_state.get(_BEFORE, ())
    added = next((p.key for p in chosen if p.key not in before), None) if before else None
    names = {pictures.name(picture): picture.key for picture in chosen}
    key = added or names.get(st.query_params.get(_SHOWN, "")) or st.session_state.get(_CHOSEN)
    shown = next((picture for picture in chosen if picture.key == key), chosen[0])
    st.session_state[_BEFORE] = tuple(picture.key for picture in chosen)
    st.session_state[_CHOSEN] = shown.key
    _write(pictures.name(shown) if len(chosen) > 1 else None)
    return shown


def _write(name: str | None) -> None:
    if name is None:
        st.query_params.pop(_SHOWN, None)
    elif st.query_params.get(_SHOWN) != name:
        st.query_params[_SHOWN] = name


def draw(
    chosen: Sequence[Picture],
    cards: tuple[ModelCard, ...],
    given: Sequence[Given],
    shown: Picture,
) -> None:
    """Draw thumbnails × models, with agreement and median times below; a click chooses a picture.

    `given` has what was said of each of the `chosen` pictures, of which one is `shown` in detail.
    """
    from effnet_core.engines.prediction import dissenters

    differing = [dissenters(answers(said)) for said in given]
    rows = [
        Row(
            key=picture.key,
            title=picture.title,
            thumbnail=picture.thumbnail,
            cells=tuple(_cell(said[card.id], differs=card.id in apart) for card in cards),
            chosen=picture is shown and len(chosen) > 1,
        )
        for picture, said, apart in zip(chosen, given, differing, strict=True)
    ]
    times = times_of(given)
    below = [("Median, measured", [_time(times.get(card.id, ())) for card in cards])]
    several = len(chosen) > 1 and len(cards) > 1
    if several:
        agree = [_agreeing(card.id, given, differing) for card in cards]
        below.insert(0, ("Says what most say", agree))
    names = [label(card) for card in cards]
    matrix(names, rows, below, leads_to=f".st-key-answers-{shown.key}", on_choice=_choose)
    if several:
        same = sum(not apart for apart in differing)
        text = f"The {len(cards)} models agree on {same} of {len(chosen)} pictures."
        st.html(f'<p class="agreement" role="status">{html(text)}</p>')


def answers(said: Given) -> list[Prediction]:
    """What was answered, without the sentences."""
    return [given for given in said.values() if not isinstance(given, str)]


def times_of(given: Sequence[Given]) -> dict[str, list[float]]:
    """The measured milliseconds of each model (by weights id)."""
    times: dict[str, list[float]] = {}
    for said in given:
        for weights, answer in said.items():
            if not isinstance(answer, str):
                times.setdefault(weights, []).append(answer.milliseconds)
    return times


def _choose() -> None:
    st.session_state[_CHOSEN] = chosen_picture()
    _write(None)


def _cell(given: Prediction | str, *, differs: bool) -> Cell:
    if isinstance(given, str):
        return Cell(text="no answer", share="")
    first = given.top[0]
    return Cell(text=first.label, share=percent(first.probability), differs=differs)


def _time(times: Sequence[float]) -> str:
    return milliseconds(median(times)) if times else "–"


def _agreeing(weights: str, given: Sequence[Given], differing: Sequence[tuple[str, ...]]) -> str:
    answered = [not isinstance(said[weights], str) for said in given]
    same = sum(
        there and weights not in apart for there, apart in zip(answered, differing, strict=True)
    )
    return f"{same} of {sum(answered)}"
