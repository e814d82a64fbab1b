"""Uploads keep within bounds while they stream, and large pictures are small once they are in."""

from __future__ import annotations

import asyncio
import io
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.server import uploads
from app.server.room import Room
from app.server.uploads import Uploads, limit_of
from benchmarks.soak.session import Session, visiting
from effnet_core.images import decode
from effnet_core.limits import MAX_FILE_KEPT_BYTES
from tests.aside import run

PATH = "/_stcore/upload_file/session/file"
FIELD = "Your pictures"


@pytest.fixture(scope="module")
def large() -> bytes:
    """A JPEG of 6 million pixels and some 6 MB."""
    chance = np.random.default_rng(0)
    file = io.BytesIO()
    noise = Image.fromarray(chance.integers(0, 200, (2000, 3000, 3), np.uint8))
    noise.save(file, "JPEG", quality=80)
    return file.getvalue()


def client(room: Room | None = None) -> TestClient:
    """A server that says what file came."""

    async def put(request: Request) -> JSONResponse:
        form = await request.form()
        (file,) = (value for value in form.values() if isinstance(value, UploadFile))
        data = await file.read()
        size = decode(data).size if len(data) < 3e6 and data[:2] == b"\xff\xd8" else None
        return JSONResponse({"name": file.filename, "bytes": len(data), "size": size})

    room = room or Room(lambda: 0)
    routes = [Route(PATH, put, methods=["PUT"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Uploads, room=room)]))


def send(name: str, data: bytes, room: Room | None = None) -> Any:
    return client(room).put(PATH, files={name: (name, data)})


@pytest.mark.parametrize(
    ("name", "megabytes"),
    [
        *(("a.jpg", 40), ("A.JPEG", 40), ("a.tiff", 40), ("", 40), ("a.txt", 4), ("a.json", 16)),
        *(("a.zip", 300), ("a.pth.tar", 300), ("a.safetensors", 300), ("a", 300)),
    ],
)
def test_each_kind_has_its_limit(name: str, megabytes: int) -> None:
    assert limit_of(name) == megabytes * 2**20


def test_what_is_small_arrives_as_it_was_sent() -> None:
    for name, data in (("é ;\"'.jpg", b"small"), ("a.zip", bytes(5_000_000)), ("a.txt", b"")):
        answer = send(name, data)
        assert answer.status_code == 200, answer.text
        assert answer.json()["bytes"] == len(data)


def test_a_large_picture_arrives_small_and_one_that_cannot_be_read_as_it_is(large: bytes) -> None:
    assert len(large) > 3e6
    answer = send("large.jpg", large).json()
    assert answer["size"] == [1800, 1200] and answer["bytes"] <= MAX_FILE_KEPT_BYTES
    assert send("large.jpg", large[:-9000]).json()["bytes"] == len(large) - 9000
    assert send("large.zip", large).json()["bytes"] == len(large)
    assert send("large.jpg", bytes(3_000_000)).json()["bytes"] == 3_000_000


def test_too_much_is_refused_by_its_length_or_while_it_streams() -> None:
    refused = send("a.txt", bytes(5 * 2**20))
    assert refused.status_code == 413 and "4 MB" in refused.text
    assert refused.headers["connection"] == "close"
    taken = [0]

    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.txt"\r\n\r\n'
        for _ in range(200):
            taken[0] += 1
            yield bytes(2**16)
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert client().put(PATH, content=body(), headers=headers).status_code == 413


async def passed(messages: list[dict[str, Any]], declared: int | None, room: Room) -> list[Any]:
    """What comes of a body in these pieces, and how many were asked for."""
    asked, got = iter(messages), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request":
            got.append(len(message["body"]))
            if not message["more_body"]:
                return

    async def receive() -> Any:
        return next(asked)

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    if declared is not None:
        headers.append((b"content-length", str(declared).encode()))
    scope = {"type": "http", "method": "PUT", "path": PATH, "headers": headers}
    try:
        await Uploads(app, room)(scope, receive, None)  # type: ignore[arg-type]
    finally:
        got.append(sum(1 for _ in asked))
    return got


