"""A value that is made once, in the background."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from effnet_core.engines.background import Background


def test_however_many_ask_it_is_made_once_and_nobody_waits() -> None:
    gate, calls = threading.Event(), []

    def make() -> str:
        assert gate.wait(60)
        calls.append(threading.current_thread())
        return "made"

    later = Background(make, "what is made")
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: later.get(), range(64))) == {None}
    assert later.wait(0.0) is None
    gate.set()
    assert later.wait(60) == "made"
    assert later.get() == "made"
    assert calls != [threading.current_thread()]
    assert len(calls) == 1


def test_nothing_is_made_before_it_is_asked_for() -> None:
    calls: list[int] = []
    Background(lambda: calls.append(1), "nothing")
    assert not calls


def test_what_was_in_the_way_once_is_got_over() -> None:
    calls: list[int] = []

    def make() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("not now")
        return "made"

    assert Background(make, "The graph").wait(60) == "made"
    assert len(calls) == 2


def test_what_cannot_be_made_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> str:
        raise ValueError("no room")

    later = Background(fail, "The graph")
    assert later.wait(60) is None
    assert later.get() is None
    first, last = caplog.records
    assert "The graph could not be made; it is tried once more" in first.getMessage()
    assert "torch answers instead" in last.getMessage()
    assert first.exc_info is not None and last.exc_info is not None
