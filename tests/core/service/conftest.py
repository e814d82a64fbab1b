"""A service with two tiny models, pictures to ask about, and predictors that can be watched."""

from __future__ import annotations

import io
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from effnet_core.architecture.names import scaled
from effnet_core.attribution.reference import fill_norm_statistics
from effnet_core.engines.engine import ForwardPass
from effnet_core.engines.prediction import Prediction
from effnet_core.engines.predictor import Predictor
from effnet_core.images import Decoded
from effnet_core.network.build import build
from effnet_core.service import Explanation, InferenceService, models
from effnet_core.weights import WeightsStore, save_checkpoint

SECONDS = 60
CLASSES = ("ant", "bee", "cat", "dog", "eel")
SIDE = 64


@pytest.fixture(scope="module", autouse=True)
def one_core_each() -> Iterator[None]:
    """Sixteen threads that each spread over all cores would mostly wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Two tiny networks of different size and weights, whose logits differ."""
    folder, files = tmp_path_factory.mktemp("checkpoints"), []
    for seed, phi in enumerate((-6, -5)):
        model = build(scaled(phi, resolution=SIDE, num_classes=len(CLASSES)), seed=seed)
        generator = torch.Generator().manual_seed(seed)
        fill_norm_statistics(model, torch.randn(4, 3, SIDE, SIDE, generator=generator))
        path = folder / f"{seed}.safetensors"
        save_checkpoint(path, model, classes=CLASSES)
        files.append(path.read_bytes())
    return files[0], files[1]


@pytest.fixture(scope="module")
def pictures() -> tuple[bytes, ...]:
    generator, files = np.random.default_rng(0), []
    for _ in range(4):
        file = io.BytesIO()
        coarse = generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((120, 90)).save(file, "PNG")
        files.append(file.getvalue())
    return tuple(files)


@dataclass(frozen=True)
class Ready:
    """A service with two uploaded models, and their ids."""

    service: InferenceService
    ids: tuple[str, str]


@pytest.fixture
def make(tmp_path: Path, checkpoints: tuple[bytes, bytes]) -> Callable[..., Ready]:
    """Return a function that makes a service, with the settings given, and uploads both models."""

    def build_service(**settings: Any) -> Ready:
        service = InferenceService(WeightsStore(tmp_path), device="cpu", **settings)
        first, second = (
            service.add_checkpoint(data, "tiny.safetensors").id for data in checkpoints
        )
        return Ready(service, (first, second))

    return build_service


@pytest.fixture
def ready(make: Callable[..., Ready]) -> Ready:
    return make()


class Watched(Predictor):
    """A predictor that is counted, and that waits at a gate before it answers."""

    made: weakref.WeakSet[Watched]
    count: int
    gate: threading.Event

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        time.sleep(0.05)  # so that others come while this one loads
        Watched.made.add(self)
        Watched.count += 1

    def answer(self, picture: Decoded, *, top_k: int = 5) -> tuple[Prediction, ForwardPass]:
        assert self.gate.wait(SECONDS)
        return super().answer(picture, top_k=top_k)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[Watched]:
    Watched.made, Watched.count, Watched.gate = weakref.WeakSet(), 0, threading.Event()
    Watched.gate.set()
    monkeypatch.setattr(models, "Predictor", Watched)
    return Watched


@pytest.fixture(scope="session")
def same() -> Callable[[Any, Any], bool]:
    """Return a function that compares two predictions, or two explanations."""

    def compare(one: Prediction | Explanation, other: Prediction | Explanation) -> bool:
        if isinstance(one, Explanation) and isinstance(other, Explanation):
            # torch answers first and ONNX Runtime later, within 1e-4 of each other
            largest = np.abs(one.attribution.raw).max()
            return (
                one.target.index == other.target.index
                and one.attribution.stage == other.attribution.stage
                and np.allclose(one.attribution.raw, other.attribution.raw, atol=1e-4 * largest)
            )
        assert isinstance(one, Prediction) and isinstance(other, Prediction)
        return one.weights == other.weights and np.allclose(
            one.probabilities, other.probabilities, atol=1e-6
        )

    return compare
