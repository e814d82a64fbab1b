"""Sessions that were left end by themselves, and what they held is free."""

from __future__ import annotations

import asyncio
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

import pytest
from streamlit.runtime import Runtime

from app.server import reaping
from app.server.reaping import GONE_S, Reaper
from benchmarks.serving import serving
from benchmarks.soak.session import visiting


@dataclass
class Tab:
    id: str


@dataclass
class Known:
    session: Tab
    client: object | None


@dataclass
class Sessions:
    """Stands in for Streamlit's runtime and its manager of sessions."""

    known: dict[str, Known] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    @property
    def _session_mgr(self) -> Sessions:
        return self

    def list_sessions(self) -> list[Known]:
        return list(self.known.values())

    def close_session(self, id_: str) -> None:
        self.ended.append(id_)
        del self.known[id_]

    def open(self, id_: str, *, connected: bool = True) -> None:
        self.known[id_] = Known(Tab(id_), object() if connected else None)


@pytest.fixture
def tidied(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, bool]]:
    """Each time that memory was given back, and how thoroughly."""
    calls: list[dict[str, bool]] = []
    monkeypatch.setattr(reaping, "tidy", lambda **how: calls.append(how))
    return calls


def test_a_session_that_was_left_ends_and_one_that_comes_back_does_not(
    tidied: list[dict[str, bool]],
) -> None:
    now, sessions = [0.0], Sessions()
    reaper = Reaper(cast(Runtime, sessions), lambda: now[0])
    for name in ("stays", "leaves", "returns"):
        sessions.open(name)
    look(reaper)
    for name in ("leaves", "returns"):
        sessions.open(name, connected=False)
    look(reaper)
    now[0] = GONE_S - 1
    sessions.open("returns")
    look(reaper)
    sessions.open("returns", connected=False)
    now[0] = GONE_S
    look(reaper)
    assert sessions.ended == ["leaves"]
    assert tidied == [{"collect": False, "rest": False}] * 4
    look(reaper)  # what it held is not free at once
    assert tidied[4:] == [{"collect": True, "rest": False}]


def test_nothing_is_done_where_nobody_is_and_all_once_the_last_has_gone(
    tidied: list[dict[str, bool]],
) -> None:
    now, sessions = [0.0], Sessions()
    reaper = Reaper(cast(Runtime, sessions), lambda: now[0])
    look(reaper)
    assert tidied == []
    sessions.open("only")
    look(reaper)
    sessions.open("only", connected=False)
    look(reaper)
    now[0] = GONE_S
    for _ in range(5):
        look(reaper)
    assert tidied == [{"collect": False, "rest": False}, {"collect": True, "rest": True}]


def test_it_goes_on_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    class Failing(Sessions):
        def list_sessions(self) -> list[Known]:
            looks.append(1)
            raise KeyError("x")

    monkeypatch.setattr(reaping, "EVERY_S", 0.01)

    async def some() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Reaper(cast(Runtime, Failing())).run(), 1)

    with ThreadPoolExecutor(1) as aside:  # a browser's loop may be running in this thread
        aside.submit(asyncio.run, some()).result()
    assert len(looks) > 1


def look(reaper: Reaper) -> None:
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, reaper.look()).result()


SMALL = f"model={quote('φ = −4 · trained here')}"
"""Asks for the model that is soon ready."""
QUICK = (
    "from app.server import reaping, serve; reaping.EVERY_S, reaping.GONE_S = 0.5, 1.0; serve({})"
)


def test_a_closed_tab_leaves_nothing_in_a_server() -> None:
    with serving(lambda port: [sys.executable, "-c", QUICK.format(port)]) as server:
        server.wait_healthy()

        async def visit() -> str:
            async with visiting(server.url, "classify", SMALL):
                return metrics(server.url)

        with ThreadPoolExecutor(1) as aside:
            told = aside.submit(asyncio.run, visit()).result()
        assert "st_session_state" in told
        end = time.monotonic() + 60
        while "st_session_state" in metrics(server.url):
            assert time.monotonic() < end
            time.sleep(0.2)


def metrics(url: str) -> Any:
    with urllib.request.urlopen(f"{url}/_stcore/metrics", timeout=20) as answer:
        return answer.read().decode()
