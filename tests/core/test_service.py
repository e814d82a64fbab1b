"""The door: many threads, few models, full queues, uploads, and sentences for what goes wrong."""

from __future__ import annotations

import hashlib
import io
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from effnet_core.attribution.reference import calibrate
from effnet_core.builder import build
from effnet_core.errors import (
    Busy,
    DoesNotFit,
    DownloadError,
    ImageError,
    InvalidInput,
    WeightsError,
)
from effnet_core.predict import Prediction, Predictor
from effnet_core.service import (
    ClassifyRequest,
    ExplainRequest,
    Explanation,
    Failed,
    InferenceService,
    inference,
)
from effnet_core.variants import scaled
from effnet_core.weights import WeightsStore, download, save_checkpoint
from effnet_core.weights.download import Progress

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
        calibrate(model, torch.randn(4, 3, SIDE, SIDE, generator=generator))
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


def make(tmp_path: Path, checkpoints: tuple[bytes, bytes], **settings: int) -> Ready:
    service = InferenceService(WeightsStore(tmp_path), device="cpu", **settings)  # type: ignore[arg-type]
    first, second = (service.add_checkpoint(data, "tiny.safetensors").id for data in checkpoints)
    return Ready(service, (first, second))


@pytest.fixture
def ready(tmp_path: Path, checkpoints: tuple[bytes, bytes]) -> Ready:
    return make(tmp_path, checkpoints)


class Watched(Predictor):
    """A predictor that is counted, and that waits at a gate before it answers."""

    made: weakref.WeakSet[Watched]
    count: int
    gate: threading.Event

    def __init__(self, *args: object, **settings: object) -> None:
        super().__init__(*args, **settings)  # type: ignore[arg-type]
        time.sleep(0.05)  # so that others come while this one loads
        Watched.made.add(self)
        Watched.count += 1

    def predict(self, image: Image.Image, *, top_k: int = 5) -> Prediction:
        assert self.gate.wait(SECONDS)
        return super().predict(image, top_k=top_k)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[Watched]:
    Watched.made, Watched.count, Watched.gate = weakref.WeakSet(), 0, threading.Event()
    Watched.gate.set()
    monkeypatch.setattr(inference, "Predictor", Watched)
    return Watched


def same(one: Prediction | Explanation, other: Prediction | Explanation) -> bool:
    if isinstance(one, Explanation) and isinstance(other, Explanation):
        largest = np.abs(one.attribution.raw).max()
        return (
            one.target.index == other.target.index
            and one.attribution.stage == other.attribution.stage
            and np.allclose(one.attribution.raw, other.attribution.raw, atol=1e-5 * largest)
        )
    assert isinstance(one, Prediction) and isinstance(other, Prediction)
    return one.weights == other.weights and np.allclose(
        one.probabilities, other.probabilities, atol=1e-6
    )


def test_sixteen_threads_get_the_serial_answers(
    tmp_path: Path,
    checkpoints: tuple[bytes, bytes],
    pictures: tuple[bytes, ...],
    watched: type[Watched],
) -> None:
    ready = make(tmp_path, checkpoints, max_queue=64)
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
        together = list(pool.map(answer, requests * 3))
    assert watched.count == 2
    serial = [answer(request) for request in requests] * 3
    assert all(same(one, other) for one, other in zip(together, serial, strict=True))
    by_picture = {answer.probabilities.tobytes() for answer in serial[::2]}  # type: ignore[union-attr]
    assert len(by_picture) == len(pictures) * 2  # no two answers alike, or equality proves nothing


def test_a_full_queue_says_busy_and_every_waiting_request_is_answered(
    tmp_path: Path,
    checkpoints: tuple[bytes, bytes],
    pictures: tuple[bytes, ...],
    watched: type[Watched],
) -> None:
    ready = make(tmp_path, checkpoints, max_queue=3)
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
    tmp_path: Path,
    checkpoints: tuple[bytes, bytes],
    pictures: tuple[bytes, ...],
    watched: type[Watched],
) -> None:
    service, ids = (ready := make(tmp_path, checkpoints, max_models=1)).service, ready.ids
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


