"""Many threads, few models, full queues: each request is answered right, or refused at once."""

from __future__ import annotations

import gc
import io
import itertools
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from effnet_core.engines import cores
from effnet_core.engines.prediction import Prediction
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import Busy, DoesNotFit, WeightsError
from effnet_core.images import Decoded
from effnet_core.service import ClassifyRequest, ExplainRequest, InferenceService, answering
from effnet_core.service.visitors import Visitor
from effnet_core.weights import WeightsStore

SECONDS = 60
Ask = tuple[str, ClassifyRequest | ExplainRequest]


def mixed(ids: Sequence[str], image: bytes, number: int) -> Iterator[Ask]:
    """Eight questions about one picture to each model: the service's method and a request."""
    for weights in ids:
        whole = ClassifyRequest(image, weights)
        last = ExplainRequest(image=image, weights=weights, class_index=number % 5)
        inner = replace(last, stage=1 + number % 7)
        yield "classify", whole
        yield "classify", replace(whole, top_k=1 + number % 4)
        yield "explain", last
        yield "explain", inner
        yield "explain", replace(inner, method="layer-cam")
        yield "explain", replace(inner, method="grad-cam-plus-plus")
        yield "explain_stages", last
        yield "explain_classes", whole


def answered(service: InferenceService, ask: Ask) -> tuple[np.ndarray, ...]:
    """The probabilities, or the map of each stage or class."""
    found = getattr(service, ask[0])(ask[1])
    found = found if isinstance(found, tuple) else (found,)
    return tuple(
        each.probabilities if isinstance(each, Prediction) else each.attribution.raw
        for each in found
    )


def alike(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> bool:
    return all(
        np.allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())
        for a, b in zip(one, other, strict=True)
    )


def test_sixteen_threads_get_the_serial_answers(make: Callable[..., Any], watched: Any) -> None:
    ready, images = make(max_queue=64), [drawn(seed) for seed in range(25)]
    asks = [ask for n, image in enumerate(images) for ask in mixed(ready.ids, image, n)]
    order = [*range(len(asks))] * 2
    random.Random(0).shuffle(order)
    assert len(order) == 16 * 50
    with ThreadPoolExecutor(16) as pool:  # cold: the first answers load both models
        together = list(pool.map(lambda n: answered(ready.service, asks[n]), order))
    assert watched.count == 2
    serial = make().service
    slow = [answered(serial, ask) for ask in asks]
    for number, found in zip(order, together, strict=True):
        assert alike(found, slow[number]), asks[number]
    maps = {found[0].tobytes() for (name, _), found in zip(asks, slow, strict=True) if "_" in name}
    assert len(maps) == 4 * len(images)  # no two alike, or equality proves nothing


