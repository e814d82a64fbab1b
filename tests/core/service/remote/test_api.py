"""The JSON API in front of a worker that answers as told: bounds, names, and HTTP's numbers."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from effnet_core.errors import Busy, DoesNotFit, EffnetError, OutOfTime
from effnet_core.service.remote import api, bodies, wire
from effnet_core.service.remote.api import api_router
from effnet_core.service.remote.bodies import Room, TooSlow
from tests.aside import run

PICTURE = base64.b64encode(b"a picture").decode()


class Asked:
    """What stands for the door: it notes who asks, and refuses."""

    def __init__(self, refusal: EffnetError) -> None:
        self.refusal = refusal
        self.visitors: list[str] = []

    async def ask(
        self, method: str, data: bytes, request: Request, visitor: str
    ) -> tuple[int, bytes]:
        self.visitors.append(visitor)
        return wire.status(self.refusal), wire.refusal(self.refusal)


def served(asked: Asked) -> FastAPI:
    app = FastAPI()
    app.include_router(api_router(asked.ask))
    return app


def client(asked: Asked, **options: Any) -> TestClient:
    return TestClient(served(asked), **options)


@pytest.mark.parametrize(
    ("refusal", "status", "again"),
    [(Busy("wait"), 429, "1"), (OutOfTime("long"), 503, None), (DoesNotFit("large"), 503, None)],
)
def test_only_what_is_busy_is_to_be_asked_again(
    refusal: EffnetError, status: int, again: str | None
) -> None:
    answer = client(Asked(refusal)).post("/v1/classify", content=json.dumps({"image": PICTURE}))
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, again)
    assert answer.json() == {"error": str(refusal)}


def test_a_caller_is_named_by_its_address_alone() -> None:
    asked = Asked(Busy("wait"))
    for headers in ({}, {wire.VISITOR: "somebody else"}, {"X-Forwarded-For": "1.2.3.4"}):
        client(asked, client=("203.0.113.7", 1)).post(
            "/v1/classify", content=json.dumps({"image": PICTURE}), headers=headers
        )
    assert asked.visitors == ["api 203.0.113.7"] * 3


def test_there_is_room_for_so_many_bytes_and_half_for_one_caller() -> None:
    room = Room(100)
    with room.of("one") as take:
        take(50)
        with pytest.raises(Busy, match="try again"):
            take(1)
        with room.of("two") as other:
            other(50)
            with room.of("three") as third, pytest.raises(Busy):
                third(1)
        with room.of("three") as third:
            third(50)
    with room.of("one") as take:
        take(50)


Receive = Callable[[], Any]


def coming(*chunks: bytes, rest: asyncio.Event | None = None) -> Receive:
    """A body as it comes to an ASGI app, whose end waits for `rest`."""
    left = [*chunks]

    async def receive() -> dict[str, Any]:
        if left:
            return {"type": "http.request", "body": left.pop(0), "more_body": True}
        if rest is not None:
            await rest.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


async def post(app: FastAPI, receive: Receive, address: str = "203.0.113.7") -> tuple[int, str]:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/classify",
        "raw_path": b"/v1/classify",
        "query_string": b"",
        "headers": [],
        "client": (address, 1),
    }
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"].decode()


def test_bodies_that_do_not_end_hold_no_more_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api, "Room", partial(Room, 1000))

    async def crowd() -> None:
        app, end = served(Asked(Busy("wait"))), asyncio.Event()
        held = [
            asyncio.create_task(post(app, coming(b"x" * 400, rest=end), f"203.0.113.{number}"))
            for number in range(4)
        ]
        refused, _ = await asyncio.wait(held, timeout=1)
        assert [task.result()[0] for task in refused] == [429, 429]
        assert all("being sent here already" in task.result()[1] for task in refused)
        end.set()
        assert {status for status, _ in await asyncio.gather(*held)} == {400, 429}
        assert (await post(app, coming(b"x" * 400)))[0] == 400  # no JSON, and room

    run(crowd())


@pytest.mark.parametrize("name", ["IDLE_S", "WHOLE_S"])
def test_a_body_that_takes_too_long_is_not_waited_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, name, 0.2)
    receive = coming(b"{", rest=asyncio.Event())
    status, text = run(post(served(Asked(Busy("wait"))), receive))
    assert (status, "has not arrived in time" in text) == (408, True)


def test_a_trickle_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "WHOLE_S", 0.3)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b".", "more_body": True}

    async def read() -> None:
        await bodies.body(Request({"type": "http", "headers": []}, receive), 1000)

    with pytest.raises(TooSlow):
        run(read())


def test_a_worker_that_does_not_answer_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Frozen(Asked):
        async def ask(self, *_: Any) -> tuple[int, bytes]:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(api, "patience", lambda method: 0.2)
    asked = json.dumps({"image": PICTURE}).encode()
    found = run(post(served(Frozen(Busy(""))), coming(asked)))
    assert (found[0], "does not answer" in found[1]) == (503, True)


def test_a_picture_is_read_beside_the_loop_and_never_lies_on_a_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rolled: list[object] = []
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rolled.append)
    threads: list[str] = []
    question = wire.question

    def noted(*arguments: Any, **options: Any) -> bytes:
        threads.append(threading.current_thread().name)
        return question(*arguments, **options)

    monkeypatch.setattr(wire, "question", noted)
    asked = Asked(Busy("wait"))
    picture = bytes(3_000_000)
    client(asked).post("/v1/classify", files={"image": picture})
    client(asked).post("/v1/classify", json={"image": base64.b64encode(picture).decode()})
    assert len(asked.visitors) == 2 and rolled == []
    assert len(threads) == 2 and all(name.startswith("asyncio_") for name in threads)
