"""The engine's HTTP: the wire, whether it lives and is ready, its metrics, and the JSON API."""

from __future__ import annotations

import time

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.service.remote import wire
from effnet_core.service.remote.api import api_router
from effnet_core.service.remote.bodies import TooMuch, TooSlow, body
from effnet_core.service.remote.door import Door, NoWorker
from effnet_core.service.remote.metrics import CONTENT_TYPE, Metrics
from effnet_core.service.remote.ready import Looks

NO_WORKER = "This engine is ending; please try again."
_METHODS = {
    *wire.methods(),
    *(wire.REFERENCE, wire.DOWNLOAD, wire.DOWNLOADED),
    *("device_name", "waiting"),
}


class Counted:
    """The door, with each question counted."""

    def __init__(self, door: Door, metrics: Metrics) -> None:
        self._door, self._metrics = door, metrics

    async def ask(
        self, method: str, data: bytes, request: Request, visitor: str
    ) -> tuple[int, bytes]:
        """As `Door.ask`."""
        begun, status = time.perf_counter(), 503
        try:
            with self._metrics.asked.track_inprogress():
                found = await self._door.ask(method, data, visitor=visitor, request=request)
            status = found[0]
            return found
        finally:
            self._metrics.answered(method, status, time.perf_counter() - begun)


def install(app: FastAPI, door: Door) -> None:
    """Add the engine's routes to LitServe's app."""
    metrics = Metrics()
    counted = Counted(door, metrics)
    for route in app.routes:  # LitServe's own are not what people ask for
        if isinstance(route, APIRoute):
            route.include_in_schema = False
    app.include_router(_own_routes(door, counted, metrics))
    app.include_router(api_router(counted.ask))
    app.title, app.version = "EfficientNet explorer", "1"

    @app.exception_handler(NoWorker)
    async def no_worker(_: Request, __: NoWorker) -> JSONResponse:
        return JSONResponse({"error": NO_WORKER}, status_code=503, headers={"Retry-After": "1"})

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, error: Exception) -> JSONResponse:
        sentence = f"The engine failed on this ({type(error).__name__}); see its log."
        return JSONResponse({"error": sentence}, status_code=500)


def _own_routes(door: Door, counted: Counted, metrics: Metrics) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    looks = Looks(door.ask)

    @router.post("/call/{method}")
    async def call(method: str, request: Request) -> Response:
        if method not in _METHODS:
            return _refused(InvalidInput(f"The engine has no method {method!r:.60}."), 404)
        try:
            data = await body(request, wire.most_bytes(method))
        except TooMuch:
            most = wire.most_bytes(method) / 1e6
            error = InvalidInput(f"This is too much for one question; {most:,.0f} MB is the most.")
            return _refused(error, 413)
        except TooSlow as slow:
            return _refused(slow, 408)
        if request.headers.get(wire.LENGTH, str(len(data))) != str(len(data)):
            return Response(status_code=503)  # it is asked again
        visitor = request.headers.get(wire.VISITOR, "")
        status, answer = await counted.ask(method, data, request, visitor)
        return Response(answer, status, media_type=wire.TYPE)

    @router.get("/live")
    async def live() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    @router.get("/ready")
    async def ready() -> JSONResponse:
        reason = NO_WORKER if door.ends.is_set() else await looks.reason()
        if reason:
            return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)
        return JSONResponse({"status": "ready"})

    @router.get("/metrics")
    def counted_so_far() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return router


def _refused(error: EffnetError, status: int) -> Response:
    return Response(wire.refusal(error), status, media_type=wire.TYPE)
