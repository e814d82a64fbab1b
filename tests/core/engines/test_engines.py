"""Every engine gives torch's own pass, whichever answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.engine import Engine, ForwardPass
from effnet_core.engines.onnx.cache import GraphCache
from effnet_core.engines.onnx.engine import OnnxEngine
from effnet_core.engines.onnx.gradient_sessions import GradientSessions
from effnet_core.engines.onnx.gradients import gradient_graph
from effnet_core.engines.onnx.tensors import Tensors, random_tensors
from effnet_core.engines.torch import EagerEngine
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet
from tests.core.engines.onnx_engines import onnx_engine, tensors_of

SIDE = 64
TOLERANCE = 1e-4
"""Of the largest value: float32 sums in another order and folded weights differ by some 1e-6."""


@pytest.fixture(scope="module")
def model() -> EfficientNet:
    spec = scaled(-5, resolution=SIDE, num_classes=7)
    model = build(spec).requires_grad_(False)
    drawn = {name: torch.from_numpy(values) for name, values in random_tensors(spec, 1).items()}
    model.load_state_dict(model.state_dict() | drawn)
    return model


@pytest.fixture(scope="module")
def fast(model: EfficientNet) -> OnnxEngine:
    return onnx_engine(model)


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))


@pytest.fixture(params=["eager", "fast"])
def engine(request: pytest.FixtureRequest, model: EfficientNet, fast: OnnxEngine) -> Engine:
    return fast if request.param == "fast" else EagerEngine(model)


def assert_close(found: np.ndarray, expected: Tensor) -> None:
    wanted = expected.numpy()
    largest = float(np.abs(wanted).max())
    assert largest > 1e-3  # else nothing would be compared
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE * largest)


def test_a_look_is_the_models_pass(engine: Engine, model: EfficientNet, picture: Tensor) -> None:
    look = engine.forward(picture)
    with torch.no_grad():
        features = model.forward_features(picture)
        logits = model.forward_head(features)
    assert_close(look.features, features[0])
    assert_close(look.logits, logits[0])
    np.testing.assert_allclose(look.probabilities(), logits[0].softmax(0).numpy(), atol=1e-6)
    assert look.engine == engine.name
    assert look.nbytes == 4 * (look.logits.size + look.features.size)


def test_a_look_is_read_only(engine: Engine, picture: Tensor) -> None:
    look = engine.forward(picture)
    for array in (look.logits, look.features, look.probabilities()):
        assert array.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_probabilities_of_large_logits_are_finite() -> None:
    look = ForwardPass(np.array([1000, 1000, 0], np.float32), np.zeros((1, 1, 1), np.float32), "")
    np.testing.assert_array_equal(look.probabilities(), np.array([0.5, 0.5, 0], np.float32))


def by_autograd(
    model: EfficientNet, picture: Tensor, class_index: int
) -> tuple[tuple[Tensor, Tensor], ...]:
    """Every stage's feature maps and the logit's gradients by them, each (1, C, h, w)."""
    maps = model.feature_maps(picture.clone().requires_grad_())
    logit = model.forward_head(maps[-1])[0, class_index]
    gradients = torch.autograd.grad(logit, maps)
    return tuple((a.detach(), g) for a, g in zip(maps, gradients, strict=True))


@pytest.mark.parametrize("stages", [(0,), (3,), (7,), (2, 5), tuple(range(9))], ids=str)
def test_slopes_are_autograds(
    engine: Engine, model: EfficientNet, picture: Tensor, stages: tuple[int, ...]
) -> None:
    with torch.inference_mode():  # callers may be inside one
        found = engine.gradients(picture, 3, stages)
    expected = by_autograd(model, picture, 3)
    assert len(found) == len(stages)
    for (features, gradient), stage in zip(found, stages, strict=True):
        assert_close(features, expected[stage][0][0])
        largest = expected[stage][1].abs().max()
        assert largest > 0
        assert np.abs(gradient - expected[stage][1][0].numpy()).max() <= TOLERANCE * largest


def test_few_sessions_that_go_back_are_kept(model: EfficientNet, picture: Tensor) -> None:
    sessions, values = GradientSessions(model.spec, tensors_of(model)), picture.numpy()
    for stage in (1, 2, 3):
        assert sessions.at(values, 0, (stage,)) is not None
    assert tuple(sessions._sessions) == ((2,), (3,))
    assert sessions.at(values, 0, (2,)) is not None
    assert sessions.at(values, 0, (4,)) is not None
    assert tuple(sessions._sessions) == ((2,), (4,))  # the least recently used makes room


def test_graphs_that_go_back_are_kept_on_disk(
    model: EfficientNet, picture: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[int, ...]] = []

    def write(spec: ArchitectureSpec, tensors: Tensors, stages: tuple[int, ...]) -> bytes:
        written.append(stages)
        return gradient_graph(spec, tensors, stages)

    monkeypatch.setattr("effnet_core.engines.onnx.gradients.gradient_graph", write)
    cache = GraphCache(tmp_path)
    features, gradient = by_autograd(model, picture, 3)[2]
    scale = float(1 / gradient.abs().max())

    def ask(stages: tuple[int, ...], weights: str = "f00") -> None:
        sessions = GradientSessions(model.spec, tensors_of(model), cache, weights)
        found = sessions.at(picture.numpy(), 3, stages)
        assert found is not None
        assert_close(found[0][0], features[0])
        assert_close(scale * found[0][1], scale * gradient[0])

    ask((2,))
    ask((2,))
    assert written == [(2,)]
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    ask((2,))
    ask((2,))
    assert written == [(2,)] * 2
    ask((2, 5))
    ask((2,), weights="f01")
    ask((2, model.last_stage))  # the last stage's gradient needs no graph
    assert written == [(2,), (2,), (2, 5), (2,)]
    assert len(list(tmp_path.iterdir())) == 3


def test_inputs_of_another_size_or_type_are_torchs(fast: OnnxEngine, picture: Tensor) -> None:
    assert fast.forward(picture).engine == f"ONNX Runtime {onnxruntime.__version__}"
    assert fast.forward(torch.zeros(1, 3, SIDE + 3, SIDE)).engine.startswith("torch ")
    ((features, _),) = fast.gradients(torch.zeros(1, 3, SIDE + 3, SIDE), 0, (0,))
    assert features.shape[-2:] == (34, 32)


def test_torch_answers_where_the_graph_is_refused(
    model: EfficientNet,
    picture: Tensor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> bytes:
        raise RuntimeError("no such operator")

    monkeypatch.setattr("effnet_core.engines.onnx.graph.whole_graph", refuse)
    engine = onnx_engine(model)
    assert engine.forward(picture).engine.startswith("torch ")
    assert engine.name.startswith("torch ")
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2  # it is tried twice


def test_threads_at_once_get_the_serial_answers(fast: OnnxEngine) -> None:
    generator = torch.Generator().manual_seed(3)
    pictures = [
        torch.randn(1, 3, SIDE, SIDE, generator=generator) + number / 4 for number in range(40)
    ]
    serial = [fast.forward(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:  # the first that share the cores find no second session
        first = list(pool.map(fast.forward, pictures))
    assert fast._sessions._half.wait(60) is not None
    with ThreadPoolExecutor(8) as pool:
        second = list(pool.map(fast.forward, pictures))
    for together in (first, second):
        for one, other in zip(together, serial, strict=True):
            np.testing.assert_allclose(one.logits, other.logits, rtol=0, atol=1e-5)
            np.testing.assert_allclose(one.features, other.features, rtol=0, atol=1e-5)
    assert np.abs(serial[0].features - serial[1].features).max() > 5e-5  # pictures differ
