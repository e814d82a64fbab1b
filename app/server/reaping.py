"""What nobody uses any more is given back: sessions whose tab is closed, and the memory they held.

Streamlit forgets such sessions only when another one ends.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Callable

from streamlit.runtime import Runtime

from app import replies, resources
from effnet_core.host import give_back_memory

_log = logging.getLogger(__name__)
EVERY_S = 10.0
GONE_S = 60.0
"""How long a session is kept whose connection is lost: a reload of the page begins a new one."""


class Reaper:
    """Ends sessions that were left, and gives back memory."""

    def __init__(self, runtime: Runtime, clock: Callable[[], float] = time.monotonic) -> None:
        self._runtime, self._clock = runtime, clock
        self._left_at: dict[str, float] = {}
        self._known: set[str] = set()
        self._ended = False  # at the last look: what it held is not free at once

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - it looks again, whatever has failed
                _log.exception("What was left could not be given back")

    async def look(self) -> None:
        """End what was left long enough; tidy up after what ended before."""
        before = self._known
        connected = self._end_left()
        ended, self._ended = self._ended, bool(before - self._known)
        if connected or ended:
            await asyncio.to_thread(tidy, collect=ended, rest=not self._known)

    def _end_left(self) -> set[str]:
        """End sessions that have been left for `GONE_S`; return the ids of those connected."""
        now = self._clock()
        # the list is nowhere public
        sessions = self._runtime._session_mgr.list_sessions()
        connected = {one.session.id for one in sessions if one.client is not None}
        left = {one.session.id for one in sessions} - connected
        self._left_at = {id_: self._left_at.get(id_, now) for id_ in left}
        for id_, since in list(self._left_at.items()):
            if now - since >= GONE_S:
                self._runtime.close_session(id_)
                del self._left_at[id_]
        self._known = connected | self._left_at.keys()
        return connected


def tidy(*, collect: bool, rest: bool) -> None:
    """Give memory back to the system.

    With `collect` what sessions have left behind is found first; with `rest`, where nobody is
    here, also what was kept for quick answers, and what was left out of collections is looked at.
    """
    if rest and "effnet_core.service" in sys.modules:
        resources.service().rest()
        replies.rest()
    if collect and rest:
        gc.unfreeze()  # sessions that were there when it was frozen are in it
        gc.collect()
        gc.freeze()
    elif collect:
        gc.collect()
    give_back_memory()
