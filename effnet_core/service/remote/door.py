"""How an engine's process for HTTP asks the one that works."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any

import litserve
import psutil
from fastapi import Request
from litserve.utils import ResponseBufferItem

LOOK_S = 0.25
"""How often a question that waits looks for its caller and for the worker."""


class NoWorker(Exception):
    """The worker has died, and this engine with it."""


@dataclass
class Door:
    """How the HTTP process asks the worker."""

    server: litserve.LitServer
    ends: Event

    async def ask(
        self, method: str, data: bytes, *, visitor: str = "", request: Request | None = None
    ) -> tuple[int, bytes]:
        """HTTP's number and bytes of the answer to a question as `wire.question` makes it.

        Where `request`'s caller goes away, the worker is told and (499, b"") returned. Raises
        NoWorker.
        """
        identity, done = uuid.uuid4().hex, asyncio.Event()
        item = self.server.response_buffer[identity] = ResponseBufferItem(done)
        try:
            await self._put(identity, ("ask", identity, method, visitor, data))
            while not done.is_set():
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(done.wait(), LOOK_S)
                    break
                self.require_worker()
                if request is not None and await request.is_disconnected():
                    await self._put("", ("end", identity))
                    return 499, b""
        finally:
            self.server.response_buffer.pop(identity, None)
        answer, status = item.response or (None, None)
        if not isinstance(answer, tuple):
            raise NoWorker(f"LitServe answered {status}")
        return answer

    def require_worker(self) -> None:
        """Raise NoWorker unless the process that works is there."""
        for worker in self.server.inference_workers:
            try:
                if psutil.Process(worker.pid).status() == psutil.STATUS_ZOMBIE:
                    raise NoWorker
            except psutil.NoSuchProcess:
                raise NoWorker from None

    async def _put(self, identity: str, question: tuple[Any, ...]) -> None:
        queue = self.server._get_request_queue("/worker")
        item = (self.server.app.response_queue_id, identity, time.monotonic(), question)
        try:
            await asyncio.to_thread(queue.put, item)
        except (OSError, EOFError):
            raise NoWorker from None
