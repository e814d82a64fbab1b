"""What models answered about pictures, kept: for one session and gone with it, or within a bound.

A picture's key is the hash of its file, so an answer is found by who has that picture alone. A
model's are its name and the hash of its weights, since an import may take the name of another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import streamlit as st
from cachetools import LRUCache

from app.resources import BY_CONTENT, Keys, service
from effnet_core.limits import MAX_ANSWERS_KEPT_BYTES, MAX_EXPORTS_KEPT_BYTES

if TYPE_CHECKING:
    from app.pictures import Picture
    from effnet_core.attribution import Value
    from effnet_core.attribution.cell import Cell, CellArithmetic
    from effnet_core.attribution.ledger import Ledger
    from effnet_core.attribution.trust import Trust
    from effnet_core.engines.prediction import Prediction
    from effnet_core.engines.probe import ProbedSize
    from effnet_core.service import (
        Channels,
        ExplainRequest,
        Explanation,
        Exported,
        Witnessed,
    )

T = TypeVar("T")
Stage = int | Literal["last", "all"]
"""Where in a network a map is made, as in `ExplainRequest`; "all" stands for every stage."""

_BY_KEY: Keys = {**BY_CONTENT, "app.pictures.Picture": attrgetter("key")}
_BY_TITLE: Keys = {**BY_CONTENT, "app.pictures.Picture": attrgetter("key", "title")}


class Model(Protocol):
    """A card of the service, or a bundled model's record."""

    @property
    def id(self) -> str:
        """What the service calls it."""

    @property
    def sha256(self) -> str:
        """Of the file of its weights."""


_answers: LRUCache[tuple[str, ...], Prediction] = LRUCache(
    MAX_ANSWERS_KEPT_BYTES, lambda said: said.pixels.nbytes + said.probabilities.nbytes
)
_files: LRUCache[tuple[str, ...], Any] = LRUCache(
    MAX_EXPORTS_KEPT_BYTES,
    lambda made: sum(len(data) for data in vars(made).values() if isinstance(data, bytes)),
)
_lock = threading.Lock()


def rest() -> None:
    """Let go of what is kept for all sessions."""
    with _lock:
        _answers.clear()
        _files.clear()


def prediction(picture: Picture, model: Model) -> Prediction:
    """Return what a model says about a picture, with its ten most probable classes.

    Raises what `InferenceService.classify` raises.
    """
    from effnet_core.service import ClassifyRequest

    request = ClassifyRequest(picture.data, model.id, top_k=10)
    key = picture.key, model.id, model.sha256
    return _found(_answers, key, lambda: service().classify(request))


@st.cache_resource(scope="session", max_entries=64, show_spinner=False, hash_funcs=_BY_KEY)
def explanations(
    picture: Picture,
    model: Model,
    class_index: int,
    method: str,
    stage: Stage = "last",
    parameters: tuple[tuple[str, Value], ...] = (),
) -> tuple[Explanation, ...]:
    """Return the map of one stage, or those of all, as in `ExplainRequest`.

    Raises what `InferenceService.explain` and `explain_stages` raise.
    """
    request = _map_request(picture, model, class_index, method, stage, parameters)
    return service().explain_stages(request) if stage == "all" else (service().explain(request),)


@st.cache_resource(scope="session", max_entries=16, show_spinner=False, hash_funcs=_BY_KEY)
def explanation_of_classes(picture: Picture, model: Model) -> tuple[Explanation, ...]:
    """Return Grad-CAM of every class at the last feature map, all computed at once.

    Raises what `InferenceService.explain_classes` raises.
    """
    from effnet_core.service import ClassifyRequest

    return service().explain_classes(ClassifyRequest(picture.data, model.id))


@st.cache_resource(scope="session", max_entries=16, show_spinner=False, hash_funcs=_BY_KEY)
def trust(
    picture: Picture,
    model: Model,
    class_index: int,
    method: str,
    stage: Stage,
    parameters: tuple[tuple[str, Value], ...] = (),
) -> Trust:
    """Return whether the map of one stage can be trusted, by tests that take some seconds.

    Raises what `InferenceService.trust` raises.
    """
    asked = _map_request(picture, model, class_index, method, stage, parameters)
    return service().trust(asked)


