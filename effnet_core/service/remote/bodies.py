"""What comes in: bodies within bounds of their size, of their time, and of all of them together."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

from fastapi import Request

from effnet_core.errors import Busy, InvalidInput

IDLE_S, WHOLE_S = 30.0, 300.0
"""How long a body may send nothing, and take in all."""
MOST_TOGETHER = 256_000_000
"""Bytes of bodies that are here at once, half of them from one caller."""

Take = Callable[[int], None]


class TooMuch(InvalidInput):
    """A body of more bytes than a question may have."""


class TooSlow(InvalidInput):
    """A body that does not arrive in time."""


class Room:
    """How many bytes of bodies are here at once, for one event loop."""

    def __init__(self, most: int = MOST_TOGETHER) -> None:
        self._most = most
        self._held: Counter[str] = Counter()

    @contextmanager
    def of(self, caller: str) -> Iterator[Take]:
        """What counts a caller's bytes until this ends; raises Busy where there is no room."""
        taken = 0

        def take(nbytes: int) -> None:
            nonlocal taken
            own, every = self._held[caller] + nbytes, self._held.total() + nbytes
            if own > self._most // 2 or every > self._most:
                raise Busy("Much is being sent here already; please try again in a moment.")
            self._held[caller] = own
            taken += nbytes

        try:
            yield take
        finally:
            self._held[caller] -= taken
            if not self._held[caller]:
                del self._held[caller]


def _count_nothing(_: int) -> None:
    """Take any number of bytes."""


async def parts(
    request: Request, most: int, take: Take = _count_nothing
) -> AsyncGenerator[bytes, None]:
    """A request's body as it comes; raises TooMuch, TooSlow, and what `take` raises.

    The rest of one that is not much too long is read and dropped: whoever still sends reads no
    answer.
    """
    stream, size, end = request.stream(), 0, time.monotonic() + WHOLE_S
    while size <= 4 * most:
        try:
            async with asyncio.timeout(min(IDLE_S, end - time.monotonic())):
                part = await anext(stream, None)
        except TimeoutError:
            raise TooSlow("What was sent has not arrived in time; please send it again.") from None
        if part is None:
            break
        size += len(part)
        if size <= most:
            take(len(part))
            yield part
    if size > most:
        raise TooMuch


async def body(request: Request, most: int, take: Take = _count_nothing) -> bytes:
    """A request's whole body; raises as `parts`."""
    return b"".join([part async for part in parts(request, most, take)])
