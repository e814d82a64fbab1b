"""What an engine's worker does with a question's bytes: the same service answers as in the app."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cachetools import LRUCache

from effnet_core.errors import Busy, EffnetError
from effnet_core.limits import MAX_PICTURE_BYTES, MAX_QUEUE
from effnet_core.service.inference import InferenceService
from effnet_core.service.recent import digest
from effnet_core.service.remote import wire
from effnet_core.service.uploads import PREFIX
from effnet_core.service.visitors import Visitor

AT_ONCE = MAX_QUEUE
"""Questions that are in an engine at once, worked on or waiting; the next one is refused."""

_log = logging.getLogger(__name__)


class Gone(EffnetError):
    """Nobody waits for the answer any more."""


class Answers:
    """Answers questions as bytes from one service, up to `AT_ONCE` of them side by side.

    The pictures asked about last are kept, `MAX_PICTURE_BYTES` in all, so that the next question
    may name one by its SHA-256.
    """

    def __init__(self, service: InferenceService) -> None:
        self._service = service
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="answer")
        self._lock = threading.Lock()
        self._pictures: LRUCache[bytes, bytes] = LRUCache(MAX_PICTURE_BYTES, getsizeof=len)
        self._unwanted: dict[str, threading.Event] = {}
        self._downloads: dict[str, tuple[int, int]] = {}

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Where questions are answered."""
        return self._pool

    def begin(self, identity: str) -> None:
        """A question of this identity has come; raises Busy where too many are here."""
        with self._lock:
            if len(self._unwanted) >= AT_ONCE:
                raise Busy(
                    f"{AT_ONCE} requests are waiting already, which is as many as this server "
                    "takes; please try again in a moment."
                )
            self._unwanted[identity] = threading.Event()

    def end(self, identity: str) -> None:
        """Nobody waits for this question's answer any more: what works on it stops."""
        unwanted = self._unwanted.get(identity)
        if unwanted is not None:
            unwanted.set()

    def answer(self, identity: str, method: str, visitor: str, data: bytes) -> tuple[int, bytes]:
        """HTTP's number and the answer's or the refusal's bytes; never raises."""
        unwanted = self._unwanted[identity]

        def check() -> None:
            if unwanted.is_set():
                raise Gone("Nobody waits for this answer any more.")

        try:
            check()
            service = self._service.asked_by(Visitor(visitor, check))
            return 200, wire.answer(self._asked(service, method, data))
        except EffnetError as error:
            return wire.status(error), wire.refusal(error)
        except Exception as error:  # noqa: BLE001 - whatever fails, the caller gets a sentence
            _log.exception("A question failed: %s", method)
            sentence = f"The engine failed on this ({type(error).__name__}); see its log."
            return 500, wire.refusal(EffnetError(sentence))
        finally:
            with self._lock:
                del self._unwanted[identity]

    def _asked(self, service: InferenceService, method: str, data: bytes) -> Any:
        own: dict[str, Callable[..., Any]] = {
            wire.REFERENCE: lambda weights, measured: service.reference_range(measured.as_map()),
            wire.DOWNLOAD: self._download,
            wire.DOWNLOADED: lambda weights: self._downloads.get(weights, (0, 0)),
        }
        arguments = wire.read_question(method, data, self._picture)
        self._require(arguments)
        if method in own:
            return own[method](**arguments)
        found = getattr(service, method)
        return found(**arguments) if callable(found) else found

    def _picture(self, name: bytes) -> bytes | None:
        with self._lock:
            return self._pictures.get(name)

    def _require(self, arguments: dict[str, Any]) -> None:
        """Keep the picture for the next question; raises Unknown for an upload that is not here."""
        request = arguments.get("request")
        image = getattr(request, "image", None)
        if image and len(image) <= MAX_PICTURE_BYTES:
            with self._lock:
                self._pictures[digest(image)] = image
        weights = str(getattr(request, "weights", None) or arguments.get("weights", ""))
        if not weights.startswith(PREFIX):
            return
        if all(card.id != weights for card in self._service.available((weights,))):
            raise wire.Unknown("weights")

    def _download(self, weights: str) -> Any:
        def progress(done: int, total: int) -> None:
            self._downloads[weights] = done, total

        try:
            return self._service.download(weights, progress)
        finally:
            self._downloads.pop(weights, None)
