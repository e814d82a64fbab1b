"""What is known of the chosen models: figures, origin, and the model card if there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

import streamlit as st

from app import resources
from app.markup import plain, title
from app.models import facts, label, published_facts
from app.text import count, milliseconds, percent

if TYPE_CHECKING:
    from effnet_core.service import ModelCard
    from effnet_core.weights.bundled import BundledModel


def draw(cards: tuple[ModelCard, ...], times: Mapping[str, Sequence[float]]) -> None:
    """Draw the figures of the models on this disk, and model cards behind "About this model".

    `times` has each model's measured milliseconds, by the id of its weights.
    """
    for card in cards:
        if card.state == "ready":
            with st.container(border=True, key=f"about-{card.id}"):
                _draw(card, times.get(card.id, ()))


def _draw(card: ModelCard, times: Sequence[float]) -> None:
    from effnet_core.weights.bundled import find_bundled

    cost = resources.cost_of(card)
    figures = [f"{count(cost.mult_adds)} FLOPs (multiply-adds)"]
    if times:
        figures.append(f"{milliseconds(median(times))} measured here")
    model = find_bundled(card.id) if card.kind == "bundled" else None
    if card.kind in ("packaged", "published"):
        known = published_facts(card)
    else:
        accuracy = f"{percent(model.top1)} top-1, measured on {model.data}" if model else ""
        known = facts(cost.params, card.resolution, *([accuracy] if accuracy else ()))
    st.html(title(label(card), *known, *figures))
    if model is not None:
        with st.expander("About this model"):
            st.markdown(_card(model))
    else:
        st.caption(plain(f"{card.origin}. Licence: {card.licence}."))


def _card(model: BundledModel) -> str:
    """The model card as Markdown, which Streamlit shows without any HTML in it.

    Its first line is the title, drawn already; its headings become those of a part of a page.
    """
    try:
        text = model.card.read_text(encoding="utf-8")
    except OSError:
        return "The model card is missing; install the project again."
    body = text.split("\n", 1)[1] if text.startswith("# ") else text
    return "\n".join(f"###{line}" if line.startswith("## ") else line for line in body.split("\n"))
