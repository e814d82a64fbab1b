"""One lane for each model: loaded once, few users at a time, then forgotten.

Nothing here knows what a model is; `Lanes` keeps any value that is costly to load.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from effnet_core.service.waiting import Ticket, Turns

S = TypeVar("S")
T = TypeVar("T")


@dataclass(eq=False)
class _Lane(Generic[T]):
    """One value, its turns, and how many requests are in the lane (waiting or worked on)."""

    turns: Turns
    users: int = 0
    ready: Future[T] = field(default_factory=Future)
    replaces: _Lane[T] | None = None


class Lanes(Generic[S, T]):
    """At most `capacity` loaded values, each used by at most `turns` requests at a time.

    `load` makes a value of its source, and `key` says which sources mean the same value.
    A value is loaded by the first request that needs it, while later ones wait for that same
    load; if it fails, all of them get the error and the next request tries anew. One value more
    than `capacity` replaces the least recently used: its requests are answered first, then it is
    let go, then the new one is loaded, so there are never more than `capacity` in memory.
    """

    def __init__(
        self,
        load: Callable[[S], T],
        *,
        key: Callable[[S], str] = str,
        capacity: int,
        turns: int = 1,
    ) -> None:
        self._load = load
        self._key = key
        self._turns = turns
        self._capacity = capacity
        self._lanes: OrderedDict[str, _Lane[T]] = OrderedDict()  # least recently used first
        self._changed = threading.Condition()

    def keys(self) -> tuple[str, ...]:
        """What is loaded or loading, least recently used first."""
        with self._changed:
            return tuple(self._lanes)

    def __contains__(self, key: str) -> bool:
        """Whether a value is loaded or loading."""
        with self._changed:
            return key in self._lanes

    def values(self) -> tuple[T, ...]:
        """Every value that is loaded."""
        with self._changed:
            lanes = tuple(self._lanes.values())
        done = (lane.ready for lane in lanes if lane.ready.done())
        return tuple(ready.result() for ready in done if ready.exception() is None)

    @contextmanager
    def use(self, source: S, ticket: Ticket) -> Iterator[T]:
        """Wait for the turn in the source's lane, then lend its value; raises what `load` does.

        Also raises what the check of the ticket's visitor raises while it waits.
        """
        lane, is_new = self._enter(self._key(source))
        try:
            if is_new:
                ticket.turn()
                self._fill(source, lane)
            ticket.visitor.wait(lambda seconds: bool(wait((lane.ready,), seconds).done))
            lane.ready.result()
            with lane.turns.take(ticket.visitor):
                ticket.turn()
                yield lane.ready.result()
        finally:
            with self._changed:
                lane.users -= 1
                self._changed.notify_all()

    def forget(self, key: str) -> None:
        """Let the value go as soon as the requests in its lane are answered."""
        with self._changed:
            self._lanes.pop(key, None)

    def _enter(self, key: str) -> tuple[_Lane[T], bool]:
        """The lane of `key`, with this request counted in it, and whether it is to be filled."""
        with self._changed:
            lane = self._lanes.get(key)
            is_new = lane is None
            if lane is None:
                lane = self._lanes[key] = _Lane(Turns(self._turns))
                if len(self._lanes) > self._capacity:
                    _, lane.replaces = self._lanes.popitem(last=False)
            self._lanes.move_to_end(key)
            lane.users += 1
            return lane, is_new

    def _fill(self, source: S, lane: _Lane[T]) -> None:
        """Load the value, after the lane that it replaces is empty; errors go to all who wait."""
        try:
            self._wait_until_empty(lane.replaces)
            lane.replaces = None  # the last reference to what is let go
            lane.ready.set_result(self._load(source))
        except BaseException as error:  # noqa: BLE001 - every waiting request raises it
            key = self._key(source)
            with self._changed:
                if self._lanes.get(key) is lane:
                    del self._lanes[key]
            lane.ready.set_exception(error)

    def _wait_until_empty(self, lane: _Lane[T] | None) -> None:
        # A lane only ever waits for an older one, so this ends.
        if lane is not None:
            with self._changed:
                self._changed.wait_for(lambda: lane.users == 0)
