"""Cards of the weights in a store."""

from __future__ import annotations

from typing import Literal

from effnet_core.architecture.names import VARIANTS, variant
from effnet_core.service.requests import ModelCard
from effnet_core.weights.bundled import find_bundled
from effnet_core.weights.sources import Source
from effnet_core.weights.stored import StoredWeights


def stored_card(source: Source) -> ModelCard:
    """The card of bundled, packaged, published or imported weights."""
    stored = source.stored
    model = find_bundled(stored.id) if stored.bundled else None
    return ModelCard(
        **vars(stored),
        kind=_kind(stored),
        classes=source.classes,
        stage_count=model.stage_count if model else _stage_count(stored.architecture),
    )


def _kind(stored: StoredWeights) -> Literal["bundled", "packaged", "imported", "published"]:
    if stored.bundled:
        return "bundled"
    if stored.packaged:
        return "packaged"
    return "imported" if stored.imported else "published"


def _stage_count(architecture: str) -> int | None:
    """Of a published architecture; None for one whose spec is in its file alone."""
    return variant(architecture).stage_count if architecture in VARIANTS else None
