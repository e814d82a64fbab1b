"""`RemoteService`: the same service, whose answers come from an engine on this or another machine.

The engine may forget, or be another one than a moment ago: what it lacks, a picture or an uploaded
checkpoint, it names, and is sent it from here.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import inspect
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

from cachetools import LRUCache

from effnet_core.attribution.result import Attribution
from effnet_core.errors import Busy, InvalidInput, Unreachable, WeightsError
from effnet_core.limits import (
    MAX_ANSWER_SECONDS,
    MAX_SLOW_QUEUE,
    MAX_UPLOADS_KEPT,
    SLOW_WORKERS,
)
from effnet_core.service.exporting import Exported, Witnessed
from effnet_core.service.inference import InferenceService
from effnet_core.service.remote import wire
from effnet_core.service.remote.line import Line
from effnet_core.service.remote.maps import Measured
from effnet_core.service.remote.spread import Spread
from effnet_core.service.requests import ModelCard
from effnet_core.service.uploads import PREFIX
from effnet_core.service.visitors import NOBODY, Visitor

SMALL_BYTES = 2**16
"""A picture below this is sent each time."""
_REMEMBERED = 256
_LOOK_S = 1.0
"""How often an engine is asked how far a download is."""
_AT_ONCE, _AT_ONCE_S = {"device_name", "loaded", "waiting", wire.DOWNLOADED}, 60.0
"""Questions that are answered from memory, and how long the most loaded engine takes for one."""


def patience(method: str) -> float:
    """How many seconds an engine may be silent before it counts as one that answers no more.

    A slow question may wait for all those before it. A download is looked at meanwhile.
    """
    if method == wire.DOWNLOAD:
        return math.inf
    if method in _AT_ONCE:
        return _AT_ONCE_S
    return _AT_ONCE_S + MAX_ANSWER_SECONDS * (1 + math.ceil(MAX_SLOW_QUEUE / SLOW_WORKERS))


@dataclass(frozen=True, eq=False)
class _Upload:
    """What an engine is sent that does not know an uploaded checkpoint."""

    card: ModelCard
    arguments: Mapping[str, Any] = field(repr=False)


class RemoteService(InferenceService):
    """An `InferenceService` at an address; each method asks what `InferenceService` says.

    Raises what that raises, and Unreachable where no engine can be reached or the asked one is
    silent. Uploads, at most as many as an engine keeps, and the pictures of questions are at hand
    for an engine that asks for them. `engines` is how many stand behind the address. Raises
    InvalidInput for what is no address.
    """

    def __init__(self, address: str, *, engines: int = 1) -> None:
        self._line = Line(address)
        self._spread = Spread(engines) if engines > 1 else None
        self._lock = threading.Lock()
        self._sent: OrderedDict[str, _Upload] = OrderedDict()
        self._seen: LRUCache[bytes, bool] = LRUCache(_REMEMBERED)
        self._visitor = NOBODY

    def asked_by(self, visitor: Visitor) -> Self:
        """The same service for one visitor, whose questions end when nobody wants the answers."""
        own = copy.copy(self)
        own._visitor = visitor
        return own

    @property
    def device_name(self) -> str:
        """The name of the GPU or processor that the engine answers on."""
        return cast("str", self._ask("device_name", {}))

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn at the engine now."""
        return cast("int", self._ask("waiting", {}))

    def available(self, uploads: Sequence[str] = ()) -> tuple[ModelCard, ...]:
        """The engine's models, then the uploads named by id, which are kept here."""
        cards: tuple[ModelCard, ...] = self._ask("available", {"uploads": ()})
        with self._lock:
            return (*cards, *(self._sent[one].card for one in uploads if one in self._sent))

    def add_checkpoint(self, data: bytes, file_name: str, **options: Any) -> ModelCard:
        """As `InferenceService.add_checkpoint`; the files stay here, for any engine to be sent."""
        arguments = {"data": data, "file_name": file_name, **options}
        model = PREFIX + hashlib.sha256(data).hexdigest()
        card: ModelCard = self._ask("add_checkpoint", arguments, model=model)
        with self._lock:
            self._sent[card.id] = _Upload(card, arguments)
            self._sent.move_to_end(card.id)
            while len(self._sent) > MAX_UPLOADS_KEPT:
                self._sent.popitem(last=False)
        return card

    def close(self) -> None:
        """Nothing is worked on in this process."""

    def rest(self) -> None:
        """Nothing: the engine's pictures and answers are for the visitors of other apps too."""

    def reference_range(self, attribution: Attribution) -> float:
        """As `InferenceService.reference_range`, for a map of this service."""
        return attribution.reference_range

    def witness(self, exported: Exported, stem: str) -> Witnessed:
        """As `InferenceService.witness`, which reads no more of an export than the weights."""
        arguments = {"exported": replace(exported, onnx=b""), "stem": stem}
        return cast("Witnessed", self._ask("witness", arguments))

    def download(
        self, weights: str, progress: Callable[[int, int], None] | None = None
    ) -> ModelCard:
        """As `InferenceService.download`, into the store of the first of this model's engines.

        That one is asked now and then how far it is, which is the only bound on its time.
        """
        looked_at = time.monotonic()

        def look() -> None:
            nonlocal looked_at
            self._visitor.check()
            if time.monotonic() - looked_at < _LOOK_S:
                return
            looked_at = time.monotonic()
            try:
                done, total = self._ask(wire.DOWNLOADED, {"weights": weights})
            except Unreachable:
                raise
            except Busy:
                return  # one that is busy is there
            if progress is not None and total:
                progress(done, total)

        watched = self.asked_by(Visitor(self._visitor.name, look))
        return cast("ModelCard", watched._ask(wire.DOWNLOAD, {"weights": weights}))

    def _ask(self, method: str, arguments: Mapping[str, Any], *, model: str | None = None) -> Any:
        """What the engine answers; it is sent at once what it lacks."""
        request = arguments.get("request")
        asked = model or _model(arguments)
        picture = self._known_picture(request)
        for _ in range(3):
            data = wire.question(method, arguments, with_picture=not picture)
            found = self._answer(method, data, asked)
            if not isinstance(found, wire.Unknown):
                break
            if str(found) == "weights":
                self._send(asked)
            else:
                picture = False
        else:
            raise WeightsError("The engine does not keep what it is sent; please try again.")
        if request is not None:
            with self._lock:
                self._seen[hashlib.sha256(request.image).digest()] = True
        return found

    def _answer(self, method: str, data: bytes, model: str) -> Any:
        if len(data) > wire.most_bytes(method):
            raise InvalidInput(f"This is too much for one question: {len(data) / 1e6:,.0f} MB.")
        found: Any = None
        for place in self._places(method, model):
            found = self._answer_at(place, method, data)
            if not isinstance(found, Busy):
                return found
        raise found

    def _places(self, method: str, model: str) -> list[str]:
        """What a proxy may choose the engine by, in the order in which to ask."""
        name = _ascii(model.partition(".")[0])
        if self._spread is None or model.startswith(PREFIX):  # an upload is sent to one engine
            return [name]
        if method in (wire.DOWNLOAD, wire.DOWNLOADED):  # who downloads knows how far it is
            return [f"{name} 0"]
        return [f"{name} {number}" for number in self._spread.numbers(name)]

    def _answer_at(self, place: str, method: str, data: bytes) -> Any:
        headers = {wire.MODEL: place, wire.LENGTH: str(len(data))}
        if self._visitor.name:
            headers[wire.VISITOR] = _ascii(self._visitor.name)
        reply = self._line.post(f"/call/{method}", data, headers, self._visitor, patience(method))
        if reply.status == 200:
            return wire.read_answer(method, reply.data, self._reference_range)
        error = wire.read_refusal(reply.data)
        if isinstance(error, wire.Unknown | Busy):
            return error
        raise error

    def _send(self, weights: str) -> None:
        """Give an engine an upload that it lacks; raises WeightsError if it is gone here too."""
        with self._lock:
            upload = self._sent.get(weights)
        if upload is None:
            raise WeightsError(
                "This uploaded checkpoint is no longer in the server's memory; upload it again."
            )
        self._ask("add_checkpoint", upload.arguments, model=weights)

    def _known_picture(self, request: Any) -> bool:
        """Whether an engine has seen the picture a moment ago, so that its name may do."""
        if request is None or len(request.image) < SMALL_BYTES:
            return False
        with self._lock:
            return hashlib.sha256(request.image).digest() in self._seen

    def _reference_range(self, weights: str, measured: Measured) -> float:
        arguments = {"weights": weights, "measured": measured}
        return cast("float", self._ask(wire.REFERENCE, arguments))


def _model(arguments: Mapping[str, Any]) -> str:
    """The id of the model that a question is about, "" for none."""
    request = arguments.get("request")
    return str(getattr(request, "weights", None) or arguments.get("weights", ""))


def _ascii(text: str) -> str:
    """A text that a header may hold."""
    return text.encode("ascii", "replace").decode().translate({10: None, 13: None})[:200]


def _asking(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """The method of `RemoteService` that asks for what `method` of `InferenceService` gives."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def asked(self: RemoteService, *args: Any, **options: Any) -> Any:
        given = dict(signature.bind(self, *args, **options).arguments)
        del given["self"]
        return self._ask(name, given)

    return asked


for _name, _method in wire.methods().items():
    if _name not in vars(RemoteService):
        setattr(RemoteService, _name, _asking(_name, _method))
