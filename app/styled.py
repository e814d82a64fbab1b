"""The style sheets in the page itself, so that they hold before its first word is drawn.

Streamlit would bring them as elements of the page, once the script for such elements is there:
what stands by then would jump.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FOLDER = Path(__file__).parent
SHEETS = tuple(_FOLDER / name for name in ("style.css", "live/live.css", "reserved.css"))
_BEGIN = b"<body>"
"""Streamlit's own sheets are written into the head: what stands below it overrules them."""


class Styled:
    """ASGI middleware that writes SHEETS into every HTML page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as the app does, HTML pages with the sheets."""
        if scope["type"] != "http" or scope["method"] != "GET" or "." in scope["path"]:
            await self.app(scope, receive, send)
            return
        held: list[Message] = []

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                if not _is_page(message):
                    await send(message)
                else:
                    held.append(message)
            elif held and message["type"] == "http.response.body":
                held.append(message)
                if not message.get("more_body"):
                    await _send_styled(held, send)
            else:
                await send(message)

        await self.app(scope, receive, changed)


def _is_page(start: Message) -> bool:
    headers = dict(start["headers"])
    html = headers.get(b"content-type", b"").startswith(b"text/html")
    return html and b"content-encoding" not in headers and start["status"] == 200


async def _send_styled(held: list[Message], send: Send) -> None:
    """Send what was held back, with the sheets."""
    start, *parts = held
    body = b"".join(part.get("body", b"") for part in parts).replace(_BEGIN, _BEGIN + _style(), 1)
    kept = [pair for pair in start["headers"] if pair[0] not in (b"content-length", b"etag")]
    length = (b"content-length", str(len(body)).encode())
    await send({**start, "headers": [*kept, length]})
    await send({"type": "http.response.body", "body": body})


@cache
def _style() -> bytes:
    sheets = "\n".join(sheet.read_text(encoding="utf-8") for sheet in SHEETS)
    return f"<style>{sheets}</style>".encode()
