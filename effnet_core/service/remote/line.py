"""HTTP to an engine: connections that are kept, looked after while they wait, and tried again."""

from __future__ import annotations

import http.client
import math
import select
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from effnet_core.errors import InvalidInput, Unreachable
from effnet_core.service.remote.wire import MAX_ANSWER_BYTES, TYPE
from effnet_core.service.visitors import Visitor

TRIES_S = 8.0
"""How long an engine that cannot be reached is asked again: a proxy finds another one meanwhile."""
_BREAKS = 1
"""How often what has broken off after a longer time is asked again: somebody had worked on it."""
_PAUSE_S = 0.25
_CONNECT_S, _TRANSFER_S = 3.0, 120.0
_KEPT = 8
_ALIVE = {"KEEPIDLE": 15, "KEEPINTVL": 5, "KEEPCNT": 3, "USER_TIMEOUT": 30_000}
"""TCP's options, in seconds, times and milliseconds: a machine that has vanished is noticed."""

_GONE = "The engine that answers here cannot be reached at the moment; please try again."
_SILENT = "The engine that was asked does not answer; please try again."


@dataclass(frozen=True)
class Reply:
    """An engine's answer: HTTP's number and the bytes."""

    status: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class _Asked:
    """A question; an answer that has not begun to arrive at `last` is none."""

    path: str
    data: bytes = field(repr=False)
    headers: Mapping[str, str]
    visitor: Visitor
    last: float


class Line:
    """Asks one address, from any number of threads.

    Without TLS, which hides whether an answer has arrived: nobody could leave while it is awaited.

    What cannot be reached, breaks off, or is answered by the proxy with 502 to 504 is asked again
    for some seconds, since no question changes what another one is answered; then Unreachable is
    raised.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme != "http" or not parts.hostname or port == -1:
            raise InvalidInput(
                "EFFNET_SERVICE is to be the address in the private network of an engine or of the "
                f"proxy before engines, such as http://127.0.0.1:8600; got {address!r:.120}."
            )
        self._host, self._port = parts.hostname, port
        self._path = parts.path.rstrip("/")
        self._lock = threading.Lock()
        self._kept: list[http.client.HTTPConnection] = []

    def post(
        self,
        path: str,
        data: bytes,
        headers: Mapping[str, str],
        visitor: Visitor,
        seconds: float = math.inf,
    ) -> Reply:
        """Send a question and wait for its answer, at most so many seconds.

        Raises Unreachable, InvalidInput where what is there takes no such question, and what the
        visitor's check does. Then the connection is closed, which ends the engine's work on it.
        """
        begun = time.monotonic()
        asked = _Asked(path, data, headers, visitor, begun + seconds)
        end, breaks = begun + TRIES_S, 0
        while True:
            reply = self._once(asked)
            if reply is not None:
                return reply
            failed = time.monotonic()
            if failed - begun > TRIES_S:
                breaks, end = breaks + 1, failed + TRIES_S
            if failed > end or breaks > _BREAKS:
                raise Unreachable(_GONE)
            visitor.check()
            time.sleep(_PAUSE_S)
            begun = time.monotonic()

    def _once(self, asked: _Asked) -> Reply | None:
        """The reply, or None where there is none to be had now."""
        connection = self._connection()
        try:
            if connection.sock is None:
                connection.connect()
            _watch(connection.sock)
            headers = {"Content-Type": TYPE, **asked.headers}
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have said why
                connection.request("POST", self._path + asked.path, asked.data, headers)
            _await(connection, asked)
            answer = connection.getresponse()
            length = answer.getheader("Content-Length")
            if length is not None and int(length) > MAX_ANSWER_BYTES:
                return None
            reply = Reply(answer.status, answer.read(MAX_ANSWER_BYTES))
            whole = answer.isclosed()
            ours = answer.getheader("Content-Type", "").startswith(TYPE)
        except (OSError, ValueError, http.client.HTTPException):
            connection.close()
            return None
        except BaseException:
            connection.close()
            raise
        self._keep(connection, whole)
        if not ours and 400 <= reply.status < 500:
            raise InvalidInput(
                f"What answers at EFFNET_SERVICE does not take this (HTTP {reply.status}): it is "
                "too much for the proxy there, or no engine is there."
            )
        return reply if ours else None

    def _connection(self) -> http.client.HTTPConnection:
        with self._lock:
            while self._kept:
                connection = self._kept.pop()
                if not _readable(connection, 0):  # else the other side has closed it
                    return connection
                connection.close()
        return http.client.HTTPConnection(self._host, self._port, timeout=_CONNECT_S)

    def _keep(self, connection: http.client.HTTPConnection, whole: bool) -> None:
        with self._lock:
            if whole and connection.sock is not None and len(self._kept) < _KEPT:
                self._kept.append(connection)
                return
        connection.close()


def _watch(sock: socket.socket) -> None:
    """Let nothing that is sent or received take for ever, and notice a machine that is gone."""
    sock.settimeout(_TRANSFER_S)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _ALIVE.items():
        if (option := getattr(socket, f"TCP_{name}", None)) is not None:  # not every system's
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _await(connection: http.client.HTTPConnection, asked: _Asked) -> None:
    """Return once something has arrived; raises Unreachable, and what the visitor's check does."""

    def arrived(seconds: float) -> bool:
        if time.monotonic() > asked.last:
            raise Unreachable(_SILENT)
        return _readable(connection, seconds)

    asked.visitor.wait(arrived)


def _readable(connection: http.client.HTTPConnection, seconds: float) -> bool:
    if connection.sock is None:
        return True
    poll = select.poll()  # select() itself takes no more than 1,024 open files
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(math.ceil(seconds * 1000)))
