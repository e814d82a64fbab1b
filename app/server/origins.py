"""Only the pages that this server serves may talk to it: other origins are refused.

Streamlit alone lets in every page of localhost, whatever its port.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.web.server.server_util import allow_all_cross_origin_requests, is_allowed_origin

_READS = ("GET", "HEAD", "OPTIONS")
_VIOLATION = 1008
_REFUSED = (
    "This page comes from another address than the server's own. Origins that may use it besides "
    "are listed in server.corsAllowedOrigins."
)


class Origins:
    """ASGI middleware that refuses websockets and changes of other origins, with 403.

    Browsers say of such requests which page they are for; who says nothing is no browser. The
    server's own origin is the request's Host; others stand in Streamlit's settings.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or refuse it."""
        kind = scope["type"]
        guarded = kind == "websocket" or (kind == "http" and scope["method"] not in _READS)
        if not guarded or _is_own(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": _VIOLATION, "reason": "foreign origin"})
        else:
            await PlainTextResponse(_REFUSED, 403)(scope, receive, send)


def _is_own(headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is None or allow_all_cross_origin_requests() or is_allowed_origin(origin):
        return True
    return origin.partition("://")[2].lower() == headers.get("host", "").lower() != ""
