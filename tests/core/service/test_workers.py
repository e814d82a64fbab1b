"""Work in processes of its own: answers and errors come back, deadlines and departures end it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psutil
import pytest

from effnet_core.errors import EffnetError, InvalidInput, OutOfTime
from effnet_core.service.apart.workers import WorkerDied, Workers
from effnet_core.service.visitors import NOBODY, Visitor

LONG = 600  # seconds of work that nobody waits for


def _begun() -> None:
    pass


def run(workers: Workers, work: Callable[[], Any], visitor: Visitor = NOBODY, **given: Any) -> Any:
    asked: dict[str, Any] = {"seconds": LONG, "begun": _begun} | given
    return workers.run(work, visitor, **asked)


def refuse() -> None:
    raise InvalidInput("Not like this.")


def allocate(count: int) -> int:
    return len(bytearray(count))


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(2)
    yield made
    made.close()


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_what_the_work_gives_and_raises_comes_back_from_one_process(workers: Workers) -> None:
    first = run(workers, os.getpid)
    assert first != os.getpid()
    with pytest.raises(InvalidInput, match=r"Not like this\."):
        run(workers, refuse)
    assert run(workers, os.getpid) == first


def test_it_stands_behind_this_process(workers: Workers) -> None:
    niceness = run(workers, partial(os.getpriority, os.PRIO_PROCESS, 0))
    assert niceness > os.getpriority(os.PRIO_PROCESS, 0)


def test_at_its_deadline_work_is_ended_and_the_next_begins(workers: Workers) -> None:
    worker = run(workers, os.getpid)
    with pytest.raises(OutOfTime, match="stopped after 1 s"):
        run(workers, partial(time.sleep, LONG), seconds=1)
    wait_until(lambda: is_gone(worker))
    assert run(workers, os.getpid) != worker


@pytest.mark.parametrize("kind", [BaseException, EffnetError])
def test_a_question_that_nobody_wants_any_more_ends_with_its_work(
    workers: Workers, kind: type[BaseException]
) -> None:
    class LeftError(kind):  # type: ignore[misc, valid-type]
        pass

    left = threading.Event()

    def check() -> None:
        if left.is_set():
            raise LeftError

    worker = run(workers, os.getpid)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(run, workers, partial(time.sleep, LONG), Visitor("one", check))
        time.sleep(0.3)
        assert not asked.done()
        left.set()
        with pytest.raises(LeftError):
            asked.result(20)
    wait_until(lambda: is_gone(worker))


def test_who_leaves_while_waiting_gives_the_place_to_the_next(workers: Workers) -> None:
    gone, taken = threading.Event(), threading.Event()
    started = []

    def check() -> None:
        if gone.is_set():
            raise KeyError

    with ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            pool.submit(run, workers, partial(time.sleep, 2), begun=lambda: started.append(1))
        wait_until(lambda: len(started) == 2)
        leaver = pool.submit(run, workers, os.getpid, Visitor("l", check), begun=taken.set)
        stayer = pool.submit(run, workers, os.getpid)
        gone.set()
        with pytest.raises(KeyError):
            leaver.result(20)
        assert not taken.is_set()
        assert stayer.result(20)


def test_a_process_that_dies_is_told_and_replaced(workers: Workers) -> None:
    worker = run(workers, os.getpid)
    with pytest.raises(WorkerDied, match="ended before it had an answer"):
        run(workers, partial(os.kill, worker, signal.SIGKILL))
    assert run(workers, os.getpid) != worker


def test_one_that_died_while_it_had_nothing_to_do_is_replaced_unseen(workers: Workers) -> None:
    worker = run(workers, os.getpid)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: workers._idle[0]._flags.broken is not None)
    assert run(workers, os.getpid) != worker
    assert len(workers._idle) == 1 and not workers._busy


def test_memory_is_bounded() -> None:
    small = Workers(1, memory=2**30)
    try:
        assert run(small, partial(allocate, 2**20)) == 2**20
        with pytest.raises(MemoryError):
            run(small, partial(allocate, 2**31))
        assert run(small, partial(allocate, 2**20)) == 2**20
    finally:
        small.close()


def test_closing_ends_what_is_worked_on(workers: Workers) -> None:
    worker = run(workers, os.getpid)
    with ThreadPoolExecutor(1) as pool:
        started = threading.Event()
        asked = pool.submit(run, workers, partial(time.sleep, LONG), begun=started.set)
        assert started.wait(20)
        wait_until(lambda: psutil.Process(worker).is_running())
        workers.close()
        with pytest.raises(WorkerDied):
            asked.result(20)
    wait_until(lambda: is_gone(worker))
