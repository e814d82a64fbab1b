"""Who gets all cores, who half, and in which order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from effnet_core.engines import cores as module
from effnet_core.engines.cores import Cores

SECONDS = 60


class Pass(threading.Thread):
    """A pass that tells when it is let in, what it got, and goes on until it is told to end."""

    def __init__(self, cores: Cores, log: list[str], name: str, *, alone: bool = False) -> None:
        super().__init__(name=name)
        self.cores, self.log, self.alone = cores, log, alone
        self.inside, self.end = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        if self.alone:
            with self.cores.alone():
                self._work("all")
        else:
            with self.cores.share() as whole:
                self._work("all" if whole else "half")

    def _work(self, got: str) -> None:
        self.log.append(f"{self.name} {got}")
        self.inside.set()
        assert self.end.wait(SECONDS)

    def finish(self) -> None:
        self.end.set()
        self.join(SECONDS)


def waits(cores: Cores, count: int) -> None:
    """Return once `count` passes are in the queue."""
    until(lambda: len(cores._waiting) == count)


def until(holds: Callable[[], bool]) -> None:
    for _ in range(SECONDS * 1000):
        if holds():
            return
        time.sleep(0.001)
    raise AssertionError("It never came to that.")


def test_one_alone_has_all_and_those_who_waited_have_half_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CROWD_S", SECONDS)
    cores = Cores()
    log: list[str] = []
    first = Pass(cores, log, "first")
    assert first.inside.wait(SECONDS)
    others = []
    for number, name in enumerate(("second", "third", "fourth"), start=1):
        others.append(Pass(cores, log, name))
        waits(cores, number)
    assert log == ["first all"]
    first.finish()
    for other in others[:2]:
        assert other.inside.wait(SECONDS)
    assert not others[2].inside.is_set()
    others[1].finish()
    assert others[2].inside.wait(SECONDS)
    assert sorted(log[1:3]) == ["second half", "third half"] and log[3:] == ["fourth half"]
    others[0].finish()
    others[2].finish()
    with cores.share() as whole:  # somebody else was there a moment ago
        assert not whole and cores.crowded
    monkeypatch.setattr(module, "CROWD_S", 0.0)
    with cores.share() as whole:
        assert whole and cores.crowded
    assert not cores.crowded


def test_what_needs_all_cores_keeps_its_place_in_the_queue() -> None:
    cores = Cores()
    log: list[str] = []
    first = Pass(cores, log, "first")
    assert first.inside.wait(SECONDS)
    second = Pass(cores, log, "second")
    waits(cores, 1)
    alone = Pass(cores, log, "alone", alone=True)
    waits(cores, 2)
    last = Pass(cores, log, "last")
    waits(cores, 3)
    first.finish()
    assert second.inside.wait(SECONDS)
    assert not alone.inside.is_set() and not last.inside.is_set()  # nobody overtakes
    second.finish()
    assert alone.inside.wait(SECONDS)
    assert not last.inside.is_set()
    alone.finish()
    assert last.inside.wait(SECONDS)
    last.finish()
    assert log == ["first all", "second half", "alone all", "last half"]


def test_a_pass_that_fails_makes_room() -> None:
    cores = Cores()
    for enter in (cores.share, cores.alone):
        with pytest.raises(RuntimeError), enter():
            raise RuntimeError
        with cores.share() as whole:
            assert whole


def test_never_more_than_the_processor_is_given_away() -> None:
    cores, guard, used, most = Cores(), threading.Lock(), 0.0, 0.0

    def work(number: int) -> None:
        nonlocal used, most
        for _ in range(50):
            with cores.alone() if number % 4 == 0 else cores.share() as whole:
                share = 0.5 if whole is False else 1.0
                with guard:
                    used += share
                    most = max(most, used)
                time.sleep(0)
                with guard:
                    used -= share

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    assert (used, most) == (0.0, 1.0)
