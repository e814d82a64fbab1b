"""What was seen is kept: bounded, least recently used first out, and no pass is taken twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from effnet_core.engines.engine import ForwardPass
from effnet_core.engines.prediction import ClassProbability, Prediction
from effnet_core.engines.predictor import Predictor
from effnet_core.service import ClassifyRequest, ExplainRequest
from effnet_core.service.recent import Answer, RecentPasses, nbytes


def answer(side: int = 8) -> Answer:
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
    by = ForwardPass(np.zeros(2, np.float32), np.zeros((3, 4, 4), np.float32), "torch")
    return prediction, by


def test_bytes_are_those_of_what_is_kept() -> None:
    assert nbytes(answer(side=8)) == 4 * (2 + 48 + 2) + 3 * 64


def test_the_longest_unused_makes_room() -> None:
    recent = RecentPasses(max_bytes=3 * nbytes(answer()))
    for name in ("a", "b", "c"):
        recent.put((name.encode(), "model"), answer())
    assert recent.get((b"a", "model")) is not None  # used now, so that b goes
    recent.put((b"d", "model"), answer())
    kept = [name for name in "abcd" if recent.get((name.encode(), "model"))]
    assert kept == ["a", "c", "d"]


def test_putting_the_same_again_counts_once_and_what_is_too_large_is_not_kept() -> None:
    recent = RecentPasses(max_bytes=2 * nbytes(answer()))
    recent.put((b"a", "model"), answer())
    for _ in range(5):
        recent.put((b"b", "model"), answer())
    assert recent.get((b"a", "model")) is not None
    recent.put((b"large", "model"), answer(side=100))
    assert recent.get((b"large", "model")) is None


def test_a_model_that_goes_takes_what_it_saw() -> None:
    recent = RecentPasses(max_bytes=2 * nbytes(answer()))
    recent.put((b"a", "one"), answer())
    recent.put((b"a", "other"), answer())
    recent.forget("one")
    assert recent.get((b"a", "one")) is None
    assert recent.get((b"a", "other")) is not None
    recent.put((b"b", "other"), answer())
    assert recent.get((b"a", "other")) is not None  # the room of what was forgotten is free again


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The model of each pass that is taken over a picture, warming up included."""
    taken: list[str] = []
    forward = Predictor.forward

    def counted(self: Predictor, inputs: Tensor) -> ForwardPass:
        taken.append(self.weights_id)
        return forward(self, inputs)

    monkeypatch.setattr(Predictor, "forward", counted)
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


def test_an_upload_that_makes_room_takes_its_passes(
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


def test_a_pass_that_is_kept_keeps_none_of_the_runtimes_memory(
    ready: Any, pictures: tuple[bytes, ...]
) -> None:
    ready.service.classify(ClassifyRequest(pictures[0], ready.ids[0]))
    ((_, by),) = ready.service._recent._values.values()
    assert by.logits.flags.owndata and by.features.flags.owndata
