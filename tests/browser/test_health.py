"""What watches the server, over the wire: alive, ready once a model has answered, well-behaved."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

from app.server.headers import HEADERS


def asked(url: str) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers)


def test_the_server_is_alive_and_becomes_ready(server: str) -> None:
    assert asked(f"{server}/live")[0] == 200
    end = time.monotonic() + 120
    while asked(f"{server}/ready")[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.2)


def test_every_answer_has_the_headers(server: str) -> None:
    for path in ("/", "/classify", "/live", "/_stcore/health"):
        found = {name.lower(): value for name, value in asked(f"{server}{path}")[1].items()}
        for name, value in HEADERS.items():
            assert found[name.lower()] == value, (path, name)
