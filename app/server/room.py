"""Room for uploads: how many bytes may lie in the server at once, and whose turn it is to send.

No address has more than three quarters of either, so that nobody can keep all others out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from typing import NamedTuple

from starlette.exceptions import HTTPException

from effnet_core.limits import MAX_UPLOADED_BYTES, MAX_UPLOADING_SESSIONS, UPLOAD_WAIT_S

_LOOK_S, _PAUSE_S, _UNUSED_S = 0.1, 1.0, 20.0
"""How often an upload looks for room, and how long after its last file a session has its turn: the
longer while its page has not taken the files in."""


class Sender(NamedTuple):
    """Who sends a file: a session, and the address that its browser has."""

    session: str = ""
    address: str = ""


NOBODY = Sender()


class Room:
    """Bytes that uploads may hold at once: those that `held` counts and those on their way.

    At most `sessions` bring files at the same time, each all of its own before the next one's turn:
    what lies unused until a page takes it in stays little. Sessions come in the order of asking.
    `holding` are those whose files lie unused.
    """

    def __init__(
        self,
        held: Callable[[], int],
        max_bytes: int = MAX_UPLOADED_BYTES,
        wait: float = UPLOAD_WAIT_S,
        sessions: int = MAX_UPLOADING_SESSIONS,
        holding: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._held, self._max_bytes, self._wait = held, max_bytes, wait
        self._holding, self._sessions = holding, sessions
        self._coming: Counter[Sender] = Counter()
        self._moved: dict[Sender, float] = {}
        self._queue: list[Sender] = []

    @property
    def coming(self) -> int:
        """Bytes on their way."""
        return self._coming.total()

    async def take(self, nbytes: int, sender: Sender = NOBODY) -> None:
        """Wait for so much room; raises HTTPException (503) where there is none for long."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._wait
        self._queue.append(sender)
        try:
            while not (self._is_next(sender, clock()) and self._fits(nbytes, sender.address)):
                if clock() > end:
                    raise refusal(503, "Others are uploading much at the moment; try again soon.")
                await asyncio.sleep(_LOOK_S)
            self._moved[sender] = clock()
            self._coming[sender] += nbytes
        finally:
            self._queue.remove(sender)

    def give_back(self, nbytes: int, sender: Sender = NOBODY) -> None:
        """What was taken is free again."""
        self._coming[sender] -= nbytes
        self._coming += Counter()  # without those that are done
        if sender in self._moved:
            self._moved[sender] = asyncio.get_running_loop().time()

    def _is_next(self, sender: Sender, now: float) -> bool:
        unused = self._holding()
        self._moved = {
            one: at
            for one, at in self._moved.items()
            if one in self._coming or now - at < (_UNUSED_S if one.session in unused else _PAUSE_S)
        }
        turns = Counter(one.address for one in self._moved)
        nexts = set(self._moved)
        for one in dict.fromkeys(self._queue):
            is_free = len(nexts) < self._sessions and turns[one.address] < _share(self._sessions)
            if is_free and one not in nexts:
                nexts.add(one)
                turns[one.address] += 1
        return sender in nexts

    def _fits(self, nbytes: int, address: str) -> bool:
        own = sum(count for one, count in self._coming.items() if one.address == address)
        is_within = own == 0 or own + nbytes <= _share(self._max_bytes)
        return is_within and self.coming + self._held() + nbytes <= self._max_bytes


def refusal(status: int, sentence: str) -> HTTPException:
    """What answers at once: nothing more of the body is read, the connection ends."""
    headers = {"Connection": "close"}
    if status == 503:
        headers["Retry-After"] = str(round(UPLOAD_WAIT_S))
    return HTTPException(status, sentence, headers)


def _share(of: int) -> int:
    return of - of // 4
