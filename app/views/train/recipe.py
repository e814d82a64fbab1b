"""Which network, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from app import models, widgets
from app.state import Choice, Field
from app.text import count
from app.views.train.fields import (
    FIELDS,
    FROZEN,
    OPTIMIZER,
    OWN_PIXELS,
    PHI,
    PIXELS,
    POLICY,
    ROUNDS,
    SCRATCH,
    STEPS,
)
from effnet_core.architecture.names import scaled
from effnet_core.cost.report import summarize
from effnet_core.errors import EffnetError
from effnet_core.training.presets import BASE_RESOLUTION, suited
from effnet_core.training.recipe import Recipe

if TYPE_CHECKING:
    from app.views.train.photos import Photos
    from effnet_core.service import ModelCard


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the controls hold; `card` is None from scratch.

    `recipe` is None where there are no photos, or none can be made, and `refused` says why not.
    """

    card: ModelCard | None
    phi: float
    pixels: int
    recipe: Recipe | None = None
    refused: str = ""


def _begin(cards: dict[str, ModelCard]) -> Choice:
    labels = {name: models.label(card) for name, card in cards.items()}
    return Choice(
        key="begin",
        label="Begin",
        options=(SCRATCH, *cards),
        default=SCRATCH,
        labels={SCRATCH: "from scratch", **labels},
        help="A network that was trained before needs fewer photos and epochs for yours.",
    )


def _cards() -> dict[str, ModelCard]:
    known = (card for card in models.cards() if card.kind != "uploaded")
    return {card.id: card for card in known if card.state == "ready"}


def fields() -> tuple[Field, ...]:
    """Every control of this part."""
    return (_begin(_cards()), *FIELDS)


def choose_network() -> tuple[ModelCard | None, float]:
    """Draw the choice of the network: trained weights, or None and a φ."""
    cards = _cards()
    card = cards.get(widgets.select(_begin(cards)))
    return card, 0.0 if card else widgets.slider(PHI)


def choose_rest(photos: Photos | None, card: ModelCard | None, phi: float) -> Asked:
    """Draw how it is trained."""
    with st.expander("How it is trained"):
        chosen = widgets.select(PIXELS)
        epochs = int(widgets.number(ROUNDS[card is not None]))
        optimizer = widgets.select(OPTIMIZER)
        rate = widgets.number(STEPS[optimizer])
        policy = widgets.select(POLICY)
        frozen = int(widgets.number(FROZEN)) if card is not None else 0
        own = card.resolution if card else scaled(phi, base_resolution=BASE_RESOLUTION).resolution
        pixels = own if chosen == OWN_PIXELS else int(chosen)
        asked = Asked(card=card, phi=phi, pixels=pixels)
        if photos is None:
            return asked
        try:
            recipe = suited(
                photos.count,
                fine_tuning=card is not None,
                easy=photos.easy,
                epochs=epochs,
                optimizer=optimizer,  # type: ignore[arg-type]
                learning_rate=rate,
                policy=policy,  # type: ignore[arg-type]
                frozen_stages=frozen,
            )
        except EffnetError as error:
            return replace(asked, refused=str(error))
        _draw_recipe(recipe)
    return replace(asked, recipe=recipe)


def _draw_recipe(recipe: Recipe) -> None:
    with st.popover("The whole recipe", width="stretch"):
        st.code(recipe.to_json(), "json", height=320)
        widgets.download("Recipe, JSON", recipe.to_json(), "recipe.json")
        st.caption("`effnet train --recipe recipe.json` does the same on the command line.")


def facts(asked: Asked) -> str:
    """What the network is, as Markdown."""
    side = f"Sees {asked.pixels} × {asked.pixels} pixels"
    if asked.card is not None:
        return f"{side}. Its classifier is replaced by one for the classes of your photos."
    spec = scaled(asked.phi, base_resolution=BASE_RESOLUTION, resolution=asked.pixels)
    work = count(summarize(spec).mult_adds).replace(" ", "\u00a0")
    return f"{side}, {work} multiply-adds a photo. {widgets.source('computed')}"
