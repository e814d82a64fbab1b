"""What was seen is kept: bounded, least recently used first out, and no pass is taken twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from effnet_core.engines.engine import Look
from effnet_core.engines.predictor import ClassProbability, Prediction, Predictor
from effnet_core.service import ClassifyRequest, ExplainRequest
from effnet_core.service.looks import Looks, Seen


def seen(side: int = 8) -> Seen:
    """2 logits, 3 × 4 × 4 features, 2 probabilities and a view: 208 bytes and 3 · side²."""
    prediction = Prediction(
        weights="a",
        top=(ClassProbability(0, "ant", 0.9),),
        milliseconds=1.0,
        pixels=np.zeros((side, side, 3), np.uint8),
        crop_box=(0.0, 0.0, 8.0, 8.0),
        device="cpu",
        dtype="float32",
        engine="torch",
        resolution=side,
        classes=("ant", "bee"),
        probabilities=np.zeros(2, np.float32),
    )
    return Seen(prediction, Look(np.zeros(2, np.float32), np.zeros((3, 4, 4), np.float32), "torch"))


def test_bytes_are_those_of_what_is_kept() -> None:
    assert seen(side=8).nbytes == 4 * (2 + 48 + 2) + 3 * 64


def test_the_longest_unused_makes_room() -> None:
    looks = Looks(max_bytes=3 * seen().nbytes)
    for name in ("a", "b", "c"):
        looks.put((name.encode(), "model"), seen())
    assert looks.get((b"a", "model")) is not None  # used now, so that b goes
    looks.put((b"d", "model"), seen())
    kept = [name for name in "abcd" if looks.get((name.encode(), "model"))]
    assert kept == ["a", "c", "d"]


def test_putting_the_same_again_counts_once_and_what_is_too_large_is_not_kept() -> None:
    looks = Looks(max_bytes=2 * seen().nbytes)
    looks.put((b"a", "model"), seen())
    for _ in range(5):
        looks.put((b"b", "model"), seen())
    assert looks.get((b"a", "model")) is not None
    looks.put((b"large", "model"), seen(side=100))
    assert looks.get((b"large", "model")) is None


def test_a_model_that_goes_takes_what_it_saw() -> None:
    looks = Looks(max_bytes=2 * seen().nbytes)
    looks.put((b"a", "one"), seen())
    looks.put((b"a", "other"), seen())
    looks.forget("one")
    assert looks.get((b"a", "one")) is None
    assert looks.get((b"a", "other")) is not None
    looks.put((b"b", "other"), seen())
    assert looks.get((b"a", "other")) is not None  # the room of what was forgotten is free again


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The model of each pass that is taken over a picture, warming up included."""
    taken: list[str] = []
    look = Predictor.look

    def counted(self: Predictor, inputs: Tensor) -> Look:
        taken.append(self.weights_id)
        return look(self, inputs)

    monkeypatch.setattr(Predictor, "look", counted)
    return taken


def test_further_classes_of_a_picture_take_no_pass(
    ready: Any, pictures: tuple[bytes, ...], passes: list[str]
) -> None:
    service, weights, picture = ready.service, ready.ids[0], pictures[0]
    prediction = service.classify(ClassifyRequest(picture, weights))
    assert len(passes) == 2  # one to warm up
    assert service.classify(ClassifyRequest(picture, weights, top_k=2)).top == prediction.top[:2]
    maps = [
        service.explain(ExplainRequest(image=picture, weights=weights, class_index=index))
        for index in range(len(prediction.classes))
    ]
    together = service.explain_classes(ClassifyRequest(picture, weights))
    assert len(passes) == 2
    for one, other in zip(maps, together, strict=True):
        assert one.target == other.target
        np.testing.assert_allclose(one.attribution.raw, other.attribution.raw, rtol=1e-5, atol=1e-7)
        assert np.ptp(one.attribution.raw) > 0
    service.classify(ClassifyRequest(pictures[1], weights))
    service.classify(ClassifyRequest(picture, ready.ids[1]))
    assert passes[2:] == [weights, ready.ids[1], ready.ids[1]]


def test_an_upload_that_makes_room_takes_its_looks(
    make: Callable[..., Any],
    checkpoints: tuple[bytes, bytes],
    pictures: tuple[bytes, ...],
    passes: list[str],
) -> None:
    ready = make(max_uploads=2)
    service, weights = ready.service, ready.ids[0]
    service.classify(ClassifyRequest(pictures[0], weights))
    for classes in ("vwxyz", "stuvw"):
        service.add_checkpoint(checkpoints[0], "tiny.safetensors", classes=tuple(classes))
    again = service.add_checkpoint(checkpoints[0], "tiny.safetensors").id
    assert again == weights
    passes.clear()
    service.classify(ClassifyRequest(pictures[0], weights))
    assert len(passes) == 2  # loaded anew, warmed up, and asked