def drawn(seed: int) -> bytes:
    """A PNG of coarse noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((120, 90)).save(file, "PNG")
    return file.getvalue()


def test_a_full_queue_says_busy_and_every_waiting_request_is_answered(
    make: Callable[..., Any], pictures: tuple[bytes, ...], watched: Any
) -> None:
    ready = make(max_queue=3)
    watched.gate.clear()
    request = ClassifyRequest(pictures[0], ready.ids[0])
    with ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(ready.service.classify, request)]
        end = time.monotonic() + SECONDS
        while watched.count == 0 or ready.service.waiting:
            assert time.monotonic() < end
            time.sleep(0.001)
        start = time.monotonic()
        answers += [pool.submit(ready.service.classify, request) for _ in range(10)]
        refused = 0
        while refused < 7:
            assert time.monotonic() < end
            refused = sum(answer.done() for answer in answers)
            time.sleep(0.001)
        assert time.monotonic() - start < 1
        with pytest.raises(Busy, match="try again"):
            ready.service.classify(request)
        watched.gate.set()
        errors = [answer.exception(SECONDS) for answer in answers]
    assert sum(error is None for error in errors) == 4
    assert sum(isinstance(error, Busy) for error in errors) == 7
    assert ready.service.waiting == 0


class Gone(BaseException):
    """What ends the question of a visitor who has left."""


def test_what_is_asked_among_others_is_not_begun_once_nobody_waits_for_it(
    make: Callable[..., Any], pictures: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = make()
    known, new = (ClassifyRequest(picture, ready.ids[0]) for picture in pictures[:2])
    alone = ready.service.classify(known)
    begun: list[object] = []
    answer = Predictor.answer

    def counted(*given: Any) -> Any:
        begun.append(given)
        return answer(*given)

    monkeypatch.setattr(Predictor, "answer", counted)
    monkeypatch.setattr(answering, "CORES", SimpleNamespace(crowded=True))
    ready.service.rest()
    assert np.array_equal(ready.service.classify(known).probabilities, alone.probabilities)
    assert len(begun) == 1
    end = threading.Event()
    busy = [cores.among_others(lambda: end.wait(SECONDS)) for _ in range(cores.HALVES)]

    def leave() -> None:
        raise Gone

    with pytest.raises(Gone):
        ready.service.asked_by(Visitor("one", leave)).classify(new)
    end.set()
    assert all(each.result(SECONDS) for each in busy)
    cores.among_others(lambda: None).result(SECONDS)  # whoever came before has had a turn
    assert len(begun) == 1
    assert ready.service.classify(new).top and len(begun) == 2


def test_an_error_among_others_keeps_nothing_alive(
    make: Callable[..., Any], pictures: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = make()
    ready.service.classify(ClassifyRequest(pictures[0], ready.ids[0]))
    monkeypatch.setattr(answering, "CORES", SimpleNamespace(crowded=True))
    kept: list[weakref.ref[Image.Image]] = []

    def fails(self: Any, picture: Decoded, **_: object) -> None:
        kept.append(weakref.ref(picture.image))
        raise DoesNotFit("no room")

    monkeypatch.setattr(Predictor, "answer", fails)
    cut = pictures[1]
    gc.disable()
    try:
        with pytest.raises(DoesNotFit):
            ready.service.classify(ClassifyRequest(cut, ready.ids[0]))
        ready.service._pictures.clear()
        cores.among_others(lambda: None).result(SECONDS)
        assert kept[0]() is None
    finally:
        gc.enable()


def test_second_sessions_go_when_nobody_asks_any_more(
    make: Callable[..., Any], pictures: tuple[bytes, ...]
) -> None:
    ready = make()
    request = ClassifyRequest(pictures[0], ready.ids[0])
    before = ready.service.classify(request)
    (predictor,) = ready.service._models._lanes.values()
    second = weakref.ref(predictor._engine._sessions._half.wait(SECONDS))
    assert second() is not None
    ready.service.rest()
    assert second() is None
    assert np.array_equal(ready.service.classify(request).probabilities, before.probabilities)


def test_the_least_recently_used_model_leaves_memory(
    make: Callable[..., Any], pictures: tuple[bytes, ...], watched: Any
) -> None:
    ready = make(max_models=1)
    service, ids = ready.service, ready.ids
    service.classify(ClassifyRequest(pictures[0], ids[0]))
    first_model = weakref.ref(next(iter(watched.made)).model)
    assert first_model() is not None
    service.classify(ClassifyRequest(pictures[0], ids[1]))
    assert service.loaded() == (ids[1],)
    assert first_model() is None
    assert len(watched.made) == 1


def test_a_model_goes_with_its_upload(
    tmp_path: Path, checkpoints: tuple[bytes, bytes], pictures: tuple[bytes, ...]
) -> None:
    service = InferenceService(WeightsStore(tmp_path), device="cpu", max_uploads=1)
    first = service.add_checkpoint(checkpoints[0], "tiny.safetensors")
    service.classify(ClassifyRequest(pictures[0], first.id))
    second = service.add_checkpoint(checkpoints[1], "tiny.safetensors")
    assert service.loaded() == ()
    with pytest.raises(WeightsError, match="upload it again"):
        service.classify(ClassifyRequest(pictures[0], first.id))
    assert service.classify(ClassifyRequest(pictures[0], second.id)).weights == second.id


def test_running_out_of_memory_gets_a_sentence(
    make: Callable[..., Any],
    pictures: tuple[bytes, ...],
    watched: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_out(self: Any, image: Image.Image, *, top_k: int = 5) -> Prediction:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    ready = make()
    request = ClassifyRequest(pictures[0], ready.ids[0])
    with monkeypatch.context() as patch:
        patch.setattr(watched, "predict", run_out)
        with pytest.raises(DoesNotFit, match="choose a smaller model"):
            ready.service.classify(request)
    assert ready.service.classify(request).top


@pytest.mark.gpu
def test_the_gpus_memory_is_let_go(
    tmp_path: Path, checkpoints: tuple[bytes, bytes], pictures: tuple[bytes, ...]
) -> None:
    service = InferenceService(WeightsStore(tmp_path), device="cuda", max_models=1)
    ids = [service.add_checkpoint(data, "tiny.safetensors").id for data in checkpoints]
    used = []
    for weights in ids * 3:
        assert service.classify(ClassifyRequest(pictures[0], weights)).device == "cuda:0"
        torch.cuda.synchronize()
        used.append(torch.cuda.memory_allocated())
    assert used[:2] == used[2:4] == used[4:]


@pytest.mark.parametrize("kept_at", [1, 2], ids=["while it loads", "while it answers"])
def test_what_old_weights_still_answer_is_never_that_of_an_import_that_took_their_name(
    tmp_path: Path,
    checkpoints: tuple[bytes, bytes],
    pictures: tuple[bytes, ...],
    monkeypatch: pytest.MonkeyPatch,
    kept_at: int,
) -> None:
    store, file = WeightsStore(tmp_path), tmp_path / "own.safetensors"
    service, begun, gate = InferenceService(store), threading.Event(), threading.Event()
    answer, calls = Predictor.answer, itertools.count(1)

    def slowly(*given: Any, **named: Any) -> Any:
        found = answer(*given, **named)
        if next(calls) == kept_at:  # the first is to warm up
            begun.set()
            assert gate.wait(SECONDS)
        return found

    monkeypatch.setattr(Predictor, "answer", slowly)
    file.write_bytes(checkpoints[0])
    store.import_file(file, name="own")
    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(service.classify, ClassifyRequest(pictures[0], "own"))
        assert begun.wait(SECONDS)
        store.remove("own")
        file.write_bytes(checkpoints[1])
        store.import_file(file, name="own")
        service.classify(ClassifyRequest(pictures[1], "own"))
        gate.set()
        old.result(SECONDS)
    for picture in pictures[:2]:
        request = ClassifyRequest(picture, "own")
        alone = InferenceService(store).classify(request)
        assert np.array_equal(service.classify(request).probabilities, alone.probabilities)
    assert set(service.loaded()) == {"own"}
