"""A real engine on this machine answers as the service in this process does."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from effnet_core.attribution.cell import Cell
from effnet_core.errors import (
    Busy,
    CheckpointError,
    EffnetError,
    ImageError,
    InvalidInput,
    WeightsError,
)
from effnet_core.images import Preprocessing
from effnet_core.limits import MAX_CHANNELS
from effnet_core.service import (
    CellRequest,
    ClassifyRequest,
    ExplainRequest,
    InferenceService,
    LedgerRequest,
    ProbeRequest,
)
from effnet_core.service.remote import line, wire
from effnet_core.service.remote.client import SMALL_BYTES, RemoteService
from effnet_core.service.remote.ready import LONG_S
from effnet_core.service.visitors import Visitor
from effnet_core.weights.store import WeightsStore
from tests.core.service.remote.engines import Engine, running
from tests.core.service.remote.same import require_same

MODEL = "lite0"
_FILE = io.BytesIO()
Image.effect_noise((64, 64), 90).save(_FILE, "PNG")
NOISE = _FILE.getvalue()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running(tmp_path_factory.mktemp("engine") / "log") as started:
        started.wait_ready()
        yield started


@pytest.fixture(scope="module")
def remote(engine: Engine) -> RemoteService:
    return RemoteService(engine.address)


@pytest.fixture(scope="module")
def local() -> InferenceService:
    return InferenceService(WeightsStore(), device="cpu")


@pytest.fixture(scope="module")
def picture() -> bytes:
    """Some 100 KB, so that a second question names it by its hash."""
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    assert len(file.getvalue()) > SMALL_BYTES
    return file.getvalue()


def answers(image: bytes, weights: str) -> dict[str, Callable[[InferenceService], Any]]:
    """Every question that is answered alike wherever it is asked."""
    classify, ledger = ClassifyRequest(image, weights), LedgerRequest(image, weights, 1, 2)
    explain = ExplainRequest(image=image, weights=weights)
    cell = Cell(stage=2, channel=1, row=3, column=3)
    return {
        "classify": lambda s: s.classify(classify),
        "classify again": lambda s: s.classify(ClassifyRequest(image, weights, 2)),
        "explain": lambda s: s.explain(explain),
        "explain_stages": lambda s: s.explain_stages(explain),
        "explain_classes": lambda s: s.explain_classes(classify),
        "ledger": lambda s: s.ledger(ledger),
        "probe": lambda s: s.probe(ProbeRequest(image, weights, 1, (64, 96))),
        "channels": lambda s: s.channels(explain),
        "cell": lambda s: s.cell(CellRequest(image, weights, cell)),
        "classes": lambda s: s.classes(weights),
        "require": lambda s: s.require(weights),
        "spec": lambda s: s.spec(weights),
        "export": lambda s: s.export(weights),
        "untrained_python": lambda s: s.untrained_python(s.spec(MODEL)),
        "device_name": lambda s: s.device_name,
        "waiting": lambda s: s.waiting,
    }


@pytest.mark.parametrize("question", answers(b"", MODEL))
def test_an_engine_answers_to_the_bit(
    question: str, remote: RemoteService, local: InferenceService, picture: bytes
) -> None:
    ask = answers(picture, MODEL)[question]
    require_same(ask(local), ask(remote))


def test_an_upload_is_answered_to_the_bit_and_survives_the_engine(
    remote: RemoteService,
    local: InferenceService,
    picture: bytes,
    checkpoints: tuple[bytes, bytes],
    tmp_path: Path,
) -> None:
    options = {"classes": list("abcde"), "preprocessing": Preprocessing.imagenet(64)}
    cards = [s.add_checkpoint(checkpoints[0], "t.safetensors", **options) for s in (local, remote)]  # type: ignore[arg-type]
    require_same(cards[0], cards[1])
    weights = cards[0].id
    understood = [
        s.understand_checkpoint({"t.safetensors": checkpoints[0]}) for s in (local, remote)
    ]
    require_same(understood[0], understood[1])
    assert remote.available((weights, "upload:unknown"))[-1] == cards[0]
    with running(tmp_path / "log") as other:
        other.wait_ready()
        remote._line, before = line.Line(other.address), remote._line
        try:
            for question, ask in answers(picture, weights).items():
                if question not in ("probe", "waiting"):
                    require_same(ask(local), ask(remote))
        finally:
            remote._line = before


def test_an_upload_that_nobody_has_gets_a_sentence(remote: RemoteService, picture: bytes) -> None:
    with pytest.raises(WeightsError, match="upload it again"):
        remote.classify(ClassifyRequest(picture, "upload:0.1"))


@pytest.mark.parametrize(
    ("ask", "kind"),
    [
        (lambda s: s.classify(ClassifyRequest(b"no picture", MODEL)), ImageError),
        (lambda s: s.classify(ClassifyRequest(b"", "nothing")), InvalidInput),
        (lambda s: s.classify(ClassifyRequest(NOISE, "b7")), WeightsError),
        (lambda s: s.add_checkpoint(b"x", "a.safetensors"), CheckpointError),
        (lambda s: s.add_checkpoint(b"x", "a.pth", architecture="b99"), EffnetError),
        (lambda s: s.explain(ExplainRequest(image=b"", weights=MODEL, method="x")), EffnetError),
    ],
)
def test_errors_are_those_of_the_service(
    ask: Callable[[InferenceService], object],
    kind: type[EffnetError],
    remote: RemoteService,
    local: InferenceService,
) -> None:
    with pytest.raises(kind) as here:
        ask(local)
    with pytest.raises(kind) as there:
        ask(remote)
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))


def metric(engine: Engine, name: str) -> float:
    """A figure of /metrics, 0 where it is not there yet."""
    _, text = engine.get("/metrics")
    lines = [row.rpartition(" ") for row in text.splitlines() if row.startswith(name)]
    return float(lines[0][2]) if lines else 0.0


def worked(engine: Engine) -> float:
    """Seconds of processor time that the engine's processes have had."""
    total = 0.0
    for process in engine.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


