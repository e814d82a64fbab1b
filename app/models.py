"""The choice of models, shared by Classify and Explain, and how absent weights get here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from app import replies, resources, widgets
from app.markup import plain, title
from app.state import put
from app.text import count, size
from effnet_core.architecture.names import VARIANTS
from effnet_core.errors import EffnetError
from effnet_core.limits import MAX_MODELS_AT_ONCE

if TYPE_CHECKING:
    from app.pictures import Picture
    from effnet_core.engines.prediction import Prediction
    from effnet_core.service import ModelCard

MODEL = "model"
"""The key (also in the URL) of the models chosen."""
_OWN = "own_models"
"""The key of the checkpoints that this session has uploaded: what each is called, by its id."""

ADDED = "added_model"
"""The key of the model uploaded last, to be chosen as soon as the list knows it."""

ASKED = "only"
"""The parameter with which a link asks for one model alone, whatever the session had chosen.

No control has this key: Streamlit would let what the session holds win over the address.
"""
_EMPTIED = "models_emptied"

_KINDS = ("packaged", "bundled", "uploaded", "imported", "published")


def cards() -> tuple[ModelCard, ...]:
    """Every model on offer: what comes along, then others on this disk, a session's own first."""
    available = resources.service().available(tuple(st.session_state.get(_OWN, ())))
    return tuple(sorted(available, key=_rank))


def _rank(card: ModelCard) -> tuple[bool, int, int]:
    """On this disk first, then by kind, smaller first; bundled models in their own order."""
    size_bytes = 0 if card.kind == "bundled" else card.size_bytes
    return card.state != "ready", _KINDS.index(card.kind), size_bytes


def label(card: ModelCard) -> str:
    """What a model is called on these pages and in the URL: "B0 · IMAGENET1K_V1".

    A bundled one is called by its title without the part in brackets: "φ = −4 · trained here", a
    packaged one "Lite0 · ImageNet-1k", and a file of one's own "Lite0 · your file".
    """
    if card.kind == "packaged":
        return card.title.removeprefix("EfficientNet-").replace(", ", " · ")
    if card.kind == "bundled":
        return " · ".join(card.title.partition(" (")[0].rsplit(", ", 1))
    if card.kind == "published":
        return f"{card.architecture.upper()} · {card.id.rsplit('.', 1)[1]}"
    if card.kind == "imported":
        return card.title
    own: dict[str, str] = st.session_state.get(_OWN, {})
    return own.get(card.id, f"{network_title(card.architecture)} · your file")


def network_title(architecture: str) -> str:
    """A network's name as titles have it: "Lite0", "V2-RW-T", "φ = −4", "depth φ = 2"."""
    if architecture not in VARIANTS:
        return re.sub(r"=(-?)", _equals, architecture.removeprefix("compound "))
    parts = architecture.split("-")
    return "-".join(part.upper() if len(part) < 3 else part.capitalize() for part in parts)


def _equals(sign: re.Match[str]) -> str:
    return f" = {sign[1] and '−'}"


def add_own(card: ModelCard) -> bool:
    """Choose a checkpoint just uploaded; whether this session had not added it before.

    A second one of the same network is told apart by a number: "Lite0 · your file 2".
    """
    own: dict[str, str] = st.session_state.setdefault(_OWN, {})
    is_new = card.id not in own
    if is_new:
        name = label(card)
        numbered = (name, *(f"{name} {number}" for number in range(2, len(own) + 2)))
        own[card.id] = next(each for each in numbered if each not in own.values())
    st.session_state[ADDED] = own[card.id]
    return is_new


def settle(count: int = 1) -> None:
    """Choose `count` models where neither session nor address does, or the one a link asks for.

    Either is written into the address, so that it gives others the same answer.
    """
    asked, in_address = st.query_params.get(ASKED), st.query_params.get_all(MODEL)
    known = {label(card): card for card in cards()}
    # After Back, Streamlit gives the address but not what it says to the control.
    emptied = st.session_state.get(_EMPTIED) or asked is not None
    if MODEL in st.session_state and not st.session_state[MODEL] and not emptied:
        put(MODEL, [name for name in in_address if name in known])
        if st.session_state[MODEL]:
            st.session_state.pop(ADDED, None)
    if asked is None and (MODEL in st.session_state or any(in_address)):
        return
    if asked in known:
        put(MODEL, [asked])
    elif MODEL not in st.session_state:
        put(MODEL, _preferred(known, count))
    if asked is not None:
        del st.query_params[ASKED]


