"""The line to an engine: asked again where it breaks, closed where nobody waits."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from effnet_core.errors import InvalidInput, Unreachable
from effnet_core.service.remote import line, wire
from effnet_core.service.remote.line import Line, Reply
from effnet_core.service.visitors import NOBODY, Visitor
from tests.core.service.remote.engines import free_port

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


class Stub(http.server.ThreadingHTTPServer):
    """Answers each request by the next of `answers`, and the last one for all others."""

    daemon_threads = True

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, *_: Any) -> None:
        pass


def say(status: int, kind: str = wire.TYPE, body: bytes = b"said") -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.connection.close()
    handler.close_connection = True


@pytest.fixture
def stub() -> Iterator[Callable[..., Stub]]:
    """Return a function that starts a server of the answers given."""
    started: list[Stub] = []

    def start(*answers: Answer) -> Stub:
        server = Stub(list(answers))
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("first", [hang_up, say(502, "text/html"), say(503, "application/json")])
def test_what_breaks_off_is_asked_again(first: Answer, stub: Callable[..., Stub]) -> None:
    server = stub(first, say(200))
    assert Line(server.address).post("/call/a", b"asked", {}, NOBODY) == Reply(200, b"said")
    assert server.bodies == [b"asked", b"asked"]


def later(seconds: float, answer: Answer) -> Answer:
    def wait(handler: http.server.BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        answer(handler)

    return wait


def test_work_that_breaks_off_is_asked_once_more(
    stub: Callable[..., Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "TRIES_S", 0.5)
    server = stub(later(0.8, hang_up), hang_up, say(200))
    assert Line(server.address).post("/call/a", b"", {}, NOBODY) == Reply(200, b"said")
    broken = stub(later(0.8, hang_up))
    with pytest.raises(Unreachable, match="please try again"):
        Line(broken.address).post("/call/a", b"", {}, NOBODY)
    assert len(broken.bodies) == 2


def test_an_engine_that_does_not_answer_is_not_waited_for(stub: Callable[..., Stub]) -> None:
    for silent in (stub(later(60, hang_up)).address, None):
        with socket.create_server(("127.0.0.1", 0)) as frozen:  # it connects, and reads nothing
            address = silent or f"http://127.0.0.1:{frozen.getsockname()[1]}"
            with pytest.raises(Unreachable, match="does not answer"):
                Line(address).post("/call/a", b"", {}, NOBODY, 0.3)


@pytest.mark.parametrize("status", [400, 404, 413])
def test_what_no_engine_said_is_told_at_once(status: int, stub: Callable[..., Stub]) -> None:
    server = stub(say(status, "text/html"))
    with pytest.raises(InvalidInput, match=f"HTTP {status}"):
        Line(server.address).post("/call/a", b"", {}, NOBODY)
    assert len(server.bodies) == 1


def test_a_refusal_is_read_by_who_still_sends() -> None:
    def refuse(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=refuse, args=(server,), daemon=True).start()
        asked = Line(f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(InvalidInput, match="HTTP 413"):
            asked.post("/call/a", bytes(50_000_000), {}, NOBODY)


def test_a_machine_that_vanishes_is_noticed(stub: Callable[..., Stub]) -> None:
    asked = Line(stub(say(200)).address)
    asked.post("/call/a", b"", {}, NOBODY)
    sock = asked._kept[0].sock
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert 0 < sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60


def test_a_refusal_is_an_answer(stub: Callable[..., Stub]) -> None:
    server = stub(say(503), say(200))
    assert Line(server.address).post("/call/a", b"", {}, NOBODY).status == 503


def test_a_connection_is_kept(stub: Callable[..., Stub]) -> None:
    ports: list[int] = []

    def note(handler: http.server.BaseHTTPRequestHandler) -> None:
        ports.append(handler.client_address[1])
        say(200)(handler)

    asked = Line(stub(note).address)
    for _ in range(3):
        asked.post("/call/a", b"", {}, NOBODY)
    assert len(set(ports)) == 1


def test_one_that_is_not_there_gets_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "TRIES_S", 0.3)
    with pytest.raises(Unreachable, match="please try again"):
        Line(f"http://127.0.0.1:{free_port()}").post("/call/a", b"", {}, NOBODY)


class Left(Exception):
    """The visitor is gone."""


def test_the_line_is_closed_when_the_visitor_leaves(stub: Callable[..., Stub]) -> None:
    closed = threading.Event()

    def wait(handler: http.server.BaseHTTPRequestHandler) -> None:
        if handler.connection.recv(1) == b"":  # the other side has closed it
            closed.set()
        handler.close_connection = True

    end = time.monotonic() + 0.3

    def check() -> None:
        if time.monotonic() > end:
            raise Left

    with pytest.raises(Left):
        Line(stub(wait).address).post("/call/a", b"", {}, Visitor("v", check))
    assert closed.wait(10)
