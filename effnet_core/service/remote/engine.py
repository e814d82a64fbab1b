"""`effnet serve`: the service behind LitServe, for apps on this and other machines.

LitServe's main process starts one for HTTP and one that works, and ends both; between them go bytes
that only the worker reads. One engine is one unit: where one of its processes dies, all end, what
asked gets no answer and asks the next engine, and whoever started this one starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.synchronize import Event
from typing import Any

import litserve
from litserve.specs.base import LitSpec

from effnet_core.errors import Busy, InvalidInput
from effnet_core.host import end_with_parent, require_free
from effnet_core.limits import MAX_ANSWER_SECONDS
from effnet_core.service.remote import wire
from effnet_core.service.remote.door import Door
from effnet_core.service.remote.routes import install

HOSTS = ("127.0.0.1", "0.0.0.0", "::")
"""What LitServe listens on: this machine, or every address of IPv4 or of IPv6 too."""
NOTICE_S = 3.0
"""How long an engine that ends still takes questions: a proxy sees meanwhile that it ends."""
MOST_SECONDS = MAX_ANSWER_SECONDS + 5
"""That the last questions have to be answered in then: the slowest answer, and its way."""


class _Worker(litserve.LitAPI):
    """The process that works: a service, and a first answer before it says that it is ready."""

    def __init__(self, device: str) -> None:
        super().__init__(enable_async=True, spec=_Bytes())
        self._asked_device = device

    def setup(self, device: str) -> None:
        """Make the service; LitServe's own `device` is not used, since the service knows best."""
        from effnet_core.service.inference import InferenceService
        from effnet_core.service.remote.answers import Answers
        from effnet_core.service.requests import default_question
        from effnet_core.weights.store import WeightsStore

        end_with_parent()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # in good order, with what it started
        service = InferenceService(WeightsStore(), device=self._asked_device)
        service.classify(default_question())
        self._answers = Answers(service)

    async def decode_request(self, request: Any) -> Any:
        """The request as it is."""
        return request

    async def predict(self, asked: tuple[Any, ...]) -> tuple[int, bytes]:
        """Answer one question, or note that nobody waits for one any more."""
        kind, identity, *question = asked
        if kind == "end":
            self._answers.end(identity)
            return 200, b""
        try:
            self._answers.begin(identity)
        except Busy as error:
            return wire.status(error), wire.refusal(error)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._answers.pool, self._answers.answer, identity, *question
        )

    async def encode_response(self, output: Any) -> Any:
        """The answer as it is."""
        return output


class _Bytes(LitSpec):
    """No route of LitServe's own, whose questions would be JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.api_path = "/worker"

    def decode_request(self, request: Any, context_kwargs: Any = None) -> Any:
        """The request as it is."""
        return request

    def encode_response(self, output: Any, context_kwargs: Any = None) -> Any:
        """The answer as it is."""
        return output


def serve(host: str = "127.0.0.1", port: int = 8600, device: str = "auto") -> None:
    """Answer at an address until told to stop; then the questions that have come are answered.

    Raises InvalidInput or EffnetError where it cannot listen there.
    """
    _require_address(host, port)
    server = litserve.LitServer(
        _Worker(device), accelerator="cpu", devices=1, timeout=False, disable_openapi_url=False
    )
    server.uvicorn_graceful_timeout = MOST_SECONDS
    ends = multiprocessing.get_context("fork").Event()  # the HTTP process sees it too
    install(server.app, Door(server, ends))
    os.register_at_fork(after_in_child=end_with_parent)
    _end_politely(ends)
    server.run(
        host=host,
        port=port,
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
        access_log=False,
    )


def _end_politely(ends: Event) -> None:
    """On SIGTERM: say that this engine is not ready, and a little later do as on Ctrl-C."""
    main = os.getpid()

    def told(number: int, _: object) -> None:
        if os.getpid() != main:  # a process that was forked from this one
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        ends.set()
        threading.Timer(NOTICE_S, os.kill, (main, signal.SIGINT)).start()

    def interrupted(_: int, __: object) -> None:
        ends.set()
        raise KeyboardInterrupt

    # LitServe's main process then logs that what it has ended itself is gone.
    logging.getLogger("litserve.server").addFilter(lambda _: not ends.is_set())
    signal.signal(signal.SIGINT, interrupted)  # a shell may have it ignored
    signal.signal(signal.SIGTERM, told)


def _require_address(host: str, port: int) -> None:
    if host not in HOSTS:
        raise InvalidInput(f"The host is to be one of {', '.join(HOSTS)}; got {host!r:.60}.")
    if not 1024 <= port <= 65535:
        raise InvalidInput(f"{port} is not a port here: choose a number from 1024 to 65535.")
    require_free(host, port, "choose another with --port")
