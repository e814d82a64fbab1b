"""Style sheets in the page itself: HTML gets them, all else passes as it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.styled import SHEETS, Styled


def answered(path: str, content_type: str, *chunks: bytes) -> tuple[dict[bytes, bytes], bytes]:
    """The headers and the body that a browser gets of an app which answers with `chunks`."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        size = str(sum(map(len, chunks))).encode()
        headers = [(b"content-type", content_type.encode()), (b"content-length", size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for place, chunk in enumerate(chunks, start=1):
            more = place < len(chunks)
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path}
    asyncio.run(Styled(app)(scope, None, send))  # type: ignore[arg-type]
    return dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize("chunks", [(b"<body><p>",), (b"<bo", b"dy><p>")])
def test_a_page_has_every_sheet_before_its_first_word(chunks: tuple[bytes, ...]) -> None:
    headers, body = answered("/compare", "text/html; charset=utf-8", *chunks)
    assert body.startswith(b"<body><style>") and body.endswith(b"</style><p>")
    for sheet in SHEETS:
        assert sheet.read_bytes() in body
    assert headers[b"content-length"] == str(len(body)).encode()


@pytest.mark.parametrize(
    ("path", "kind"), [("/_stcore/health", "text/plain"), ("/static/x.html", "text/html")]
)
def test_all_else_passes_as_it_is(path: str, kind: str) -> None:
    assert answered(path, kind, b"<body>", b"rest")[1] == b"<body>rest"
