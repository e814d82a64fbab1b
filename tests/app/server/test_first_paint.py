"""The style sheet in the first page, and nothing else changed on the way."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.server.first_paint import STYLE_ELEMENT, Styled


def passed(
    kind: str, *bodies: bytes, status: int = 200, accept: str = "text/html,*/*", **headers: str
) -> tuple[Any, bytes]:
    """The start and the body that come through."""
    sent: list[Any] = []
    asked = [(b"accept", accept.encode()), (b"accept-encoding", b"gzip"), (b"if-none-match", b"x")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        gzip = b"accept-encoding" in dict(scope["headers"])
        assert gzip == (accept == "*/*")  # a page comes plain, all else as small as it can
        assert gzip == (b"if-none-match" in dict(scope["headers"]))  # and anew
        every = {"content-type": kind, "content-length": "9", "etag": "x", **headers}
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in every.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        for place, body in enumerate(bodies):
            more = place + 1 < len(bodies)
            await send({"type": "http.response.body", "body": body, "more_body": more})

    async def receive() -> Any:
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/compare", "headers": asked}
    with ThreadPoolExecutor(1) as aside:  # a browser's loop may be running in this thread
        aside.submit(asyncio.run, Styled(app)(scope, receive, send)).result()
    return sent[0], b"".join(message["body"] for message in sent[1:])


def test_a_page_carries_the_sheet_at_its_end() -> None:
    start, body = passed("text/html; charset=utf-8", b"<body><p>one</p>", b"</body></html>")
    sheet = STYLE_ELEMENT.encode()
    assert body == b'<body data-page="compare"><p>one</p>' + sheet + b"</body></html>"
    headers = dict(start["headers"])
    assert headers[b"content-length"] == str(len(body)).encode() and b"etag" not in headers


@pytest.mark.parametrize(
    ("kind", "status", "headers"),
    [
        ("text/javascript", 200, {}),
        ("text/html", 200, {"accept": "*/*"}),
        ("text/html", 404, {}),
        ("text/html", 200, {"content_encoding": "gzip"}),
    ],
)
def test_all_else_comes_as_it_is(kind: str, status: int, headers: dict[str, str]) -> None:
    start, body = passed(kind, b"<body>", b"</body>", status=status, **headers)
    assert body == b"<body></body>"
    assert dict(start["headers"])[b"content-length"] == b"9"