def piece(data: bytes) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": True}


HEAD = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.txt"\r\n\r\n'


def test_a_body_longer_than_it_said_is_read_no_further() -> None:
    room = Room(lambda: 0)
    messages = [piece(HEAD), *(piece(bytes(1000)) for _ in range(50))]
    left: list[int] = []

    async def tried() -> None:
        with pytest.raises(Exception, match="413"):
            await passed(messages, len(HEAD) + 3000, room)
        left.append(room.coming)

    run(tried())
    assert left == [0]


def test_a_lost_connection_gives_its_room_back() -> None:
    room = Room(lambda: 0)
    messages = [piece(HEAD), piece(b"x"), {"type": "http.disconnect"}]
    assert run(passed(messages, 1000, room))[:-1] == [len(HEAD), 1]
    assert room.coming == 0


def test_a_head_without_end_is_not_waited_for() -> None:
    messages = [piece(bytes(2**14)) for _ in range(9)]

    async def tried() -> None:
        with pytest.raises(Exception, match="503"):  # of no name: as much room as a picture has
            await passed(messages, None, Room(lambda: 0, 2**20, 0.0))

    run(tried())


def test_what_trickles_in_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "UPLOAD_IDLE_S", 0.5)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass

    async def receive() -> Any:
        await asyncio.sleep(0.1)
        return piece(HEAD)

    async def tried() -> None:
        scope = {"type": "http", "method": "PUT", "path": PATH, "headers": []}
        with pytest.raises(Exception, match="408"):
            await Uploads(app, Room(lambda: 0))(scope, receive, None)  # type: ignore[arg-type]

    run(tried())


def test_no_room_is_told_and_when_to_come_again() -> None:
    refused = send("a.zip", b"x" * 1000, Room(lambda: 100, 1000, wait=0.0))
    assert refused.status_code == 503 and "try again" in refused.text
    assert int(refused.headers["retry-after"]) > 0


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, large: bytes) -> None:
    class Full(io.BytesIO):
        def __init__(self, **_: object) -> None:
            super().__init__()

        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads, "SpooledTemporaryFile", Full)
    refused = send("large.jpg", large)
    assert refused.status_code == 507 and "No space left on device" in refused.text


def metrics(url: str) -> str:
    with urllib.request.urlopen(f"{url}/_stcore/metrics", timeout=20) as answer:
        return str(answer.read().decode())


def visit(server: str, doing: Callable[[Session], Any]) -> Any:
    async def all_of_it() -> Any:
        async with visiting(server, "classify") as session:
            return await doing(session)

    return run(all_of_it())


def test_a_session_holds_no_file_once_its_pictures_are_in(server: str, large: bytes) -> None:
    async def doing(session: Session) -> tuple[list[str], str]:
        codes = await session.upload(FIELD, {"large.jpg": lambda: large, "bad.jpg": bytes})
        assert codes == (204, 204)
        return list(session.texts), metrics(server)

    texts, told = visit(server, doing)
    assert any("Kept at 1,800 × 1,200 of its 3,000 × 2,000 pixels" in text for text in texts)
    assert any("bad" in text and "empty" in text for text in texts)
    assert "UploadedFileManager" not in told


def test_a_hand_made_request_meets_the_same_limits(server: str) -> None:
    async def doing(session: Session) -> list[int]:
        (place,) = await session._urls(["a.jpg"])
        sizes = (1000, 41 * 2**20)
        return [
            await asyncio.to_thread(session.put, place.upload_url, "a.jpg", bytes(size))
            for size in sizes
        ]

    codes = visit(server, doing)
    assert codes[0] == 204 and codes[1] in (413, 0)  # 0: it was cut off while it was still sending