def test_several_models_answer_as_one_and_a_failure_costs_only_itself(
    ready: Ready, pictures: tuple[bytes, ...]
) -> None:
    wanted = (ready.ids[0], "b0", ready.ids[1], "nonsense")
    answers = ready.service.classify_many(ClassifyRequest(pictures[0], name) for name in wanted)
    assert [type(answer) for answer in answers] == [Prediction, Failed, Prediction, Failed]
    assert [answer.weights for answer in answers] == list(wanted)
    assert isinstance(answers[1], Failed) and "is not on this disk" in answers[1].sentence
    assert isinstance(answers[3], Failed) and "nonsense" in answers[3].sentence
    bad = ready.service.classify_many(
        (ClassifyRequest(b"GIF89a", ready.ids[0]), ClassifyRequest(pictures[0], ready.ids[0]))
    )
    assert [type(answer) for answer in bad] == [Failed, Prediction]


def test_an_explanation_is_of_the_class_asked_for(
    ready: Ready, pictures: tuple[bytes, ...]
) -> None:
    service, weights = ready.service, ready.ids[1]
    prediction = service.classify(ClassifyRequest(pictures[1], weights))
    default = service.explain(ExplainRequest(image=pictures[1], weights=weights))
    assert default.target == prediction.top[0]
    assert default.attribution.class_index == prediction.top[0].index
    assert default.prediction.view.tobytes() == prediction.view.tobytes()
    assert default.attribution.grid == (2, 2)
    last = prediction.top[-1].index
    answers = service.explain_many(
        ExplainRequest(image=pictures[1], weights=weights, class_index=index)
        for index in (prediction.top[0].index, last, 99)
    )
    assert isinstance(answers[0], Explanation) and same(answers[0], default)
    assert isinstance(answers[1], Explanation) and not same(answers[1], default)
    assert answers[1].target == prediction.of(last)
    assert isinstance(answers[2], Failed) and "classes 0 to 4" in answers[2].sentence


def test_all_stages_equal_each_stage_by_itself(ready: Ready, pictures: tuple[bytes, ...]) -> None:
    weights = ready.ids[0]
    request = ExplainRequest(image=pictures[2], weights=weights, class_index=3)
    strip = ready.service.explain_stages(request)
    assert [item.attribution.stage for item in strip] == list(range(9))
    for stage in (0, 4, 8):
        alone = ExplainRequest(image=pictures[2], weights=weights, class_index=3, stage=stage)
        assert same(strip[stage], ready.service.explain(alone))


def test_method_parameters_arrive(ready: Ready, pictures: tuple[bytes, ...]) -> None:
    def occlude(window: int) -> np.ndarray:
        request = ExplainRequest(
            image=pictures[0],
            weights=ready.ids[0],
            method="occlusion",
            parameters=(("window", window), ("stride", 16)),
        )
        return ready.service.explain(request).attribution.raw

    assert occlude(16).shape == (SIDE, SIDE)
    assert not np.allclose(occlude(16), occlude(32))
    with pytest.raises(InvalidInput, match="Window"):
        occlude(1)