@st.cache_resource(scope="session", max_entries=16, show_spinner=False, hash_funcs=_BY_KEY)
def ledger(picture: Picture, model: Model, class_index: int, against: int | None) -> Ledger:
    """Return how a class's logit, or its lead over another's, adds up.

    Raises what `InferenceService.ledger` raises.
    """
    from effnet_core.service import LedgerRequest

    return service().ledger(LedgerRequest(picture.data, model.id, class_index, against))


@st.cache_resource(scope="session", max_entries=4, show_spinner=False, hash_funcs=_BY_TITLE)
def document(picture: Picture, model: Model, class_index: int, against: int | None) -> str:
    """Return the explanation of a class as one HTML file."""
    from effnet_core.service import LedgerRequest

    request = LedgerRequest(picture.data, model.id, class_index, against)
    return service().document(request, picture.title)


@st.cache_resource(scope="session", max_entries=4, show_spinner=False, hash_funcs=_BY_TITLE)
def judged_document(
    picture: Picture,
    model: Model,
    class_index: int,
    method: str,
    stage: Stage,
    parameters: tuple[tuple[str, Value], ...] = (),
) -> str:
    """Return the explanation of a class as one HTML file, with a map and the verdict on it.

    Raises what `InferenceService.trust` raises.
    """
    from effnet_core.service import LedgerRequest

    return service().document(
        LedgerRequest(picture.data, model.id, class_index),
        picture.title,
        shown=_map_request(picture, model, class_index, method, stage, parameters),
        trust=trust(picture, model, class_index, method, stage, parameters),
    )


def _map_request(
    picture: Picture,
    model: Model,
    class_index: int,
    method: str,
    stage: Stage,
    parameters: tuple[tuple[str, Value], ...],
) -> ExplainRequest:
    from effnet_core.service import ExplainRequest

    return ExplainRequest(
        image=picture.data,
        weights=model.id,
        class_index=class_index,
        method=method,
        stage="last" if stage == "all" else stage,
        parameters=parameters,
    )


@st.cache_resource(scope="session", max_entries=16, show_spinner=False, hash_funcs=_BY_KEY)
def probed(picture: Picture, model: Model, class_index: int) -> tuple[ProbedSize, ...]:
    """Return what a model says of a picture at eight input sizes.

    Raises what `InferenceService.probe` raises.
    """
    from effnet_core.service import ProbeRequest

    return service().probe(ProbeRequest(picture.data, model.id, class_index))


@st.cache_resource(scope="session", max_entries=64, show_spinner=False, hash_funcs=_BY_KEY)
def channels(picture: Picture, model: Model, class_index: int) -> tuple[Channels, ...]:
    """Return every stage's channels by what they give a class's logit, stem first, head last.

    Raises what `InferenceService.channels` raises.
    """
    from effnet_core.service import ExplainRequest

    request = ExplainRequest(image=picture.data, weights=model.id, class_index=class_index)
    return service().channels(request)


@st.cache_resource(scope="session", max_entries=16, show_spinner=False, hash_funcs=_BY_KEY)
def cell(picture: Picture, model: Model, at: Cell) -> CellArithmetic:
    """Return how one cell of a feature map came about; raises what `InferenceService.cell` does."""
    from effnet_core.service import CellRequest

    return service().cell(CellRequest(picture.data, model.id, at))


def exported(model: Model) -> Exported:
    """Return a model's files; raises what `InferenceService.export` raises."""
    return _found(_files, (model.id, model.sha256), lambda: service().export(model.id))


def witnessed(model: Model, stem: str) -> Witnessed:
    """Return what torch makes of a model's files, called `stem`; raises as `service().witness`."""
    key = model.id, model.sha256, stem
    return _found(_files, key, lambda: service().witness(exported(model), stem))


def _found(kept: LRUCache[tuple[str, ...], T], key: tuple[str, ...], make: Callable[[], T]) -> T:
    with _lock:
        known = kept.get(key)
    if known is None:
        known = make()
        with _lock, suppress(ValueError):  # larger than all that is kept
            kept[key] = known
    return known
