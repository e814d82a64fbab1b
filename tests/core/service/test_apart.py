"""Slow questions and files to read, in processes of their own: nobody else waits for them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest

from effnet_core.architecture.names import scaled
from effnet_core.attribution import Value
from effnet_core.attribution.cell import Cell
from effnet_core.engines import predictor
from effnet_core.errors import Busy, CheckpointError, DoesNotFit, InvalidInput, OutOfTime
from effnet_core.limits import MAX_READING_BYTES, MAX_SLOW_QUEUE, SLOW_WORKERS
from effnet_core.service import (
    CellRequest,
    ClassifyRequest,
    ExplainRequest,
    InferenceService,
    ProbeRequest,
    answering,
)
from effnet_core.service.visitors import Visitor
from effnet_core.weights import WeightsStore
from tests.core.service.conftest import Ready

SECONDS = 60
Pairs = tuple[tuple[str, Value], ...]
ENDLESS = (("window", 4), ("stride", 2), ("batch_size", 1))  # 961 windows of 64 pixels, one by one


class Left(BaseException):
    """What a visitor's check raises who has gone."""


def occlusion(ready: Ready, image: bytes, model: int = 1) -> ExplainRequest:
    return ExplainRequest(
        image=image, weights=ready.ids[model], method="occlusion", parameters=ENDLESS
    )


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("occlusion", (("window", 32), ("stride", 16))),
        ("saliency", (("samples", 2),)),
        ("integrated-gradients", (("steps", 4),)),
    ],
)
def test_a_map_made_apart_is_the_one_made_here(
    make: Callable[..., Ready], pictures: tuple[bytes, ...], method: str, parameters: Pairs
) -> None:
    here, apart = make(apart=False), make()
    for weights in here.ids:
        request = ExplainRequest(
            image=pictures[0],
            weights=weights,
            method=method,
            class_index=2,
            parameters=parameters,
        )
        one, other = here.service.explain(request), apart.service.explain(request)
        np.testing.assert_allclose(
            other.attribution.raw,
            one.attribution.raw,
            atol=1e-3 * np.abs(one.attribution.raw).max(),  # torch here has another thread count
        )
        assert other.attribution.reference == one.attribution.reference
        assert other.prediction.weights == weights
        assert apart.service.reference_range(other.attribution) > 0


def test_probes_tests_and_timings_are_made_apart(ready: Ready, pictures: tuple[bytes, ...]) -> None:
    service, weights = ready.service, ready.ids[0]
    probed = service.probe(ProbeRequest(pictures[0], weights, 1, (32, 64)))
    assert [size.resolution for size in probed] == [32, 64]
    assert service.trust(ExplainRequest(image=pictures[0], weights=weights)).verdict
    spec = scaled(-6, resolution=32)
    for engine, name in (("torch", "PyTorch"), ("runtime", "ONNX Runtime")):
        timed = service.measure_spec(spec, repeats=3, engine=engine)  # type: ignore[arg-type]
        assert timed.engine.startswith(name) and timed.median_ms > 0
    assert all(row.difference == 0 for row in service.verify(spec).rows)
    with pytest.raises(DoesNotFit, match="effnet cost --verify"):
        service.verify(scaled(8, resolution=2000))
    with pytest.raises(InvalidInput, match="no parameter 'colour'"):
        service.explain(
            ExplainRequest(
                image=pictures[0], weights=weights, method="occlusion", parameters=(("colour", 1),)
            )
        )


ASKED: dict[str, Callable[[InferenceService, bytes, str], Any]] = {
    "explain_stages": lambda service, image, name: tuple(
        each.attribution.raw
        for each in service.explain_stages(ExplainRequest(image=image, weights=name))
    ),
    "explain_classes": lambda service, image, name: tuple(
        each.attribution.raw for each in service.explain_classes(ClassifyRequest(image, name))
    ),
    "channels": lambda service, image, name: tuple(
        each.given for each in service.channels(ExplainRequest(image=image, weights=name))
    ),
    "cell": lambda service, image, name: (
        service.cell(CellRequest(image, name, Cell(stage=2, channel=1, row=3, column=4))).value,
    ),
}