class Left(Exception):
    """The visitor is gone."""


def test_a_visitor_who_leaves_ends_the_question(
    engine: Engine, remote: RemoteService, picture: bytes
) -> None:
    end = time.monotonic() + 0.5

    def check() -> None:
        if time.monotonic() > end:
            raise Left

    before = metric(engine, 'effnet_refusals_total{method="trust",status="499"}')
    question = ExplainRequest(image=picture, weights=MODEL)
    with pytest.raises(Left):
        remote.asked_by(Visitor("v", check)).trust(question)
    time.sleep(1.0)
    assert metric(engine, 'effnet_refusals_total{method="trust",status="499"}') == before + 1
    begun = worked(engine)
    time.sleep(1.0)
    assert worked(engine) - begun < 0.5  # a core that still works takes a second of it
    assert remote.classify(ClassifyRequest(picture, MODEL)).weights == MODEL


def test_metrics_count_answers_refusals_and_memory(
    engine: Engine, remote: RemoteService, picture: bytes
) -> None:
    name = 'effnet_answer_seconds_count{method="classify"}'
    before = metric(engine, name)
    remote.classify(ClassifyRequest(picture, MODEL))
    assert metric(engine, name) == before + 1
    with pytest.raises(ImageError):
        remote.classify(ClassifyRequest(b"x", MODEL))
    assert metric(engine, 'effnet_refusals_total{method="classify",status="400"}') >= 1
    total = sum(process.memory_info().rss for process in engine.processes())
    assert 0.5 * total < metric(engine, "effnet_memory_bytes") < 1.5 * total