def test_time_from_bytes_is_the_same_measure_for_every_model(
    ready: Ready, pictures: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding = ready.service._pictures.get(pictures[0]).decode_milliseconds
    for weights in ready.ids * 2:  # the picture is decoded already; its time still counts
        answer = ready.service.classify(ClassifyRequest(pictures[0], weights))
        assert answer.milliseconds > decoding


def test_what_is_available(ready: Ready, tmp_path: Path, checkpoints: tuple[bytes, bytes]) -> None:
    service = ready.service
    published = service.available()
    assert {card.kind for card in published} == {"published"}
    assert {card.state for card in published} == {"absent"}
    b2 = next(card for card in published if card.id == "EfficientNet_B2_Weights.IMAGENET1K_V1")
    assert b2.preprocessing is not None
    assert (b2.resolution, b2.num_classes, len(b2.classes)) == (288, 1000, 1000)
    assert b2.size_bytes == pytest.approx(36.8e6, rel=0.01)
    mine = service.available(uploads=(ready.ids[1], "upload:somebody"))
    assert mine[:-1] == published  # others' uploads stay unseen
    assert (mine[-1].id, mine[-1].kind, mine[-1].classes) == (ready.ids[1], "uploaded", CLASSES)
    file = tmp_path / "own.safetensors"
    file.write_bytes(checkpoints[0])
    WeightsStore(tmp_path).import_file(file)
    own = service.available()[-1]
    assert (own.id, own.kind, own.state, own.resolution) == ("own", "imported", "ready", SIDE)
    assert own.num_classes == len(CLASSES)


def test_class_names_of_every_kind_of_weights(
    ready: Ready, tmp_path: Path, checkpoints: tuple[bytes, bytes]
) -> None:
    service = ready.service
    assert service.classes("b0")[207] == "golden retriever"
    assert service.classes(ready.ids[0]) == CLASSES
    assert service.loaded() == ()
    file = tmp_path / "own.safetensors"
    file.write_bytes(checkpoints[0])
    WeightsStore(tmp_path).import_file(file)
    assert service.classes("own") == CLASSES
    assert service.loaded() == ("own",)


def test_names_of_one_set_of_weights_share_a_lane(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, pictures: tuple[bytes, ...]
) -> None:
    loaded = ready.service._uploads.weights(ready.ids[0])
    monkeypatch.setattr(inference, "resolve_weights", lambda name, store: loaded)
    for name in ("b0", "efficientnet_b0", "EfficientNet_B0_Weights.IMAGENET1K_V1"):
        ready.service.classify(ClassifyRequest(pictures[0], name))
    assert ready.service.loaded() == ("EfficientNet_B0_Weights.IMAGENET1K_V1",)


def test_a_path_is_no_weights_id(
    ready: Ready, tmp_path: Path, checkpoints: tuple[bytes, bytes], pictures: tuple[bytes, ...]
) -> None:
    file = tmp_path / "secret.safetensors"
    file.write_bytes(checkpoints[0])
    with pytest.raises(InvalidInput, match="No weights are called"):
        ready.service.classify(ClassifyRequest(pictures[0], str(file)))


def test_bad_pictures_get_a_sentence_and_the_service_goes_on(
    ready: Ready, pictures: tuple[bytes, ...]
) -> None:
    for data in (b"", b"%!PS-Adobe", pictures[0][:200]):
        with pytest.raises(ImageError):
            ready.service.classify(ClassifyRequest(data, ready.ids[0]))
    assert ready.service.waiting == 0
    assert ready.service.classify(ClassifyRequest(pictures[0], ready.ids[0])).top


def test_running_out_of_memory_gets_a_sentence(
    tmp_path: Path,
    checkpoints: tuple[bytes, bytes],
    pictures: tuple[bytes, ...],
    watched: type[Watched],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_out(self: Watched, image: Image.Image, *, top_k: int = 5) -> Prediction:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    ready = make(tmp_path, checkpoints)
    request = ClassifyRequest(pictures[0], ready.ids[0])
    with monkeypatch.context() as patch:
        patch.setattr(watched, "predict", run_out)
        with pytest.raises(DoesNotFit, match="choose a smaller model"):
            ready.service.classify(request)
    assert ready.service.classify(request).top


def test_a_download_reports_and_ends_with_a_ready_card(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(url: str, target: Path, *, progress: Progress, **_: object) -> str:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"four")
        progress(2, 4)
        progress(4, 4)
        return hashlib.sha256(b"four").hexdigest()

    monkeypatch.setattr(download, "fetch", fetch)
    seen: list[tuple[int, int]] = []
    card = ready.service.download("b3", lambda done, total: seen.append((done, total)))
    assert seen == [(2, 4), (4, 4)]
    assert (card.id, card.state) == ("EfficientNet_B3_Weights.IMAGENET1K_V1", "ready")
    assert card.size_bytes == 4


def test_a_download_without_a_server_gets_a_sentence(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    monkeypatch.setenv("EFFNET_WEIGHTS_MIRROR", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(DownloadError, match="no connection"):
        ready.service.download("b0")
    with pytest.raises(InvalidInput, match="No weights are called"):
        ready.service.download("b99")


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


def test_latency_is_measured_of_weights_and_of_specs(ready: Ready) -> None:
    result = ready.service.measure(ready.ids[0], repeats=3)
    assert 0 < result.low_ms <= result.median_ms <= result.high_ms
    assert (result.resolution, result.repeats, result.device) == (SIDE, 3, "cpu")
    spec = scaled(-6, resolution=32)
    assert ready.service.measure_spec(spec, repeats=2).resolution == 32


def test_the_read_out_says_what_computes(tmp_path: Path) -> None:
    service = InferenceService(WeightsStore(tmp_path), device="cpu", dtype="float64")
    info, count = service.describe(), torch.get_num_threads()
    assert str(info) == f"cpu · float64 · {count} thread{'s' if count > 1 else ''}"
    assert info.name


@pytest.mark.parametrize(
    "settings",
    [{"device": "tpu"}, {"device": "cuda:99"}, {"dtype": "int8"}, {"max_queue": 0}],
)
def test_unusable_settings_get_a_sentence(tmp_path: Path, settings: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        InferenceService(WeightsStore(tmp_path), **settings)  # type: ignore[arg-type]
