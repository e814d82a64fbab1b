"""What an engine says of its worker, whatever that one does."""

from __future__ import annotations

import asyncio

import pytest

from effnet_core.errors import Busy, CheckpointError, EffnetError
from effnet_core.service.remote import ready, wire
from effnet_core.service.remote.ready import SILENT, Looks
from tests.aside import run


class Worker:
    """Answers, refuses, or is frozen until `thaw` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refusal: EffnetError | None = None
        self.thaw = asyncio.Event()
        self.thaw.set()

    async def ask(self, method: str, data: bytes) -> tuple[int, bytes]:
        self.asked.append(method)
        await self.thaw.wait()
        if self.refusal is not None:
            return wire.status(self.refusal), wire.refusal(self.refusal)
        return 200, b""


def test_a_frozen_worker_is_not_ready_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "WAIT_S", 0.1)

    async def look() -> None:
        worker = Worker()
        looks = Looks(worker.ask)
        assert await looks.reason() == ""
        worker.thaw.clear()
        assert [await looks.reason() for _ in range(3)] == [SILENT] * 3
        assert worker.asked == ["waiting"] * 2
        worker.thaw.set()
        assert await looks.reason() == ""

    run(look())


def test_the_default_model_is_asked_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> None:
        worker = Worker()
        looks = Looks(worker.ask)
        assert [await looks.reason() for _ in range(3)] == [""] * 3
        monkeypatch.setattr(ready, "FRESH_S", -1.0)  # a minute later
        assert await looks.reason() == ""
        assert worker.asked == ["waiting"] * 3 + ["classify"]
        worker.refusal = CheckpointError("The model is damaged.")
        assert [await looks.reason() for _ in range(2)] == ["The model is damaged."] * 2
        worker.refusal = Busy("wait")
        assert await looks.reason() == ""

    run(look())
