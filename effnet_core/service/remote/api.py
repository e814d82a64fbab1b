"""`POST /v1/classify` and `/v1/explain`: JSON for programs that are not this project's.

A picture comes as a file of a form or in base64. Limits and sentences are those of the app, since
the same service answers. HTTP's numbers: 400 for what cannot be used, 404 for a model that is not
there, 413 for too many bytes, 429 where too many ask, 503 where the engine cannot answer now.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from effnet_core.engines.prediction import ClassProbability, Prediction
from effnet_core.errors import EffnetError, ImageError, InvalidInput
from effnet_core.files import Unfit, conform
from effnet_core.limits import MAX_BLOCKS, MAX_CLASSES, PICTURE_UPLOAD_MEGABYTES
from effnet_core.service.remote import wire
from effnet_core.service.requests import ClassifyRequest, ExplainRequest, Explanation
from effnet_core.weights import DEFAULT

MOST_BYTES = PICTURE_UPLOAD_MEGABYTES * 10**6 * 4 // 3 + 2**16
"""Of a body: base64 takes four bytes for three."""
TOO_MUCH = f"A picture may have {PICTURE_UPLOAD_MEGABYTES} MB at most; make it smaller."

_DIGITS = 18
"""Of a whole number in a form; the bounds of each field are below that."""

Ask = Callable[[str, bytes, Request], Awaitable[tuple[int, bytes]]]
Options = TypeVar("Options")


@dataclass(frozen=True, kw_only=True)
class ClassifyOptions:
    """What is asked of the picture: the model's id and how many classes to answer with."""

    weights: str = DEFAULT
    top_k: Annotated[int, Meta(ge=1, le=MAX_CLASSES, description="a whole number above 0")] = 5


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """As `ExplainRequest`, which says what the fields mean."""

    weights: str = DEFAULT
    class_index: (
        Annotated[int, Meta(ge=0, lt=MAX_CLASSES, description="a class's number")] | None
    ) = None
    method: str = "grad-cam"
    stage: Annotated[int, Meta(ge=0, le=MAX_BLOCKS)] | Literal["last"] = "last"


