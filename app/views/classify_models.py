"""The choice of models, shared by Classify and Explain, and how absent weights get here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import resources
from app.markup import plain, title
from app.text import count, size

if TYPE_CHECKING:
    from effnet_core.service import ModelCard

MODEL = "model"
"""The key (also in the URL) of the models chosen."""
OWN = "own_models"
"""The key of the ids of the checkpoints that this session has uploaded."""

ADDED = "added_model"
"""The key of the model uploaded last, to be chosen as soon as the list knows it."""

MAX_MODELS = 4
"""As many as the service keeps in memory."""
_KINDS = ("uploaded", "imported", "published")


def cards() -> tuple[ModelCard, ...]:
    """Every model on offer: on this disk first, a session's own before others, smaller first."""
    available = resources.service().available(st.session_state.get(OWN, ()))
    return tuple(
        sorted(available, key=lambda c: (c.state != "ready", _KINDS.index(c.kind), c.size_bytes))
    )


def label(card: ModelCard) -> str:
    """What a model is called on these pages and in the URL: "B0 · IMAGENET1K_V1"."""
    if card.kind == "published":
        return f"{card.architecture.upper()} · {card.id.rsplit('.', 1)[1]}"
    return card.title if card.kind == "imported" else f"{card.title} #{card.id[-4:]}"


def choose() -> tuple[ModelCard, ...]:
    """Draw the choice of models; return them, on this disk or not."""
    known = {label(card): card for card in cards()}
    _say_unknown(known)
    added = st.session_state.pop(ADDED, None)
    if added in known:
        before = st.session_state.get(MODEL, [])
        usable = [name for name in before if name in known and known[name].state == "ready"]
        st.session_state[MODEL] = list(dict.fromkeys((added, *usable)))[:MAX_MODELS]
    chosen = st.multiselect(
        "Models",
        list(known),
        default=next(iter(known)),
        max_selections=MAX_MODELS,
        key=MODEL,
        placeholder="Choose a model",
        help="Models on this disk come first. Choosing one that is not here downloads nothing: "
        "its size and a button are shown.",
        wrap=True,
        bind="query-params",
        persist_state="session",
    )
    if not any(card.state == "ready" for card in known.values()):
        st.info(
            "No weights are on this machine yet. The smallest are B0's: press the download button, "
            "or add a checkpoint of your own below."
        )
    return tuple(known[name] for name in chosen if name in known)


def offer(card: ModelCard) -> None:
    """Draw an absent model: what it is, its size, its download button or how far that is."""
    with st.container(border=True, key=f"offer-{card.id}"):
        st.html(title(label(card), *_facts(card)))
        state = resources.downloads().state(card.id)
        if state is not None and not state.finished:
            _draw_progress(card.id, size(card.size_bytes))
            return
        if state is not None:
            st.error(plain(state.sentence) + "  \n" + plain(_ready_sentence()))
        if st.button(f"Download {size(card.size_bytes)}", type="primary", key=f"get-{card.id}"):
            resources.downloads().start(card.id)
            st.rerun()
        st.caption(plain(f"From {card.origin.split('/')[2]}, to be used offline from then on."))


def _facts(card: ModelCard) -> tuple[str, ...]:
    from effnet_core.weights.catalog import find

    entry = find(card.id)
    published = {test_set: top1 for test_set, top1, _ in entry.metrics}
    accuracy = published.get("ImageNet-1K")
    return (
        f"{count(entry.params)} parameters",
        f"sees {card.resolution} × {card.resolution} pixels",
        *((f"{accuracy:.1f} % top-1 on ImageNet (published)",) if accuracy else ()),
    )


@st.fragment(run_every=0.5)
def _draw_progress(weights: str, whole: str) -> None:
    state = resources.downloads().state(weights)
    if state is None or state.finished:
        st.rerun()
    st.progress(state.fraction, f"{size(state.done)} of {whole}")


def _ready_sentence() -> str:
    """What can be used without a network."""
    ready = [label(card) for card in cards() if card.state == "ready"]
    if not ready:
        return "Nothing is on this disk yet; a checkpoint of your own needs no network."
    return f"On this disk and ready: {', '.join(ready)}."


def _say_unknown(known: dict[str, ModelCard]) -> None:
    """Name the models in the address that are not on offer; Streamlit leaves them out."""
    unknown = [name for name in st.query_params.get_all(MODEL) if name and name not in known]
    for name in unknown[:3]:
        st.warning(
            plain(f"The address names a model that is not known here: “{name[:80]}”.")
            + " Uploaded checkpoints are known only to the session that uploaded them."
        )
