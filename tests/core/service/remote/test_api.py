"""The JSON API in front of a worker that answers as told: bounds, names, and HTTP's numbers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from effnet_core.errors import Busy, DoesNotFit, EffnetError, OutOfTime
from effnet_core.service.remote import wire
from effnet_core.service.remote.api import api_router

PICTURE = base64.b64encode(b"a picture").decode()


class Asked:
    """What stands for the door: it notes who asks, and refuses."""

    def __init__(self, refusal: EffnetError) -> None:
        self.refusal = refusal
        self.visitors: list[str] = []

    async def ask(self, method: str, data: bytes, request: Request) -> tuple[int, bytes]:
        return wire.status(self.refusal), wire.refusal(self.refusal)


def client(asked: Asked, **options: Any) -> TestClient:
    app = FastAPI()
    app.include_router(api_router(asked.ask))
    return TestClient(app, **options)


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
