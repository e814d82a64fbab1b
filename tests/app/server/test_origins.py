"""Which pages may talk to the server: those that it serves itself, on its own port."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit import config
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from app.server.origins import Origins

FOREIGN = ("http://127.0.0.1:9", "http://localhost:9", "https://elsewhere.example", "null", "")


def put(url: str, origin: str | None) -> int:
    line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    headers = {} if origin is None else {"Origin": origin}
    line.request("PUT", "/_stcore/upload_file/session/file", b"x", headers)
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer.status


@pytest.mark.parametrize("origin", FOREIGN)
def test_other_origins_get_no_connection(server: str, origin: str) -> None:
    address = server.replace("http://", "ws://") + "/_stcore/stream"
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin=Origin(origin), subprotocols=[Subprotocol("streamlit")])
    assert refused.value.response.status_code == 403


def test_the_servers_own_pages_and_programs_get_one(server: str) -> None:
    address = server.replace("http://", "ws://") + "/_stcore/stream"
    for origin in (Origin(server), None):
        with connect(address, origin=origin, subprotocols=[Subprotocol("streamlit")]) as line:
            assert line.subprotocol == "streamlit"


@pytest.mark.parametrize("origin", FOREIGN)
def test_other_origins_change_nothing(server: str, origin: str) -> None:
    line = http.client.HTTPConnection(urlsplit(server).netloc, timeout=20)
    for method in ("PUT", "DELETE", "POST"):
        line.request(method, "/_stcore/upload_file/session/file", b"x", {"Origin": origin})
        answer = line.getresponse()
        assert answer.status == 403 and b"corsAllowedOrigins" in answer.read()
    line.request("GET", "/live", headers={"Origin": origin})
    assert line.getresponse().status == 200
    line.close()


def test_an_upload_of_ones_own_fails_for_its_token_alone(server: str) -> None:
    assert put(server, server) == put(server, None) == 403
    assert put(server, server.replace("127.0.0.1", "localhost")) == 403


@pytest.fixture
def client() -> TestClient:
    async def done(_: object) -> PlainTextResponse:
        return PlainTextResponse("done")

    routes = [Route("/", done, methods=["PUT"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Origins)]))


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("pictures.example", "https://pictures.example", 200),
        ("pictures.example:8443", "https://PICTURES.example:8443", 200),
        ("pictures.example", "https://pictures.example.evil.example", 403),
        ("pictures.example", "https://pictures.example:8443", 403),
        ("pictures.example", "pictures.example", 403),
        ("pictures.example", "https://listed.example", 200),
        ("", "https://", 403),
    ],
)
def test_the_host_that_was_asked_and_those_in_the_settings_are_own(
    client: TestClient, host: str, origin: str, status: int
) -> None:
    before = config.get_option("server.corsAllowedOrigins")
    config.set_option("server.corsAllowedOrigins", ["https://listed.example"])
    try:
        assert client.put("/", headers={"host": host, "origin": origin}).status_code == status
    finally:
        config.set_option("server.corsAllowedOrigins", before)
