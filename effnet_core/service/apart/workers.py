"""Processes for one piece of work each at a time, which can be ended at any moment."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from loky import ProcessPoolExecutor
from loky.process_executor import BrokenProcessPool, ShutdownExecutorError, TerminatedWorkerError

from effnet_core.errors import EffnetError, OutOfTime
from effnet_core.host import end_with_parent, lower_priority
from effnet_core.service.visitors import Visitor
from effnet_core.service.waiting import Turns

IDLE_S = 60
"""How long a process stays that nobody needs: its models and libraries are memory."""

T = TypeVar("T")
_ENDED = BrokenProcessPool, TerminatedWorkerError, ShutdownExecutorError


@dataclass(eq=False)
class _Lent:
    """A process, and whether it has nothing left to do."""

    process: ProcessPoolExecutor
    is_idle: bool = False


class Workers:
    """At most `count` processes, started when they are needed and gone a minute after.

    They stand behind this process for the processor, so that quick answers do not wait for slow
    ones, and end when it ends. With `memory` each may have so many bytes of its own.
    """

    def __init__(self, count: int, memory: int | None = None) -> None:
        self._memory = memory
        self._turns = Turns(count)
        self._lock = threading.Lock()
        self._idle: list[ProcessPoolExecutor] = []
        self._busy: list[_Lent] = []

    def run(
        self, work: Callable[[], T], visitor: Visitor, *, seconds: float, begun: Callable[[], None]
    ) -> T:
        """What `work`, which must survive pickling, gives or raises in a process of its own.

        `begun` is called when its turn has come. Raises what the visitor's check raises, OutOfTime
        after `seconds` of work, and EffnetError where the process died.
        """
        with self._turns.take(visitor), self._process() as lent:
            begun()
            due = time.monotonic() + seconds
            future = self._submitted(work, lent)

            def done(most: float) -> bool:
                if time.monotonic() > due:
                    raise OutOfTime(f"It was stopped after {seconds:.0f} s.")
                return bool(wait((future,), most).done)

            visitor.wait(done)
            lent.is_idle = not isinstance(future.exception(), _ENDED)
            return _result(future)

    def close(self) -> None:
        """End every process, with what it does."""
        with self._lock:
            every = [*self._idle, *(lent.process for lent in self._busy)]
            self._idle.clear()
        for process in every:
            process.shutdown(wait=False, kill_workers=True)

    @contextmanager
    def _process(self) -> Iterator[_Lent]:
        """Lend a process; one that is not idle in the end is killed, whatever it does."""
        with self._lock:
            lent = _Lent(self._idle.pop() if self._idle else self._started())
            self._busy.append(lent)
        try:
            yield lent
        finally:
            with self._lock:
                self._busy.remove(lent)
                if lent.is_idle:
                    self._idle.append(lent.process)
            if not lent.is_idle:
                lent.process.shutdown(wait=False, kill_workers=True)

    def _submitted(self, work: Callable[[], T], lent: _Lent) -> Future[T]:
        try:
            return lent.process.submit(work)
        except _ENDED:  # while it had nothing to do
            with self._lock:
                lent.process = self._started()
            return lent.process.submit(work)

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=1,
            timeout=IDLE_S,
            initializer=_begin,
            initargs=(self._memory,),
        )


class WorkerDied(EffnetError):
    """A process ended in the middle of its work, as it does where memory runs out."""


def _result(future: Future[T]) -> T:
    try:
        return future.result()
    except _ENDED:
        raise WorkerDied(
            "The process that worked on this ended before it had an answer, most likely because "
            "memory ran out; try again, or ask something smaller."
        ) from None


def _begin(memory: int | None) -> None:
    """Prepare a worker: behind others, within its memory, and gone when its parent is."""
    lower_priority()
    if memory is not None and sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    end_with_parent()