@dataclass(frozen=True, kw_only=True)
class Classified:
    """What a model says of a picture; see `Prediction`."""

    weights: str
    top: tuple[ClassProbability, ...]
    activation: str
    meaning: str
    milliseconds: float
    engine: str
    device: str
    dtype: str
    crop_box: tuple[float, float, float, float]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, found: Prediction) -> Classified:
        """The part of a prediction that is shown."""
        return cls(**{name: getattr(found, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Where a model looked for a class: `map` is signed, row by row, over `crop_box`."""

    prediction: Classified
    target: ClassProbability
    method: str
    stage: int | None
    map: list[list[float]]
    milliseconds: float

    @classmethod
    def of(cls, found: Explanation) -> Explained:
        """The part of an explanation that is shown."""
        return cls(
            prediction=Classified.of(found.prediction),
            target=found.target,
            method=found.attribution.method,
            stage=found.attribution.stage,
            map=found.attribution.raw.tolist(),
            milliseconds=found.attribution.milliseconds,
        )


@dataclass(frozen=True)
class Refused:
    """A sentence that says what to change."""

    error: str


_REFUSALS: dict[int | str, dict[str, Any]] = {
    number: {"model": Refused} for number in (400, 404, 413, 429, 503)
}


def api_router(ask: Ask) -> APIRouter:
    """The routes; `ask(method, question, request)` gives HTTP's number and an answer's bytes."""
    router = APIRouter(prefix="/v1", responses=_REFUSALS)

    @router.post("/classify", response_model=Classified, openapi_extra=_document(ClassifyOptions))
    async def classify(request: Request) -> JSONResponse:
        """The most probable classes of a picture."""

        def asked(image: bytes, options: ClassifyOptions) -> ClassifyRequest:
            return ClassifyRequest(image, options.weights, options.top_k)

        return await _answered(ask, request, "classify", ClassifyOptions, asked, Classified.of)

    @router.post("/explain", response_model=Explained, openapi_extra=_document(ExplainOptions))
    async def explain(request: Request) -> JSONResponse:
        """Where a model looked for a class of a picture."""

        def asked(image: bytes, options: ExplainOptions) -> ExplainRequest:
            return ExplainRequest(image=image, **asdict(options))

        return await _answered(ask, request, "explain", ExplainOptions, asked, Explained.of)

    return router


async def _answered(
    ask: Ask,
    request: Request,
    method: str,
    kind: type[Options],
    asked: Callable[[bytes, Options], object],
    shown: Callable[[Any], object],
) -> JSONResponse:
    from effnet_core.service.remote.routes import TooMuch

    try:
        image, options = await _read(request, kind)
        question = wire.question(method, {"request": asked(image, options)})
        status, data = await ask(method, question, request)
        if status == 200:
            found = wire.read_answer(method, data, lambda *_: 0.0)
            return JSONResponse(msgspec.to_builtins(shown(found)))
        return _refused(str(wire.read_refusal(data)) if data else "", status)
    except TooMuch:
        return _refused(TOO_MUCH, 413)
    except EffnetError as error:
        return _refused(str(error), wire.status(error))


async def _read(request: Request, kind: type[Options]) -> tuple[bytes, Options]:
    """The picture and the options in a request's body; raises TooMuch, ImageError, InvalidInput."""
    from effnet_core.service.remote.routes import TooMuch, body

    form = request.headers.get("content-type", "").startswith("multipart/form-data")
    data = await body(request, MOST_BYTES)
    if form:
        image, values = await _of_form(request, data)
    else:
        image, values = _of_json(data)
    if len(image) > PICTURE_UPLOAD_MEGABYTES * 10**6:
        raise TooMuch
    try:
        return image, conform(_numbers(values) if form else values, kind)
    except Unfit as error:
        raise InvalidInput(f"The question cannot be used: {error}.") from None


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    """A form's texts, those that are whole numbers as such."""
    return {
        name: int(text) if text.isdecimal() and len(text) <= _DIGITS else text
        for name, text in values.items()
    }


async def _of_form(request: Request, data: bytes) -> tuple[bytes, dict[str, Any]]:
    request._body = data  # what Starlette keeps of a body that was read, and reads forms from
    try:
        form = await request.form(max_files=1, max_fields=8)
    except (HTTPException, MultiPartException, ValueError, KeyError) as error:
        raise InvalidInput("The form cannot be read; send it as multipart/form-data.") from error
    file = form.get("image")
    if file is None or isinstance(file, str):
        raise ImageError('The form has no picture: send it as the file "image".')
    return await file.read(), {name: value for name, value in form.items() if name != "image"}


def _of_json(data: bytes) -> tuple[bytes, dict[str, Any]]:
    try:
        values = msgspec.json.decode(data, type=dict[str, Any])
    except (ValueError, RecursionError):
        raise InvalidInput(
            'The body is not a JSON object: send {"image": "<base64>"}, or a form.'
        ) from None
    image = values.pop("image", None)
    try:
        return base64.b64decode(image, validate=True), values
    except (binascii.Error, TypeError, ValueError):
        raise ImageError('There is no picture: "image" is to be its file in base64.') from None


def _refused(sentence: str, status: int) -> JSONResponse:
    retry = {"Retry-After": "1"} if status == 429 else None
    return JSONResponse({"error": sentence}, status_code=status, headers=retry)


def _document(kind: type[Any]) -> dict[str, Any]:
    """What OpenAPI says of a body that is a form or JSON."""
    (_, parts) = msgspec.json.schema_components([kind], ref_template="#/{name}")
    options = next(iter(parts.values()))["properties"]
    image = {"type": "string", "contentMediaType": "image/*"}
    form = {"image": image | {"format": "binary"}, **options}
    coded = {"image": image | {"contentEncoding": "base64"}, **options}
    content = {
        name: {"schema": {"type": "object", "required": ["image"], "properties": properties}}
        for name, properties in (("multipart/form-data", form), ("application/json", coded))
    }
    return {"requestBody": {"required": True, "content": content}}
