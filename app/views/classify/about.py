"""What is known of the chosen models that come with the project: figures and model card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.markup import plain, title
from app.models import facts, label, published_facts
from app.text import percent

if TYPE_CHECKING:
    from effnet_core.service import ModelCard
    from effnet_core.weights.bundled import BundledModel


def draw(cards: tuple[ModelCard, ...]) -> None:
    """Draw the figures of the models that come along, and their cards behind "About this model"."""
    from effnet_core.weights.bundled import find_bundled

    for card in cards:
        if card.kind == "packaged" and card.state == "ready":
            with st.container(border=True, key=f"about-{card.id}"):
                st.html(title(label(card), *published_facts(card)))
                st.caption(plain(f"{card.origin}. Licence: {card.licence}."))
            continue
        model = find_bundled(card.id) if card.kind == "bundled" else None
        if model is None:
            continue
        with st.container(border=True, key=f"about-{card.id}"):
            accuracy = f"{percent(model.top1)} top-1, measured on {model.data}"
            side = model.preprocessing.crop
            st.html(title(label(card), *facts(model.params, side, accuracy)))
            with st.expander("About this model"):
                st.markdown(_card(model))


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
