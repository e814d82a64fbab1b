"""A server says that it is ready only once a model has answered, and why where none does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import resources
from app.server import health
from app.server.headers import HEADERS
from app.server.health import Readiness
from app.server.serving import MIDDLEWARE
from effnet_core.errors import Busy, CheckpointError, OutOfTime, Unreachable
from effnet_core.service import InferenceService
from effnet_core.service.remote.client import RemoteService
from effnet_core.weights import WeightsStore
from effnet_core.weights import packaged as module


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def wait(answer: threading.Event) -> None:
    assert answer.wait(60)


def test_nothing_is_ready_before_an_answer_came() -> None:
    answer = threading.Event()
    readiness = Readiness(lambda: wait(answer))
    assert all("has not answered yet" in readiness.reason() for _ in range(20))
    answer.set()
    until(lambda: readiness.reason() == "")


def settled(readiness: Readiness, looks: list[int], number: int) -> bool:
    return len(looks) >= number and not readiness._asking


def test_it_looks_again_and_says_what_fails() -> None:
    outcomes = [None, CheckpointError("lite0 is damaged."), Busy("16 wait."), KeyError("x"), None]
    looks: list[int] = []

    def ask() -> None:
        looks.append(1)
        if (outcome := outcomes[len(looks) - 1]) is not None:
            raise outcome

    readiness = Readiness(ask, fresh=0.0)
    seen = []
    for number in range(1, len(outcomes) + 1):
        readiness.reason()
        until(partial(settled, readiness, looks, number))
        seen.append(readiness._reason)
    assert seen[:3] == ["", "lite0 is damaged.", "lite0 is damaged."]
    assert "failed (KeyError)" in seen[3] and seen[4] == ""


def test_what_is_not_ready_looks_again_before_an_answer_would_be_old() -> None:
    looks: list[int] = []

    def ask() -> None:
        looks.append(1)
        if len(looks) == 1:
            raise Busy("The engine starts.")

    readiness = Readiness(ask)
    until(lambda: readiness.reason() == "", seconds=30)
    readiness.reason()
    assert len(looks) == 2


def test_an_engine_that_cannot_be_reached_is_not_ready() -> None:
    looks: list[int] = []

    def ask() -> None:
        looks.append(1)
        if len(looks) > 1:
            raise Unreachable("The engine cannot be reached.")

    readiness = Readiness(ask, fresh=0.0)
    until(lambda: readiness.reason() == "")
    until(lambda: readiness.reason() == "The engine cannot be reached.")


def test_an_answer_that_does_not_come_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_LONG_S", 0.2)
    looks: list[int] = []
    answer = threading.Event()

    def ask() -> None:
        looks.append(1)
        if len(looks) > 1:
            wait(answer)

    readiness = Readiness(ask, fresh=0.0)
    until(lambda: readiness.reason() == "")
    until(lambda: "has not answered for" in readiness.reason())
    answer.set()
    until(lambda: readiness.reason() == "")


def test_a_look_at_a_frozen_engine_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_LONG_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        service = RemoteService(f"http://127.0.0.1:{frozen.getsockname()[1]}")
        monkeypatch.setattr(resources, "service", lambda: service)
        with pytest.raises(OutOfTime, match="has not answered for"):
            health._ask_default()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TestClient:
    service = InferenceService(WeightsStore(tmp_path))
    monkeypatch.setattr(resources, "service", lambda: service)
    monkeypatch.setattr(health, "_default", Readiness(health._ask_default, fresh=0.2))
    return TestClient(Starlette(routes=list(health.ROUTES), middleware=list(MIDDLEWARE)))


def test_the_paths_answer_at_once_and_with_every_header(client: TestClient) -> None:
    assert client.get("/live").json() == {"status": "alive"}
    first = client.get("/ready")
    assert (first.status_code, first.json()["status"]) == (503, "not ready")
    until(lambda: client.get("/ready").status_code == 200)
    for name, value in HEADERS.items():
        assert first.headers[name] == value


def test_a_damaged_model_is_the_reason(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> bytes:
        raise CheckpointError("lite0 has changed since it was packaged.")

    monkeypatch.setattr(module.PackagedWeights, "read", damaged)
    until(lambda: "lite0 has changed" in client.get("/ready").json().get("reason", ""))
    assert client.get("/live").status_code == 200