def choose() -> tuple[ModelCard, ...]:
    """Draw the choice of models; return them, on this disk or not."""
    from effnet_core.weights.bundled import damage as bundled_damage
    from effnet_core.weights.store import default_root
    from effnet_core.weights.stored import damage

    known = {label(card): card for card in cards()}
    if _say_unknown(known):
        st.session_state[_EMPTIED] = True
    for said in filter(None, (bundled_damage(), *damage(default_root()))):
        st.warning(plain(said))
    _take_added(known)
    chosen = st.multiselect(
        "Models",
        list(known),
        on_change=_note_emptied,
        max_selections=MAX_MODELS_AT_ONCE,
        key=MODEL,
        placeholder="Choose a model",
        help="Models that come with this program are first, then others on this disk. Choosing one "
        "that is not here downloads nothing: its size and a button are shown.",
        wrap=True,
        **widgets.KEPT,
    )
    if not any(card.state == "ready" for card in known.values()):
        st.info(
            "No weights are on this machine yet. The smallest are B0's: press the download button, "
            "or add a checkpoint of your own on Classify."
        )
    if not chosen and not st.session_state.get(_EMPTIED):
        st.session_state[ADDED] = _preferred(known)[0]
        st.rerun()
    return tuple(known[name] for name in chosen if name in known)


def only_ready(cards: tuple[ModelCard, ...]) -> tuple[ModelCard, ...]:
    """Those on this disk; each of the others is offered, and where there is none that is said.

    What probabilities mean that are not of one class among several is said as well, once a model.
    """
    if not cards:
        st.info("No model is chosen: choose one under Models.")
    for card in cards:
        if card.state == "absent":
            _offer(card)
    for card in cards:
        if card.meaning:
            st.caption(plain(f"{label(card)}: {card.meaning}"))
    return tuple(card for card in cards if card.state == "ready")


def answer(card: ModelCard, picture: Picture) -> Prediction | str:
    """What a model says of a picture, kept for this session; an error becomes its sentence."""
    try:
        with st.spinner(_word(card, picture), show_time=True):
            return replies.prediction(picture, card)
    except EffnetError as error:
        return str(error)


def _word(card: ModelCard, picture: Picture) -> str:
    """What stands in the place of an answer until it is there."""
    if not resources.service().is_prepared(card.id):
        return f"{plain(label(card))} is prepared for this machine, this once …"
    return f"{plain(label(card))} looks at {plain(picture.title)} …"


def _preferred(known: dict[str, ModelCard], count: int = 1) -> list[str]:
    """The models to begin with: `count` real ImageNet networks of one family.

    Where they are not installed it is one that someone has downloaded, or else the first.
    """
    ready = {
        kind: [name for name, card in known.items() if (card.kind, card.state) == (kind, "ready")]
        for kind in ("packaged", "published")
    }
    return ready["packaged"][:count] or ready["published"][:1] or list(known)[:1]


def _note_emptied() -> None:
    """Remember whether someone took out the last model, to whom none is then given."""
    st.session_state[_EMPTIED] = not st.session_state[MODEL]


def _take_added(known: dict[str, ModelCard]) -> None:
    """Choose the model added last, beside those chosen before that can answer."""
    added = st.session_state.pop(ADDED, None)
    if added in known:
        before = st.session_state.get(MODEL, [])
        usable = [name for name in before if name in known and known[name].state == "ready"]
        st.session_state[MODEL] = list(dict.fromkeys((added, *usable)))[:MAX_MODELS_AT_ONCE]


def _offer(card: ModelCard) -> None:
    """Draw an absent model: what it is, its size, its download button or how far that is."""
    with st.container(border=True, key=f"offer-{card.id}"):
        st.html(title(label(card), *published_facts(card)))
        if card.kind == "packaged":
            st.warning(plain(_absent_package(card)))
            return
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


def facts(params: int, side: int, *others: str) -> tuple[str, ...]:
    """What is said of any model: its parameters, the pixels that it sees, and `others`."""
    return f"{count(params)} parameters", f"sees {side} × {side} pixels", *others


def published_facts(card: ModelCard) -> tuple[str, ...]:
    """What its authors state of published or packaged weights."""
    from effnet_core.weights.packaged import find_packaged
    from effnet_core.weights.published import find

    if (packaged := find_packaged(card.id)) is not None:
        params, top1 = packaged.params, packaged.top1
    else:
        entry = find(card.id)
        params, ((_, top1, _), *_) = entry.params, entry.metrics
    return facts(params, card.resolution, f"{top1:.1f} % top-1 on ImageNet (published)")


def _absent_package(card: ModelCard) -> str:
    """What brings the weights of a package that is not installed."""
    try:
        resources.service().require(card.id)
    except EffnetError as error:
        return str(error)
    return "It has just been installed: reload the page."


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


def _say_unknown(known: dict[str, ModelCard]) -> bool:
    """Name the models in the address that are not on offer; Streamlit leaves them out."""
    unknown = [name for name in st.query_params.get_all(MODEL) if name and name not in known]
    for name in unknown[:3]:
        st.warning(
            plain(f"The address names a model that is not known here: “{name[:80]}”.")
            + " Uploaded checkpoints are known only to the session that uploaded them."
        )
    return bool(unknown)
