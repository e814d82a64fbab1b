"""The style sheet in Streamlit's own first page, so that nothing moves when a page of ours comes.

Streamlit draws its placeholders before any script has run; without the sheet they, and a page's
heading, stand elsewhere until it arrives. Where no first page carries it, each page brings it along
and looks the same in the end; never both, because a browser would match every rule twice.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[1] / "styles"
_NAMES = ("page", "scale", "compare", "cards", "places")  # in this order: later rules win
_SHEETS = ((_FOLDER / f"{name}.css").read_text(encoding="utf-8") for name in _NAMES)
STYLE_ELEMENT = f"<style>{''.join(_SHEETS)}</style>"

carried = threading.Event()
"""Set where the server writes the sheet into every first page."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_END = b"</body>"
# What the server says of the file as it lies on the disk.
_OF_THE_FILE = (b"content-length", b"etag", b"last-modified")


class Styled:
    """ASGI middleware that puts the sheet at the end of every page that a browser asks for."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._sheet = STYLE_ELEMENT.encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        asked = dict(scope.get("headers", ()))
        if scope["type"] != "http" or b"text/html" not in asked.get(b"accept", b""):
            await self._app(scope, receive, send)
            return
        # A page that came compressed could not be added to; one that the browser has kept may be
        # from a server that adds nothing.
        for name in (b"accept-encoding", b"if-none-match", b"if-modified-since"):
            asked.pop(name, None)
        scope = {**scope, "headers": list(asked.items())}
        start: Message = {}
        body: list[bytes] = []

        async def held(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                start.update(message)
            elif not start:
                await send(message)
            else:
                body.append(message.get("body", b""))
                if not message.get("more_body"):
                    await self._send_page(start, _named(b"".join(body), scope), send)

        await self._app(scope, receive, held)

    async def _send_page(self, start: Message, body: bytes, send: Send) -> None:
        whole = body.replace(_END, self._sheet + _END, 1)
        kept = [pair for pair in start["headers"] if pair[0].lower() not in _OF_THE_FILE]
        length = (b"content-length", str(len(whole)).encode())
        await send({**start, "headers": [*kept, length]})
        await send({"type": "http.response.body", "body": whole})


def _named(body: bytes, scope: Message) -> bytes:
    """The page with the last word of its address in its body, for rules of that page alone.

    Each page keeps it up to date (`app.frame`).
    """
    word = str(scope.get("path", "")).rpartition("/")[2]
    if not (word.isascii() and word.isalpha()):
        return body
    return body.replace(b"<body", f'<body data-page="{word}"'.encode(), 1)


def _is_page(start: Message) -> bool:
    """Whether a whole page of plain HTML follows."""
    headers = {name.lower(): value for name, value in start["headers"]}
    plain = b"content-encoding" not in headers
    html = headers.get(b"content-type", b"").startswith(b"text/html")
    return bool(start["status"] == 200 and html and plain)
