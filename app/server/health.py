"""Whether this server lives, and whether it can answer: `/live` and `/ready`, for who watches it.

`/ready` asks the default model about a picture of noise: once before it first says yes, and again
when somebody looks and the last answer is older than `_FRESH_S`; where there was none, it asks
again after `_SOON_S`, since what is missing may be an engine that starts as well. The asking goes
on beside, so both paths answer at once, and a server that nobody watches loads no model for it. An
answer that has not come after `_LONG_S` is none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from effnet_core.errors import Busy, EffnetError, OutOfTime, Unreachable

_FRESH_S, _SOON_S, _LONG_S = 60.0, 2.0, 20.0
_log = logging.getLogger(__name__)
_STARTING = "The default model has not answered yet; ask again in a moment."
_SILENT = f"The default model has not answered for {_LONG_S:.0f} seconds; see the server's log."


class Readiness:
    """What the last look at the default model has shown; safe to ask from any thread."""

    def __init__(self, ask: Callable[[], None], fresh: float = _FRESH_S) -> None:
        self._ask, self._fresh = ask, fresh
        self._lock = threading.Lock()
        self._asking = False
        self._asked_at = self._looked_at = -float("inf")
        self._reason = _STARTING

    def reason(self) -> str:
        """Why it cannot answer, in a sentence; "" where it can. Begins another look where due."""
        with self._lock:
            fresh = min(self._fresh, _SOON_S) if self._reason else self._fresh
            now = time.monotonic()
            if now - self._looked_at > fresh and not self._asking:
                self._asking, self._asked_at = True, now
                threading.Thread(target=self._look, name="readiness", daemon=True).start()
            if self._asking and now - self._asked_at > _LONG_S:
                return self._reason or _SILENT
            return self._reason

    def _look(self) -> None:
        try:
            self._ask()
            reason = ""
        except Unreachable as error:
            reason = str(error)
        except Busy:
            reason = self._reason  # others are answered: nothing new is known
        except EffnetError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - whatever fails, the server is not ready
            _log.exception("The default model failed")
            reason = f"The default model failed ({type(error).__name__}); see the server's log."
        with self._lock:
            self._reason, self._looked_at, self._asking = reason, time.monotonic(), False


def _ask_default() -> None:
    """Let the default model classify a picture that it has not seen; raises what is in the way."""
    from app import resources
    from effnet_core.service.requests import default_question
    from effnet_core.service.visitors import Visitor

    end = time.monotonic() + _LONG_S

    def check() -> None:
        if time.monotonic() > end:
            raise OutOfTime(_SILENT)

    resources.service().asked_by(Visitor(check=check)).classify(default_question())


_default = Readiness(_ask_default)


async def live(_: Request) -> JSONResponse:
    """200 as long as the process answers."""
    return JSONResponse({"status": "alive"})


async def ready(_: Request) -> JSONResponse:
    """200 once the default model has answered, else 503 with the reason."""
    reason = _default.reason()
    if reason:
        return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)
    return JSONResponse({"status": "ready"})


ROUTES = (Route("/live", live), Route("/ready", ready))
