"""Many threads, few models, full queues: each request is answered right, or refused at once."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from effnet_core.errors import Busy, DoesNotFit, WeightsError
from effnet_core.predict import Prediction
from effnet_core.service import ClassifyRequest, ExplainRequest, Explanation, InferenceService
from effnet_core.weights import WeightsStore

SECONDS = 60


def test_sixteen_threads_get_the_serial_answers(
    make: Callable[..., Any],
    pictures: tuple[bytes, ...],
    watched: Any,
    same: Callable[[Any, Any], bool],
) -> None:
    ready = make(max_queue=64)
    requests: list[ClassifyRequest | ExplainRequest] = []
    for weights in ready.ids:
        for number, image in enumerate(pictures):
            requests.append(ClassifyRequest(image, weights))
            requests.append(
                ExplainRequest(image=image, weights=weights, stage=number + 1, class_index=number)
            )

    def answer(request: ClassifyRequest | ExplainRequest) -> Prediction | Explanation:
        if isinstance(request, ClassifyRequest):
            return ready.service.classify(request)
        return ready.service.explain(request)

    with ThreadPoolExecutor(16) as pool:  # cold: the first answers load both models
        together = list(pool.map(answer, requests * 50))
    assert watched.count == 2
    serial = [answer(request) for request in requests] * 50
    assert all(same(one, other) for one, other in zip(together, serial, strict=True))
    by_picture = {answer.probabilities.tobytes() for answer in serial[::2]}  # type: ignore[union-attr]
    assert len(by_picture) == len(pictures) * 2  # no two answers alike, or equality proves nothing


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
            ready.service.classify_many([request])
        watched.gate.set()
        errors = [answer.exception(SECONDS) for answer in answers]
    assert sum(error is None for error in errors) == 4
    assert sum(isinstance(error, Busy) for error in errors) == 7
    assert ready.service.waiting == 0


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