@pytest.mark.parametrize("ask", ASKED)
def test_heavy_models_answer_apart_what_takes_more_than_a_pass(
    make: Callable[..., Ready],
    pictures: tuple[bytes, ...],
    monkeypatch: pytest.MonkeyPatch,
    ask: str,
) -> None:
    here, apart = make(apart=False), make()
    expected = ASKED[ask](here.service, pictures[0], here.ids[0])
    monkeypatch.setattr(predictor, "is_heavy", lambda spec: True)
    sent: list[str] = []
    elsewhere = InferenceService._elsewhere

    def sending(self: InferenceService, method: str, *given: Any, **named: Any) -> Any:
        sent.append(method)
        return elsewhere(self, method, *given, **named)

    monkeypatch.setattr(InferenceService, "_elsewhere", sending)
    found = ASKED[ask](apart.service, pictures[0], apart.ids[0])
    assert sent == [ask] and len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3 * np.abs(other).max())


def test_this_process_stays_without_torch() -> None:
    code = """
import sys, tempfile
from effnet_core.images.samples import load_sample
from effnet_core.service import ExplainRequest, InferenceService
from effnet_core.weights import WeightsStore
service = InferenceService(WeightsStore(tempfile.mkdtemp()))
found = service.explain(ExplainRequest(
    image=load_sample('chelsea'), weights='lite0', method='saliency', parameters=(('samples', 1),)
))
service.reference_range(found.attribution)
assert found.attribution.raw.shape == (224, 224)
sys.exit('torch' in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_slow_questions_leave_every_seat_to_quick_ones(
    ready: Ready, pictures: tuple[bytes, ...]
) -> None:
    gone = threading.Event()

    def check() -> None:
        if gone.is_set():
            raise Left

    def ask(number: int) -> object:
        own = ready.service.asked_by(Visitor(str(number), check))
        try:
            return own.explain(occlusion(ready, pictures[0]))
        except (Busy, Left) as end:
            return type(end)

    crowd = SLOW_WORKERS + MAX_SLOW_QUEUE + 6
    with ThreadPoolExecutor(crowd) as pool:
        asked = [pool.submit(ask, number) for number in range(crowd)]
        deadline = time.monotonic() + SECONDS
        while sum(each.done() for each in asked) < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert ready.service.waiting == 0
        for weights in ready.ids:  # the model that is occupied answers too
            assert ready.service.classify(ClassifyRequest(pictures[1], weights)).top
        gone.set()
        ends = [each.result(SECONDS) for each in asked]
    assert ends.count(Busy) >= 6
    assert ends.count(Left) >= 1


def test_at_the_deadline_it_is_said_what_would_be_sooner(
    ready: Ready, pictures: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "MAX_ANSWER_SECONDS", 0.5)
    ended = r"stopped after 0 s\. For an answer in time, choose a larger stride and window for Occ"
    with pytest.raises(OutOfTime, match=ended):
        ready.service.explain(occlusion(ready, pictures[2]))
    assert ready.service.classify(ClassifyRequest(pictures[2], ready.ids[1])).top


def test_a_file_that_takes_too_long_to_read_is_refused_and_nobody_waits(
    ready: Ready, pictures: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "MAX_READING_SECONDS", 2)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(ready.service._read_apart, partial(time.sleep, SECONDS))
        for picture in pictures:
            assert ready.service.classify(ClassifyRequest(picture, ready.ids[0])).top
        assert ready.service.waiting == 0
        with pytest.raises(CheckpointError, match="more than 2 s or too much memory"):
            reading.result(SECONDS)


def test_a_file_that_takes_too_much_memory_to_read_is_refused(ready: Ready) -> None:
    with pytest.raises(CheckpointError, match="or too much memory to read"):
        ready.service._read_apart(partial(bytearray, MAX_READING_BYTES + 1))


def test_a_damaged_upload_is_told_as_if_it_were_read_here(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    said = []
    for apart in (True, False):
        service = InferenceService(WeightsStore(tmp_path_factory.mktemp("store")), apart=apart)
        with pytest.raises(CheckpointError) as error:
            service.add_checkpoint(b"x" * 100, "mine.safetensors")
        said.append(str(error.value))
    assert said[0] == said[1]
