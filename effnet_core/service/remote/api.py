"""`POST /v1/classify` and `/v1/explain`: JSON for programs that are not this project's.

A picture comes as a file of a form or in base64. Limits and sentences are those of the app, since
the same service answers. HTTP's numbers: 400 for what cannot be used, 404 for a model that is not
there, 408 for a body that takes too long and 413 for one of too many bytes, 429 where too much is
asked or sent, 503 where the engine cannot answer now.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from msgspec import Meta
from starlette.formparsers import MultiPartException, MultiPartParser

from effnet_core.engines.prediction import ClassProbability, Prediction
from effnet_core.errors import EffnetError, ImageError, InvalidInput
from effnet_core.files import Unfit, conform
from effnet_core.limits import MAX_BLOCKS, MAX_CLASSES, PICTURE_UPLOAD_MEGABYTES
from effnet_core.service.remote import wire
from effnet_core.service.remote.bodies import Room, Take, TooMuch, TooSlow, body, parts
from effnet_core.service.remote.client import patience
from effnet_core.service.remote.ready import SILENT
from effnet_core.service.requests import ClassifyRequest, ExplainRequest, Explanation
from effnet_core.weights import DEFAULT

MOST_BYTES = PICTURE_UPLOAD_MEGABYTES * 10**6 * 4 // 3 + 2**16
"""Of a body: base64 takes four bytes for three."""
TOO_MUCH = f"A picture may have {PICTURE_UPLOAD_MEGABYTES} MB at most; make it smaller."

_DIGITS = 18
"""Of a whole number in a form; the bounds of each field are below that."""

Ask = Callable[[str, bytes, Request, str], Awaitable[tuple[int, bytes]]]
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
    number: {"model": Refused} for number in (400, 404, 408, 413, 429, 503)
}


def api_router(ask: Ask) -> APIRouter:
    """The routes; `ask(method, question, request, visitor)` gives HTTP's number and bytes."""
    router = APIRouter(prefix="/v1", responses=_REFUSALS)
    api = _Api(ask)

    @router.post("/classify", response_model=Classified, openapi_extra=_document(ClassifyOptions))
    async def classify(request: Request) -> JSONResponse:
        """The most probable classes of a picture."""

        def asked(image: bytes, options: ClassifyOptions) -> ClassifyRequest:
            return ClassifyRequest(image, options.weights, options.top_k)

        return await api.answer(request, "classify", ClassifyOptions, asked, Classified.of)

    @router.post("/explain", response_model=Explained, openapi_extra=_document(ExplainOptions))
    async def explain(request: Request) -> JSONResponse:
        """Where a model looked for a class of a picture."""

        def asked(image: bytes, options: ExplainOptions) -> ExplainRequest:
            return ExplainRequest(image=image, **asdict(options))

        return await api.answer(request, "explain", ExplainOptions, asked, Explained.of)

    return router


class _Api:
    """Reads questions within bounds, and asks them in the name of the caller's address."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._room = Room()
        self._one_at_a_time = asyncio.Lock()  # a body stands in memory several times meanwhile

    async def answer(
        self,
        request: Request,
        method: str,
        kind: type[Options],
        asked: Callable[[bytes, Options], object],
        shown: Callable[[Any], object],
    ) -> JSONResponse:
        """What `shown` makes of a method's answer, or the refusal."""
        caller = f"api {request.client.host if request.client else ''}"

        def question(image: bytes, values: dict[str, Any]) -> bytes:
            return wire.question(method, {"request": asked(image, _options(values, kind))})

        try:
            with self._room.of(caller) as take:
                data = await self._read(request, take, question)
                async with asyncio.timeout(patience(method)):
                    status, data = await self._ask(method, data, request, caller)
            if status == 200:
                found = wire.read_answer(method, data, lambda *_: 0.0)
                return JSONResponse(msgspec.to_builtins(shown(found)))
            return _refused(str(wire.read_refusal(data)) if data else "", status)
        except TooMuch:
            return _refused(TOO_MUCH, 413)
        except TooSlow as error:
            return _refused(str(error), 408)
        except TimeoutError:
            return _refused(SILENT, 503)
        except EffnetError as error:
            return _refused(str(error), wire.status(error))

    async def _read(
        self, request: Request, take: Take, question: Callable[[bytes, dict[str, Any]], bytes]
    ) -> bytes:
        """What `question` makes of the picture and the options in a body; raises as it and `parts`.

        Also raises ImageError and InvalidInput.
        """
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            image, values = await _of_form(request, parts(request, MOST_BYTES, take))
            async with self._one_at_a_time:
                return await asyncio.to_thread(question, image, _numbers(values))
        data = await body(request, MOST_BYTES, take)
        async with self._one_at_a_time:
            return await asyncio.to_thread(lambda: question(*_of_json(data)))


def _options(values: dict[str, Any], kind: type[Options]) -> Options:
    try:
        return conform(values, kind)
    except Unfit as error:
        raise InvalidInput(f"The question cannot be used: {error}.") from None


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    """A form's texts, those that are whole numbers as such."""
    return {
        name: int(text) if text.isdecimal() and len(text) <= _DIGITS else text
        for name, text in values.items()
    }


class _Form(MultiPartParser):
    """Keeps the picture in memory: none is ever written to a disk."""

    spool_max_size = MOST_BYTES


async def _of_form(
    request: Request, stream: AsyncGenerator[bytes, None]
) -> tuple[bytes, dict[str, Any]]:
    try:
        form = await _Form(request.headers, stream, max_files=1, max_fields=8).parse()
    except EffnetError:
        raise
    except (MultiPartException, ValueError, KeyError) as error:
        async for _ in stream:
            pass  # whoever still sends reads no answer
        raise InvalidInput("The form cannot be read; send it as multipart/form-data.") from error
    file = form.get("image")
    if file is None or isinstance(file, str):
        raise ImageError('The form has no picture: send it as the file "image".')
    values = {name: value for name, value in form.items() if name != "image"}
    return _fitting(await file.read()), values


def _of_json(data: bytes) -> tuple[bytes, dict[str, Any]]:
    try:
        values = msgspec.json.decode(data, type=dict[str, Any])
    except (ValueError, RecursionError):
        raise InvalidInput(
            'The body is not a JSON object: send {"image": "<base64>"}, or a form.'
        ) from None
    image = values.pop("image", None)
    try:
        picture = base64.b64decode(image, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ImageError('There is no picture: "image" is to be its file in base64.') from None
    return _fitting(picture), values


def _fitting(image: bytes) -> bytes:
    if len(image) > PICTURE_UPLOAD_MEGABYTES * 10**6:
        raise TooMuch
    return image


def _refused(sentence: str, status: int) -> JSONResponse:
    headers = {"Retry-After": "1"} if status == 429 else {}
    if status in (408, 429):
        headers["Connection"] = "close"  # there may be a body that nobody reads
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


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
