"""Who computes on which part of the processor: all of it, half of it, or behind all others."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize
from effnet_core.host import lower_priority

HALVES = 2
CROWD_S = 0.1
HEAVY_MULT_ADDS = 1_500_000_000
"""From here, B3, on a pass makes way for others: behind one of B7, Lite0 would wait a second."""

T = TypeVar("T")


@dataclass(eq=False)
class _Waiter:
    alone: bool
    admitted: threading.Event = field(default_factory=threading.Event)


class Cores:
    """Shares the processor between passes of this process, first come first served.

    Two passes that each spread over every core take longer together than in turn, and an ordinary
    lock may be taken again by the thread that has just let it go. Nothing here may be nested.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all = False
        self._halves = 0
        self._waiting: deque[_Waiter] = deque()
        self._crowded_at = -CROWD_S

    @property
    def crowded(self) -> bool:
        """Whether somebody computes now, or several did within the last `CROWD_S`."""
        return self._all or self._halves > 0 or self._lately

    @property
    def _lately(self) -> bool:
        return time.monotonic() - self._crowded_at < CROWD_S

    @contextmanager
    def share(self) -> Iterator[bool]:
        """Wait for all cores or for half of them; True for all.

        All go to who finds nobody else, now and for `CROWD_S`; half to each of two at once
        otherwise: between two passes one of many who ask seems to be alone.
        """
        whole = self._enter(alone=False)
        try:
            yield whole
        finally:
            self._leave(whole)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for all cores, for what cannot do with fewer."""
        self._enter(alone=True)
        try:
            yield
        finally:
            self._leave(whole=True)

    def _enter(self, *, alone: bool) -> bool:
        """Whether all cores were given."""
        with self._lock:
            if not (self._all or self._halves or self._waiting):
                whole = alone or not self._lately
                self._all, self._halves = whole, int(not whole)
                return whole
            self._crowded_at = time.monotonic()
            waiter = _Waiter(alone)
            self._waiting.append(waiter)
            self._admit()
        try:
            waiter.admitted.wait()
        except BaseException:  # an interrupt: the place in the queue, or what it led to, goes on
            self._abandon(waiter)
            raise
        return alone

    def _abandon(self, waiter: _Waiter) -> None:
        with self._lock:
            if not waiter.admitted.is_set():
                self._waiting.remove(waiter)
                self._admit()
                return
        self._leave(waiter.alone)

    def _leave(self, whole: bool) -> None:
        with self._lock:
            if whole:
                self._all = False
            else:
                self._halves -= 1
            self._admit()

    def _admit(self) -> None:
        """Let in from the head of the queue who finds room; the caller holds the lock."""
        while self._waiting and not self._all:
            if self._waiting[0].alone:
                if self._halves:
                    return
                self._all = True
            elif self._halves == HALVES:
                return
            else:
                self._halves += 1
            self._waiting.popleft().admitted.set()


CORES = Cores()
"""The cores of this process."""

_BEHIND = ThreadPoolExecutor(1, "heavy pass", initializer=lower_priority)
_AMONG = ThreadPoolExecutor(HALVES, "pass among others")


def is_heavy(spec: ArchitectureSpec) -> bool:
    """Whether the network's passes are to run `behind` those of others."""
    return summarize(spec).mult_adds >= HEAVY_MULT_ADDS


def behind(work: Callable[[], T]) -> T:
    """What `work` gives, one at a time and on what `CORES` leave free.

    The system decides, by priority: it costs nothing where nobody else computes.
    """
    return _BEHIND.submit(work).result()


def among_others(work: Callable[[], T]) -> Future[T]:
    """What `work` will give, by threads that go from one such work to the next.

    Where each who asks computes in a thread of its own, a core stands still whenever one hands it
    to the next. Measured on two, Lite0, 16 who ask, times the answers of ONNX Runtime alone: 0.89
    to 0.96, and 0.83 without.
    """
    return _AMONG.submit(work)
