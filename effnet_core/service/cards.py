"""Small translations at the door: store records to cards, errors to sentences, device to words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

import torch

from effnet_core.architecture.names import VARIANTS, variant
from effnet_core.errors import EffnetError
from effnet_core.host import processor
from effnet_core.service.lanes import Ticket
from effnet_core.service.requests import Failed, ModelCard
from effnet_core.weights.bundled import find_bundled
from effnet_core.weights.published import catalog
from effnet_core.weights.stored import StoredWeights


class _Request(Protocol):
    @property
    def weights(self) -> str: ...


R = TypeVar("R", bound=_Request)
A = TypeVar("A")


def answer_or_sentence(answer: Callable[[R, Ticket], A], request: R, ticket: Ticket) -> A | Failed:
    """The answer, or, if this request cannot be answered, the sentence that says why."""
    try:
        return answer(request, ticket)
    except EffnetError as error:
        return Failed(request.weights, str(error))


def stored_card(stored: StoredWeights) -> ModelCard:
    """The card of bundled, published or imported weights."""
    model = find_bundled(stored.id) if stored.bundled else None
    entry = None
    if not stored.imported and model is None:
        entry = next(entry for entry in catalog() if entry.id == stored.id)
    return ModelCard(
        id=stored.id,
        title=stored.title,
        architecture=stored.architecture,
        kind=_kind(stored),
        state=stored.state,
        num_classes=stored.num_classes,
        size_bytes=stored.size_bytes,
        licence=stored.licence,
        origin=stored.origin,
        classes=model.classes if model else entry.classes if entry else (),
        preprocessing=stored.preprocessing,
        preprocessing_source=stored.preprocessing_source,
        classes_source=stored.classes_source,
        stage_count=model.stage_count if model else _stage_count(stored.architecture),
    )


def _kind(stored: StoredWeights) -> Literal["bundled", "imported", "published"]:
    if stored.bundled:
        return "bundled"
    return "imported" if stored.imported else "published"


def _stage_count(architecture: str) -> int | None:
    """Of a published architecture; None for one whose spec is in its file alone."""
    return variant(architecture).stage_count if architecture in VARIANTS else None


def device_name(device: torch.device) -> str:
    """The GPU's or processor's own name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor()
