"""Whether an engine's worker answers: what `/ready` says of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from effnet_core.errors import Busy
from effnet_core.service.remote import wire
from effnet_core.service.requests import default_question

WAIT_S, LONG_S = 4.0, 20.0
"""How long an answer from memory is waited for, below the proxy's 5 s; and one of the model."""
FRESH_S = 60.0
"""How old the default model's last answer may be before it is asked again."""

SILENT = "This engine's worker does not answer."


class Looks:
    """Asks the worker, one question at a time, for as many as look."""

    def __init__(self, ask: Callable[[str, bytes], Awaitable[tuple[int, bytes]]]) -> None:
        self._ask = ask
        self._look: asyncio.Task[str] | None = None
        self._end = 0.0
        self._reason = ""
        self._answered_at = time.monotonic()  # a worker answers once before it is there

    async def reason(self) -> str:
        """Why the worker cannot answer, in a sentence; "" where it can. Raises what asking does."""
        look = self._look
        if look is None or look.done():
            model = time.monotonic() - self._answered_at > FRESH_S
            self._end = time.monotonic() + (LONG_S if model else WAIT_S)
            look = self._look = asyncio.create_task(self._asked(model))
        await asyncio.wait({look}, timeout=WAIT_S)
        if look.done():
            self._reason = look.result()
        elif time.monotonic() >= self._end:
            return self._reason or SILENT
        return self._reason

    async def _asked(self, model: bool) -> str:
        if model:
            question = wire.question("classify", {"request": default_question()})
            status, data = await self._ask("classify", question)
        else:
            status, data = await self._ask("waiting", wire.question("waiting", {}))
        if status not in (200, wire.status(Busy())):  # a busy engine is a ready one
            return str(wire.read_refusal(data))
        if model:
            self._answered_at = time.monotonic()
        return ""
