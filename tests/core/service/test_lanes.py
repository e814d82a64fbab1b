"""Waiting room and lanes: bounded, one load, one at a time, let go; and nothing ever stuck."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from effnet_core.errors import Busy, WeightsError
from effnet_core.service.lanes import Lanes
from effnet_core.service.visitors import NOBODY, Visitor
from effnet_core.service.waiting import Turns, WaitingRoom

SECONDS = 20  # how long a test waits for another thread before it fails


class Value:
    def __init__(self, key: str) -> None:
        self.key = key


def use(lanes: Lanes[str, Any], room: WaitingRoom, key: str, work: Callable[[Any], Any]) -> Any:
    with room.admit() as ticket, lanes.use(key, ticket) as value:
        return work(value)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)


def test_a_full_room_refuses_at_once_and_loses_nobody() -> None:
    room, gate = WaitingRoom(2), threading.Event()
    lanes = Lanes(Value, capacity=1)

    def work(value: Value) -> str:
        assert gate.wait(SECONDS)
        return value.key

    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(use, lanes, room, "a", work)]
        wait_until(lambda: lanes.keys() == ("a",) and room.waiting == 0)  # its turn has come
        answers += [pool.submit(use, lanes, room, "a", work) for _ in range(2)]
        wait_until(lambda: room.waiting == 2)
        start = time.monotonic()
        with pytest.raises(Busy, match="2 requests are waiting already"):
            use(lanes, room, "a", work)
        assert time.monotonic() - start < 1
        gate.set()
        assert [answer.result(SECONDS) for answer in answers] == ["a", "a", "a"]
    assert room.waiting == 0
    assert use(lanes, room, "a", lambda value: value.key) == "a"


def test_a_request_that_fails_gives_its_seat_back() -> None:
    room = WaitingRoom(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), room.admit():
            raise ZeroDivisionError
    assert room.waiting == 0


def test_one_model_never_takes_every_seat() -> None:
    room = WaitingRoom(8)
    with ExitStack() as waiting:
        for _ in range(6):
            waiting.enter_context(room.admit("slow"))
        with pytest.raises(Busy, match="6 requests are waiting for this model"), room.admit("slow"):
            pytest.fail("a seventh")
        tickets = [waiting.enter_context(room.admit("quick")) for _ in range(2)]
        with pytest.raises(Busy, match="8 requests are waiting already"), room.admit("other"):
            pytest.fail("a ninth")
        tickets[0].turn()
        with room.admit("other"):
            assert room.waiting == 8
    assert room.waiting == 0 and not room._models


def test_one_visitor_never_takes_every_seat() -> None:
    room, one, other = WaitingRoom(8), Visitor("one"), Visitor("other")
    with ExitStack() as waiting:
        tickets = [waiting.enter_context(room.admit("a", one)) for _ in range(4)]
        with pytest.raises(Busy, match="4 of your requests are waiting"), room.admit("b", one):
            pytest.fail("a fifth")
        waiting.enter_context(room.admit("a", other))
        tickets[0].turn()
        with room.admit("b", one):
            assert room.waiting == 5
    assert room.waiting == 0 and not room._visitors


def test_turns_go_by_order_of_coming_and_past_who_gave_up() -> None:
    turns, order, gone = Turns(1), [], threading.Event()

    def leave() -> None:
        if gone.is_set():
            raise KeyError

    def take(name: str, visitor: Visitor) -> None:
        with turns.take(visitor):
            order.append(name)

    def is_long(length: int) -> bool:
        return len(turns._queue) == length

    visitors = {"a": NOBODY, "b": Visitor("b", leave), "c": NOBODY, "d": NOBODY}
    with ThreadPoolExecutor(4) as pool:
        with turns.take():
            taken = {}
            for place, (name, visitor) in enumerate(visitors.items(), 1):
                taken[name] = pool.submit(take, name, visitor)
                wait_until(partial(is_long, place))
            gone.set()
            with pytest.raises(KeyError):
                taken.pop("b").result(SECONDS)
        for future in taken.values():
            future.result(SECONDS)
    assert order == ["a", "c", "d"]


def test_who_waits_for_a_model_to_load_can_leave() -> None:
    gate, gone, room = threading.Event(), threading.Event(), WaitingRoom(4)

    def load(key: str) -> str:
        assert gate.wait(SECONDS)
        return key

    def leave() -> None:
        if gone.is_set():
            raise KeyError

    lanes = Lanes(load, capacity=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(use, lanes, room, "a", lambda value: value)
        wait_until(lambda: lanes.keys() == ("a",))

        def ask() -> str:
            with room.admit("a", Visitor("v", leave)) as ticket, lanes.use("a", ticket) as value:
                return value

        second = pool.submit(ask)
        wait_until(lambda: room.waiting == 1)
        gone.set()
        with pytest.raises(KeyError):
            second.result(SECONDS)
        assert room.waiting == 0
        gate.set()
        assert first.result(SECONDS) == "a"


def test_a_cold_value_is_loaded_once_however_many_ask() -> None:
    loads: list[str] = []
    started = threading.Barrier(12)

    def load(key: str) -> Value:
        loads.append(key)
        time.sleep(0.05)
        return Value(key)

    lanes, room = Lanes(load, capacity=2), WaitingRoom(12)

    def ask() -> Value:
        started.wait(SECONDS)
        return use(lanes, room, "a", lambda value: value)

    with ThreadPoolExecutor(12) as pool:
        values = [answer.result(SECONDS) for answer in [pool.submit(ask) for _ in range(12)]]
    assert loads == ["a"]
    assert len({id(value) for value in values}) == 1


def test_a_failed_load_reaches_all_who_wait_and_is_tried_again_next_time() -> None:
    attempts: list[str] = []
    gate = threading.Event()

    def load(key: str) -> Value:
        attempts.append(key)
        if len(attempts) == 1:
            assert gate.wait(SECONDS)
            raise WeightsError("The file is damaged.")
        return Value(key)

    lanes, room = Lanes(load, capacity=2), WaitingRoom(8)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(use, lanes, room, "a", lambda v: v.key) for _ in range(4)]
        wait_until(lambda: room.waiting == 3)  # the fourth is loading
        gate.set()
        for answer in answers:
            with pytest.raises(WeightsError, match="damaged"):
                answer.result(SECONDS)
    assert attempts == ["a"]
    assert lanes.keys() == ()
    assert use(lanes, room, "a", lambda value: value.key) == "a"


def test_a_lane_serves_one_at_a_time_and_lanes_run_side_by_side() -> None:
    lanes, room = Lanes(Value, capacity=2), WaitingRoom(8)
    inside = {"a": 0, "b": 0}
    together = threading.Barrier(2)  # only passed if a and b are worked on at the same time

    def meet(value: Value) -> None:
        together.wait(SECONDS)

    def alone(value: Value) -> int:
        inside[value.key] += 1
        time.sleep(0.005)
        seen = inside[value.key]
        inside[value.key] -= 1
        return seen

    with ThreadPoolExecutor(4) as pool:
        for answer in [pool.submit(use, lanes, room, key, meet) for key in "ab"]:
            answer.result(SECONDS)
        answers = [pool.submit(use, lanes, room, key, alone) for key in "aabbaabb"]
        assert {answer.result(SECONDS) for answer in answers} == {1}


def test_a_lane_of_two_turns_serves_two_at_once_and_no_third() -> None:
    lanes, room = Lanes(Value, capacity=1, turns=2), WaitingRoom(8)
    together, lock = threading.Barrier(2), threading.Lock()
    inside, most = 0, 0

    def meet(value: Value) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        together.wait(SECONDS)  # only passed by two at once; a third would be seen in `most`
        time.sleep(0.005)
        with lock:
            inside -= 1

    with ThreadPoolExecutor(6) as pool:
        for answer in [pool.submit(use, lanes, room, "a", meet) for _ in range(6)]:
            answer.result(SECONDS)
    assert most == 2


def test_the_least_recently_used_is_let_go_before_the_next_is_loaded() -> None:
    alive: dict[str, weakref.ref[Value]] = {}
    alive_at_load: list[tuple[str, ...]] = []

    def load(key: str) -> Value:
        alive_at_load.append(tuple(name for name, value in alive.items() if value() is not None))
        value = Value(key)
        alive[key] = weakref.ref(value)
        return value

    lanes, room = Lanes(load, capacity=2), WaitingRoom(4)
    for key in ("a", "b", "a", "c"):
        use(lanes, room, key, lambda value: value.key)
    assert lanes.keys() == ("a", "c")
    assert alive_at_load == [(), ("a",), ("a",)]  # when c was loaded, b was gone already
    lanes.forget("a")
    assert alive["a"]() is None
    assert alive["c"]() is not None


def test_a_busy_value_is_let_go_only_after_its_requests() -> None:
    lanes, room, gate = Lanes(Value, capacity=1), WaitingRoom(8), threading.Event()

    def work(value: Value) -> str:
        assert gate.wait(SECONDS)
        return value.key

    with ThreadPoolExecutor(3) as pool:
        first = [pool.submit(use, lanes, room, "a", work) for _ in range(2)]
        wait_until(lambda: room.waiting == 1)
        second = pool.submit(use, lanes, room, "b", lambda value: value.key)
        wait_until(lambda: lanes.keys() == ("b",))
        assert not second.done()
        gate.set()
        assert [answer.result(SECONDS) for answer in first] == ["a", "a"]
        assert second.result(SECONDS) == "b"


def test_many_threads_and_too_few_places_end_with_every_answer() -> None:
    lanes, room = Lanes(Value, capacity=2), WaitingRoom(200)
    working: list[Value] = []
    most = 0

    def work(value: Value) -> str:
        nonlocal most
        working.append(value)
        most = max(most, len({id(other) for other in tuple(working)}))
        time.sleep(0.0005)
        working.remove(value)
        return value.key

    keys = "abcde" * 40
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(use, lanes, room, key, work) for key in keys]
        assert [answer.result(SECONDS) for answer in answers] == list(keys)
    assert most == 2
    assert len(lanes.keys()) == 2
    assert room.waiting == 0