def post(
    engine: Engine, path: str, body: bytes, kind: str = "application/json"
) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(engine.address + path, body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def coded(image: bytes, **options: object) -> bytes:
    return json.dumps({"image": base64.b64encode(image).decode(), **options}).encode()


def form(image: bytes, **options: object) -> tuple[bytes, str]:
    fields = [(f'name="{name}"', str(value).encode()) for name, value in options.items()]
    parts = [('name="image"; filename="a.png"', image), *fields]
    body = b"".join(
        b"--xyz\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (name.encode(), value)
        for name, value in parts
    )
    return body + b"--xyz--\r\n", "multipart/form-data; boundary=xyz"


def test_the_json_api_answers_as_the_service(
    engine: Engine, local: InferenceService, picture: bytes
) -> None:
    expected = local.classify(ClassifyRequest(picture, MODEL, 3))
    for found in (
        post(engine, "/v1/classify", coded(picture, weights=MODEL, top_k=3)),
        post(engine, "/v1/classify", *form(picture, weights=MODEL, top_k=3)),
    ):
        assert found[0] == 200
        top = [(row["index"], row["label"], row["probability"]) for row in found[1]["top"]]
        assert top == [(row.index, row.label, row.probability) for row in expected.top]
    explained = local.explain(ExplainRequest(image=picture, weights=MODEL, stage=3, class_index=7))
    status, answer = post(engine, "/v1/explain", *form(picture, stage=3, class_index=7))
    assert status == 200
    assert answer["map"] == explained.attribution.raw.tolist()
    assert answer["target"]["label"] == explained.target.label


@pytest.mark.parametrize(
    ("body", "kind", "status", "sentence"),
    [
        (coded(b"x"), "application/json", 400, "not a readable picture"),
        (b"{", "application/json", 400, "not a JSON object"),
        (b'{"image": "%"}', "application/json", 400, "There is no picture"),
        (coded(b"x", top_k="many"), "application/json", 400, "top_k"),
        (coded(b"x", other=1), "application/json", 400, "unknown field"),
        (coded(b"x", weights="nothing"), "application/json", 400, "nothing"),
        (coded(NOISE, weights="b7"), "application/json", 404, "download"),
        (coded(b"x", top_k=10**20), "application/json", 400, "top_k"),
        (coded(b"x", class_index=-1), "application/json", 400, "class_index"),
        (coded(b"x", weights="half a character: \ud800"), "application/json", 400, "JSON"),
        (b'{"image": "", "top_k": %s}' % (b"1" * 5000), "application/json", 400, ""),
        (*form(b"x", top_k="many"), 400, "top_k"),
        (*form(b"x", top_k="1" * 400), 400, "top_k"),
        (*form(b"x", top_k="1" * 5000), 400, "top_k"),
        (form(b"x", weights="\\ud800")[0], f"{form(b'')[1]}; charset=unicode_escape", 400, "text"),
        (b"--xyz", "multipart/form-data", 400, "form"),
        (b"x" * 60_000_000, "application/json", 413, "40 MB"),
        (form(b"x" * 41_000_000)[0], form(b"")[1], 413, "40 MB"),
    ],
    ids=str,
)
def test_the_json_api_refuses_with_a_sentence(
    body: bytes, kind: str, status: int, sentence: str, engine: Engine
) -> None:
    found = post(engine, "/v1/classify", body, kind)
    assert found[0] == status
    assert sentence in found[1]["error"]


def test_the_json_api_is_described(engine: Engine) -> None:
    described = json.loads(engine.get("/openapi.json")[1])
    assert set(described["paths"]) == {"/v1/classify", "/v1/explain"}
    body = described["paths"]["/v1/classify"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "application/json"}
    assert set(described["paths"]["/v1/explain"]["post"]["responses"]) >= {"200", "413", "429"}


def test_what_is_no_question_is_refused(engine: Engine) -> None:
    for path, body in (("/call/classify", b"\xc1"), ("/call/_read", b""), ("/call/asked_by", b"")):
        request = urllib.request.Request(engine.address + path, body)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        assert refused.value.code in (400, 404)


def test_an_engine_whose_worker_is_frozen_is_not_ready(engine: Engine) -> None:
    worker = max(engine.processes(), key=lambda process: process.memory_info().rss)
    worker.suspend()
    try:
        end = time.monotonic() + LONG_S + 10  # it may just have been asked for a model's answer
        status, text = engine.get("/ready")
        while status == 200 and time.monotonic() < end:
            status, text = engine.get("/ready")
    finally:
        worker.resume()
    assert (status, "does not answer" in text) == (503, True)
    engine.wait_ready()


def test_an_engine_that_ends_answers_what_has_come(
    tmp_path: Path, local: InferenceService, picture: bytes, checkpoints: tuple[bytes, bytes]
) -> None:
    with running(tmp_path / "log") as engine, ThreadPoolExecutor(1) as pool:
        engine.wait_ready()
        remote = RemoteService(engine.address)
        cards = [s.add_checkpoint(checkpoints[1], "tiny.safetensors") for s in (local, remote)]
        question = ExplainRequest(image=picture, weights=cards[0].id)
        asked = pool.submit(remote.trust, question)
        while metric(engine, "effnet_questions") == 0 and not asked.done():
            time.sleep(0.01)
        os.kill(engine.process.pid, signal.SIGTERM)
        status = 200
        while status == 200:  # for some seconds it answers, and says that it will not
            status, text = engine.get("/ready")
        assert (status, "ending" in text) == (503, True)
        require_same(local.trust(question), asked.result(timeout=100))
        assert engine.process.wait(timeout=60) == 0
    assert "Traceback" not in engine.log.read_text()


@pytest.mark.parametrize("victim", ["main", "worker"])
def test_a_killed_engine_leaves_nothing_and_is_answered_for(
    victim: str, tmp_path: Path, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "TRIES_S", 0.0)
    with running(tmp_path / "log") as engine, ThreadPoolExecutor(1) as pool:
        engine.wait_ready()
        every = engine.processes()
        largest = max(every, key=lambda process: process.memory_info().rss)
        asked = pool.submit(
            RemoteService(engine.address).trust, ExplainRequest(image=picture, weights=MODEL)
        )
        time.sleep(1)
        os.kill(engine.process.pid if victim == "main" else largest.pid, signal.SIGKILL)
        with pytest.raises(Busy, match="try again"):
            asked.result(timeout=30)
        engine.process.wait(timeout=60)
        _, alive = psutil.wait_procs(every, timeout=10)
        assert alive == []


@pytest.mark.parametrize(
    "address", ["engine:8600", "http://", "ftp://engine", "http://x:port", "https://x"]
)
def test_an_address_that_is_none_gets_a_sentence(address: str) -> None:
    with pytest.raises(InvalidInput, match="EFFNET_SERVICE"):
        RemoteService(address)


def test_a_spec_that_is_none_is_refused(remote: RemoteService, local: InferenceService) -> None:
    from dataclasses import replace

    spec = replace(local.spec(MODEL), stem_channels=MAX_CHANNELS + 1)
    with pytest.raises(InvalidInput):
        remote.measure_spec(spec)


def test_a_question_that_came_in_part_is_to_be_asked_again(engine: Engine) -> None:
    data = wire.question("waiting", {})
    for length, status in ((len(data), 200), (len(data) + 10, 503)):
        request = urllib.request.Request(
            f"{engine.address}/call/waiting", data, {wire.LENGTH: str(length)}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.status == status
        except urllib.error.HTTPError as error:
            assert error.code == status
