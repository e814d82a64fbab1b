"""Bounded waiting: how many questions wait, of whom and for what, and whose turn it is."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from effnet_core.errors import Busy
from effnet_core.service.visitors import NOBODY, Visitor


class Ticket:
    """One admitted request: it counts as waiting until its turn comes or it ends."""

    def __init__(self, queue: WaitingRoom, model: str, visitor: Visitor) -> None:
        self.visitor = visitor
        self._queue = queue
        self._model = model
        self._waits = True

    def turn(self) -> None:
        """The request is being worked on from now; calling it again changes nothing."""
        if self._waits:
            self._waits = False
            self._queue._leave(self._model, self.visitor.name)


class WaitingRoom:
    """Lets at most `seats` requests wait at once and refuses the others straight away.

    Three quarters of them, rounded up, are the most for one model, so that a slow one never makes
    every other one busy, and half of them for one visitor.
    """

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self._of_model = seats - seats // 4
        self._of_visitor = seats - seats // 2
        self._lock = threading.Lock()
        self._waiting = 0
        self._models: Counter[str] = Counter()
        self._visitors: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """How many requests wait now."""
        return self._waiting

    @contextmanager
    def admit(self, model: str = "", visitor: Visitor = NOBODY) -> Iterator[Ticket]:
        """Take a seat for one request, of a model where that is known; raises Busy without one."""
        with self._lock:
            self._refuse(model, visitor.name)
            self._waiting += 1
            self._models[model] += 1
            self._visitors[visitor.name] += 1
        ticket = Ticket(self, model, visitor)
        try:
            yield ticket
        finally:
            ticket.turn()

    def _refuse(self, model: str, visitor: str) -> None:
        """Raise Busy where no seat is left for this model or visitor; the caller holds the lock."""
        if self._waiting >= self.seats:
            raise Busy(
                f"{self._waiting} requests are waiting already, which is as many as this "
                "server takes; please try again in a moment."
            )
        if model and self._models[model] >= self._of_model:
            raise Busy(
                f"{self._of_model} requests are waiting for this model already; please try again "
                "in a moment, or ask another model, which answers meanwhile."
            )
        if visitor and self._visitors[visitor] >= self._of_visitor:
            raise Busy(
                f"{self._of_visitor} of your requests are waiting already; please try again when "
                "they are answered."
            )

    def _leave(self, model: str, visitor: str) -> None:
        with self._lock:
            self._waiting -= 1
            for counts, name in ((self._models, model), (self._visitors, visitor)):
                counts[name] -= 1
                if not counts[name]:
                    del counts[name]


class Turns:
    """At most `count` at a time, first come first served; who gives up loses the place."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()

    @contextmanager
    def take(self, visitor: Visitor = NOBODY) -> Iterator[None]:
        """Wait for a turn; raises what the visitor's check raises."""
        called = threading.Event()
        with self._lock:
            self._queue.append(called)
            self._call()
        try:
            visitor.wait(called.wait)
        except BaseException:
            self._give_up(called)
            raise
        try:
            yield
        finally:
            self._give_back()

    def _give_up(self, called: threading.Event) -> None:
        with self._lock:
            if not called.is_set():
                self._queue.remove(called)
                return
        self._give_back()

    def _give_back(self) -> None:
        with self._lock:
            self._free += 1
            self._call()

    def _call(self) -> None:
        while self._free and self._queue:
            self._free -= 1
            self._queue.popleft().set()
