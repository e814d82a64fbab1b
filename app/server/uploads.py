"""Uploads within bounds: of each file by its kind, and of all that lie in the server at once.

Both are kept while a file streams in. A large picture goes on to Streamlit smaller than it came, so
that no session holds the file of a camera.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from pathlib import PurePath
from tempfile import SpooledTemporaryFile
from typing import IO

from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.stats import CACHE_MEMORY_FAMILY

from app.server.room import Room, Sender, refusal
from effnet_core.errors import ImageError
from effnet_core.images.kinds import is_picture
from effnet_core.limits import (
    CHECKPOINT_UPLOAD_MEGABYTES,
    MAX_CLASS_NAMES_BYTES,
    MAX_COMPANION_BYTES,
    PICTURE_UPLOAD_MEGABYTES,
    UPLOAD_IDLE_S,
)

_PATH = "/_stcore/upload_file/"
_HEAD_END, _HEAD_BYTES = b"\r\n\r\n", 2**14
_FRAME_BYTES = 2**16
"""What a body has around its file, at most."""
_LEAST_BYTES_S = 2**14
"""What an upload brings a second, all in all, once a minute has passed; a phone's network does."""
_one_at_a_time = threading.Lock()
"""Of large pictures: each stands twice in memory, decoded, while it is made smaller."""
_BY_ENDING: Mapping[str, int] = {
    ".txt": MAX_CLASS_NAMES_BYTES,
    ".csv": MAX_CLASS_NAMES_BYTES,
    ".json": MAX_COMPANION_BYTES,
}


def limit_of(name: str) -> int:
    """The most bytes that a file of this name may have, by its ending; of no name, a picture's."""
    if not name or is_picture(name):
        return PICTURE_UPLOAD_MEGABYTES * 2**20
    return _BY_ENDING.get(PurePath(name).suffix.lower(), CHECKPOINT_UPLOAD_MEGABYTES * 2**20)


def held_by_sessions() -> int:
    """Bytes of the files that Streamlit holds for its sessions."""
    if not runtime.exists():
        return 0
    stats = runtime.get_instance().uploaded_file_mgr.get_stats()
    return sum(getattr(stat, "byte_length", 0) for stat in stats.get(CACHE_MEMORY_FAMILY, ()))


def holding_sessions() -> Collection[str]:
    """The sessions whose files Streamlit holds."""
    if not runtime.exists():
        return ()
    stored = getattr(runtime.get_instance().uploaded_file_mgr, "file_storage", {})
    return {session for session, files in tuple(stored.items()) if files}


ROOM = Room(held_by_sessions, holding=holding_sessions)
"""Of this server."""


class Uploads:
    """ASGI middleware that bounds what is uploaded.

    Streamlit asks for a body only once it knows that the session lives and the token is right.
    """

    def __init__(self, app: ASGIApp, room: Room = ROOM) -> None:
        self._app, self._room = app, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, with a body that keeps within the bounds."""
        if scope["type"] != "http" or scope["method"] != "PUT" or _PATH not in scope["path"]:
            await self._app(scope, receive, send)
            return
        session = scope["path"].partition(_PATH)[2].partition("/")[0]
        address, _ = scope.get("client") or ("", 0)
        body = _Body(Headers(scope=scope), receive, self._room, Sender(session, address))
        try:
            await self._app(scope, body.receive, send)
        finally:
            body.close()


class _Body:
    """The body of one upload as Streamlit gets it; raises HTTPException where it is too much."""

    def __init__(self, headers: Headers, receive: Receive, room: Room, sender: Sender) -> None:
        self._headers, self._receive = headers, receive
        self._room, self._sender = room, sender
        self._taken = 0
        self._messages = self._checked()

    async def receive(self) -> Message:
        """The next part."""
        try:
            return await anext(self._messages)
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}
        except ClientDisconnect:
            return {"type": "http.disconnect"}
        except OSError as error:
            raise refusal(507, f"The server cannot store the file: {error.strerror}.") from error

    def close(self) -> None:
        """Give back the room that it took."""
        self._room.give_back(self._taken, self._sender)
        self._taken = 0

    async def _checked(self) -> AsyncIterator[Message]:
        chunks = self._chunks()
        head = b""
        async for chunk in chunks:
            head += chunk
            if _HEAD_END in head or len(head) > _HEAD_BYTES:
                break
        name = _file_name(head)
        most = limit_of(name) + _FRAME_BYTES
        declared = self._headers.get("content-length", "")
        expected = int(declared) if declared.isdecimal() else most
        if expected > most:
            raise _too_large(name)
        await self._room.take(expected, self._sender)
        self._taken = expected
        whole = _within(head, chunks, min(expected, most), name)
        if is_picture(name):
            yield {"type": "http.request", "body": await self._picture(whole), "more_body": False}
            return
        async for chunk in whole:
            yield {"type": "http.request", "body": chunk, "more_body": True}

    async def _picture(self, chunks: AsyncIterator[bytes]) -> bytes:
        """The body with its picture as small as it is kept."""
        with SpooledTemporaryFile(max_size=2**20) as file:
            async for chunk in chunks:
                file.write(chunk)
            boundary = _options(self._headers.get("content-type", "")).get(b"boundary", b"")
            return await run_in_threadpool(_with_smaller, file, boundary)

    async def _chunks(self) -> AsyncIterator[bytes]:
        clock, spent, count = asyncio.get_running_loop().time, 0.0, 0
        more = True
        while more:
            begun = clock()
            try:
                message = await asyncio.wait_for(self._receive(), UPLOAD_IDLE_S)
            except TimeoutError:
                raise refusal(408, "Nothing came for a minute; upload the file again.") from None
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            spent += clock() - begun
            body = message.get("body", b"")
            count += len(body)
            if spent > UPLOAD_IDLE_S + count / _LEAST_BYTES_S:
                raise refusal(408, "It came too slowly; upload the file by a faster network.")
            more = message.get("more_body", False)
            yield body


async def _within(
    head: bytes, chunks: AsyncIterator[bytes], most: int, name: str
) -> AsyncIterator[bytes]:
    """What has come and what comes; raises HTTPException (413) once it is more than `most`."""
    count = len(head)
    if count > most:
        raise _too_large(name)
    yield head
    async for chunk in chunks:
        count += len(chunk)
        if count > most:
            raise _too_large(name)
        yield chunk


def _with_smaller(file: IO[bytes], boundary: bytes) -> bytes:
    """A multipart body of one picture, which is replaced where it is large and can be read."""
    from app.arrivals import smaller  # Pillow and NumPy would hold up the start

    with _one_at_a_time:
        length = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(_HEAD_BYTES).partition(_HEAD_END)[0] + _HEAD_END
        file.seek(max(len(head), length - _FRAME_BYTES))
        tail = file.read()
        tail = tail[tail.rfind(b"\r\n--" + boundary) :]
        file.seek(len(head))
        data = file.read(length - len(head) - len(tail))
        with suppress(ImageError):  # the page says why
            data = smaller(data)
        return head + data + tail


def _file_name(head: bytes) -> str:
    """What the first part of a multipart body calls its file; "" for none."""
    found = re.search(rb"(?i)^content-disposition:([^\r\n]*)", head, re.MULTILINE)
    name = _options(found[1].decode("latin-1")).get(b"filename", b"") if found else b""
    return name.decode("utf-8", "replace")


def _options(header: str) -> dict[bytes, bytes]:
    return parse_options_header(header.strip())[1]


def _too_large(name: str) -> HTTPException:
    return refusal(413, f"Such a file may have {limit_of(name) / 2**20:.0f} MB.")
