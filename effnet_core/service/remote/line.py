"""HTTP to an engine: connections that are kept, looked after while they wait, and tried again."""

from __future__ import annotations

import http.client
import math
import select
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from effnet_core.errors import InvalidInput, Unreachable
from effnet_core.service.remote.wire import MAX_ANSWER_BYTES, TYPE
from effnet_core.service.visitors import Visitor

TRIES_S = 8.0
"""How long an engine that cannot be reached is asked again: a proxy finds another one meanwhile."""
_PAUSE_S = 0.25
_CONNECT_S, _TRANSFER_S = 3.0, 120.0
_KEPT = 8

_GONE = "The engine that answers here cannot be reached at the moment; please try again."


@dataclass(frozen=True)
class Reply:
    """An engine's answer: HTTP's number and the bytes."""

    status: int
    data: bytes = field(repr=False)


class Line:
    """Asks one address (http:// or https://), from any number of threads.

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
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise InvalidInput(
                f"EFFNET_SERVICE is to be an engine's address, such as http://127.0.0.1:8600; got "
                f"{address!r:.120}."
            )
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, port
        self._path = parts.path.rstrip("/")
        self._lock = threading.Lock()
        self._kept: list[http.client.HTTPConnection] = []

    def post(self, path: str, data: bytes, headers: Mapping[str, str], visitor: Visitor) -> Reply:
        """Send a question and wait for its answer.

        Raises Unreachable, InvalidInput, and what the visitor's check does: then the connection is closed, which ends the engine's work on it.
        """
        end = time.monotonic() + TRIES_S
        while True:
            reply = self._once(path, data, headers, visitor)
            if reply is not None:
                return reply
            if time.monotonic() > end:
                raise Unreachable(_GONE)
            visitor.check()
            time.sleep(_PAUSE_S)

    def _once(
        self, path: str, data: bytes, headers: Mapping[str, str], visitor: Visitor
    ) -> Reply | None:
        """The reply, or None where there is none to be had now."""
        connection = self._connection()
        try:
            if connection.sock is None:
                connection.connect()
            if connection.sock is not None:
                connection.sock.settimeout(_TRANSFER_S)
            connection.request("POST", self._path + path, data, {"Content-Type": TYPE, **headers})
            _await(connection, visitor)
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
        return reply if ours else None

    def _connection(self) -> http.client.HTTPConnection:
        with self._lock:
            while self._kept:
                connection = self._kept.pop()
                if not _readable(connection, 0):  # else the other side has closed it
                    return connection
                connection.close()
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=_CONNECT_S)

    def _keep(self, connection: http.client.HTTPConnection, whole: bool) -> None:
        with self._lock:
            if whole and connection.sock is not None and len(self._kept) < _KEPT:
                self._kept.append(connection)
                return
        connection.close()


def _await(connection: http.client.HTTPConnection, visitor: Visitor) -> None:
    """Return once something has arrived, for as long as the visitor wants it."""
    visitor.wait(lambda seconds: _readable(connection, seconds))


def _readable(connection: http.client.HTTPConnection, seconds: float) -> bool:
    if connection.sock is None:
        return True
    poll = select.poll()  # select() itself takes no more than 1,024 open files
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(math.ceil(seconds * 1000)))
