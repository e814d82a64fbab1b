"""How the service answers: who waits, where it is worked on, and what is known already."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from typing import Any, Self, TypeVar

from effnet_core.cost.report import element_bytes
from effnet_core.engines.cores import CORES, among_others
from effnet_core.engines.device import device_name
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import CheckpointError, InvalidInput, OutOfTime
from effnet_core.host import processor
from effnet_core.images import Decoded
from effnet_core.images.decoding import opened
from effnet_core.images.resizing import edge_for
from effnet_core.limits import (
    MAX_ANSWER_SECONDS,
    MAX_MODELS_KEPT,
    MAX_QUEUE,
    MAX_READING_BYTES,
    MAX_READING_SECONDS,
    MAX_SLOW_QUEUE,
    MAX_UPLOADS_KEPT,
    SLOW_WORKERS,
)
from effnet_core.service.apart.workers import WorkerDied, Workers
from effnet_core.service.cells import Cells
from effnet_core.service.models import Models
from effnet_core.service.recent import Answer, RecentPasses, RecentPictures, digest, is_quick
from effnet_core.service.requests import (
    CellRequest,
    ClassifyRequest,
    ExplainRequest,
    LedgerRequest,
)
from effnet_core.service.uploads import Uploads
from effnet_core.service.visitors import NOBODY, Visitor
from effnet_core.service.waiting import Ticket, WaitingRoom
from effnet_core.weights.checkpoints import LoadedWeights
from effnet_core.weights.sources import Source
from effnet_core.weights.store import WeightsStore

Request = CellRequest | ClassifyRequest | ExplainRequest | LedgerRequest

T = TypeVar("T")

_SLOW = Workers(SLOW_WORKERS)
_READING = Workers(1, memory=MAX_READING_BYTES)


class Answering:
    """What `InferenceService` stands on: bounded waiting, models in memory, pictures, answers."""

    def __init__(
        self,
        store: WeightsStore,
        *,
        device: str = "auto",
        dtype: str = "float32",
        max_queue: int = MAX_QUEUE,
        max_models: int = MAX_MODELS_KEPT,
        max_uploads: int = MAX_UPLOADS_KEPT,
        apart: bool = True,
    ) -> None:
        if min(max_queue, max_models, max_uploads) < 1:
            raise InvalidInput("The service needs room for at least one request, model and upload.")
        element_bytes(dtype)
        self._device = device_name(device)
        self._dtype = dtype
        self._store = store
        self._room = WaitingRoom(max_queue)
        self._uploads = Uploads(max_uploads, on_drop=self._forget)
        self._models = Models(
            store,
            self._uploads,
            device=self._device,
            dtype=dtype,
            capacity=max_models,
        )
        self._pictures = RecentPictures()
        self._recent = RecentPasses()
        self._cells = Cells()
        self._slow = WaitingRoom(MAX_SLOW_QUEUE)  # they fill no seat of those who classify
        self._reading = WaitingRoom(MAX_SLOW_QUEUE)
        self._apart = apart
        self._visitor = NOBODY

    def asked_by(self, visitor: Visitor) -> Self:
        """The same service for one visitor, whose questions end when nobody wants the answers."""
        own = copy.copy(self)
        own._visitor = visitor
        return own

    def close(self) -> None:
        """End what is worked on in processes of its own; other questions are answered as before."""
        _SLOW.close()
        _READING.close()

    @property
    def device_name(self) -> str:
        """The GPU's or processor's own name."""
        if self._device.startswith("cuda"):
            import torch

            return torch.cuda.get_device_name(self._device)
        return processor()

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn now."""
        return self._room.waiting

    def loaded(self) -> tuple[str, ...]:
        """The ids of the models in memory, least recently used first."""
        return self._models.loaded()

    def rest(self) -> None:
        """Let go of what is kept to be quick; the models stay, ready for one who asks alone."""
        for kept in (self._pictures, self._recent, self._cells):
            kept.clear()
        self._models.rest()

    def _resolved(self, request: Request) -> tuple[Source | LoadedWeights, bytes]:
        """What the request's weights name, and what stands for its picture."""
        return self._models.source(request.weights), digest(request.image)

    @contextmanager
    def _asked(self, request: Request) -> Iterator[tuple[Predictor, Answer]]:
        """Hold the lane of the request's model, once it has classified the picture."""
        with (
            self._room.admit(request.weights, self._visitor) as ticket,
            self._answered(request, *self._resolved(request), ticket) as found,
        ):
            yield found

    @contextmanager
    def _answered(
        self, request: Request, source: Source | LoadedWeights, name: bytes, ticket: Ticket
    ) -> Iterator[tuple[Predictor, Answer]]:
        """As `_asked`; a pass is taken only where it is not known what the model says.

        A picture that takes long to decode is decoded, or refused, before it holds the lane, and so
        is what comes first: the model is not loaded for what cannot be decoded.
        """
        key, edge = (name, source.identity), edge_for(source.preprocessing)
        get = partial(self._pictures.get, name, request.image, edge)
        picture = self._pictures.kept(name, edge)
        if picture is None and self._recent.get(key) is None:
            header = opened(request.image)
            quick = is_quick(header, request.image)
            get = partial(get, header=header, quick=quick)
            if not (quick and self._models.holds(source)):
                picture = get(ticket.visitor)
        with self._models.use(source, ticket) as predictor:
            answer = self._recent.get(key)
            if answer is None:
                decoded = get if picture is None else lambda: picture
                answer = self._computed(predictor, decoded, ticket.visitor)
                self._recent.put(key, answer)
            yield predictor, answer

    def _computed(
        self, predictor: Predictor, decoded: Callable[[], Decoded], visitor: Visitor
    ) -> Answer:
        """What a model says: found here where nobody else asks, and else `among_others`."""
        if predictor.is_heavy or not CORES.crowded:
            return predictor.answer(decoded())
        future = among_others(lambda: predictor.answer(decoded()))
        try:
            visitor.wait(partial(_is_done, future))
            return future.result()
        finally:
            if not (future.done() or future.cancel()):  # nobody waits; what has begun holds a lane
                wait((future,))
            del future  # or an error would hold it, and it the error

    def _elsewhere(self, method: str, weights: str, *arguments: Any, **named: Any) -> Any:
        """What this service's `method` answers in a process of its own; raises as `_patiently`."""
        from effnet_core.service.apart.work import Where, answer

        source = self._models.source(weights) if weights else None
        upload = source if isinstance(source, LoadedWeights) else None
        where = Where(self._store.root, self._device, self._dtype)
        work = partial(answer, type(self), where, upload, method, *arguments, **named)
        return self._patiently(work, weights)

    def _in_time(
        self, sooner: str, method: str, weights: str, *arguments: Any, **named: Any
    ) -> Any:
        """As `_elsewhere`; `sooner` is what to do where it is out of time."""
        try:
            return self._elsewhere(method, weights, *arguments, **named)
        except OutOfTime as error:
            raise OutOfTime(f"{error} For an answer in time, {sooner}.") from None

    def _read_apart(self, read: Callable[[], T]) -> T:
        """What `read` makes of files, in a process of its own: one at a time, and no seat held.

        Raises Busy, and CheckpointError for what takes too much time or memory.
        """
        if not self._apart:
            return read()
        try:
            with self._reading.admit(visitor=self._visitor) as ticket:
                return _READING.run(
                    read, self._visitor, seconds=MAX_READING_SECONDS, begun=ticket.turn
                )
        except (OutOfTime, WorkerDied, MemoryError):
            raise CheckpointError(
                f"This file takes more than {MAX_READING_SECONDS} s or too much memory to read, "
                "as no usual checkpoint does; if it is one, `effnet weights import` reads it on "
                "the command line."
            ) from None

    def _patiently(self, work: Callable[[], T], weights: str = "") -> T:
        """What `work` gives or raises in a process of its own; also raises Busy and OutOfTime."""
        with self._slow.admit(weights, self._visitor) as ticket:
            return _SLOW.run(work, self._visitor, seconds=MAX_ANSWER_SECONDS, begun=ticket.turn)

    def _forget(self, identity: str) -> None:
        self._models.forget(identity)
        self._recent.forget(identity)
        self._cells.forget(identity)


def _is_done(future: Future[Any], seconds: float) -> bool:
    """Whether it is done within so many seconds."""
    try:
        future.exception(seconds)
    except TimeoutError:
        return False
    return True
