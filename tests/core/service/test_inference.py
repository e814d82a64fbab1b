"""The door: answers, cards, downloads, and sentences for what goes wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effnet_core.architecture.names import scaled
from effnet_core.engines.engine import ForwardPass
from effnet_core.engines.prediction import Prediction
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import DownloadError, EffnetError, ImageError, InvalidInput
from effnet_core.images import Decoded
from effnet_core.service import (
    ClassifyRequest,
    ExplainRequest,
    InferenceService,
    models,
)
from effnet_core.service.recent import digest
from effnet_core.weights import WeightsStore, download
from effnet_core.weights.download import Progress

CLASSES = ("ant", "bee", "cat", "dog", "eel")
SIDE = 64


def test_a_model_is_warm_before_its_first_answer_and_only_then(
    tmp_path: Path,
    checkpoints: tuple[bytes, bytes],
    pictures: tuple[bytes, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[tuple[int, int]] = []
    answer = Predictor.answer

    def watched(
        self: Predictor, picture: Decoded, *, top_k: int = 5
    ) -> tuple[Prediction, ForwardPass]:
        sizes.append(picture.size)
        return answer(self, picture, top_k=top_k)

    monkeypatch.setattr(Predictor, "answer", watched)
    service = InferenceService(WeightsStore(tmp_path))
    card = service.add_checkpoint(checkpoints[0], "a.safetensors")
    for picture in pictures[:2]:
        service.classify(ClassifyRequest(picture, card.id))
    assert sizes == [(SIDE, SIDE), (120, 90), (120, 90)]


def test_an_explanation_is_of_the_class_asked_for(
    ready: Any, pictures: tuple[bytes, ...], same: Callable[[Any, Any], bool]
) -> None:
    service, weights = ready.service, ready.ids[1]
    prediction = service.classify(ClassifyRequest(pictures[1], weights))
    default = service.explain(ExplainRequest(image=pictures[1], weights=weights))
    assert default.target == prediction.top[0]
    assert default.attribution.class_index == prediction.top[0].index
    assert default.prediction.view.tobytes() == prediction.view.tobytes()
    assert default.attribution.grid == (2, 2)
    last = prediction.top[-1].index
    answers = [
        service.explain(ExplainRequest(image=pictures[1], weights=weights, class_index=index))
        for index in (prediction.top[0].index, last)
    ]
    assert same(answers[0], default)
    assert not same(answers[1], default)
    assert answers[1].target == prediction.of(last)
    with pytest.raises(InvalidInput, match="classes 0 to 4"):
        service.explain(ExplainRequest(image=pictures[1], weights=weights, class_index=99))


def test_all_stages_equal_each_stage_by_itself(
    ready: Any, pictures: tuple[bytes, ...], same: Callable[[Any, Any], bool]
) -> None:
    weights = ready.ids[0]
    request = ExplainRequest(image=pictures[2], weights=weights, class_index=3)
    strip = ready.service.explain_stages(request)
    assert [item.attribution.stage for item in strip] == list(range(9))
    for stage in (0, 4, 8):
        alone = ExplainRequest(image=pictures[2], weights=weights, class_index=3, stage=stage)
        assert same(strip[stage], ready.service.explain(alone))


def test_method_parameters_arrive(ready: Any, pictures: tuple[bytes, ...]) -> None:
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
    ready: Any, pictures: tuple[bytes, ...]
) -> None:
    decoding = ready.service._pictures.get(digest(pictures[0]), pictures[0]).milliseconds
    for weights in ready.ids * 2:  # the picture is decoded already; its time still counts
        answer = ready.service.classify(ClassifyRequest(pictures[0], weights))
        assert answer.milliseconds > decoding


def test_what_is_available(
    ready: Any, tmp_path: Path, checkpoints: tuple[bytes, bytes], bundled: Any
) -> None:
    service = ready.service
    everything = service.available()
    packaged, published = everything[:3], everything[3:]
    assert [(card.id, card.kind) for card in packaged] == [
        (name, "packaged") for name in ("lite0", "lite1", "lite2")
    ]
    assert {card.kind for card in published} == {"published"}
    assert {card.state for card in published} == {"absent"}
    b2 = next(card for card in published if card.id == "EfficientNet_B2_Weights.IMAGENET1K_V1")
    assert b2.preprocessing is not None
    assert (b2.resolution, b2.num_classes, len(b2.classes)) == (288, 1000, 1000)
    assert b2.size_bytes == pytest.approx(36.8e6, rel=0.01)
    mine = service.available(uploads=(ready.ids[1], "upload:somebody"))
    assert mine[:-1] == everything  # others' uploads stay unseen
    assert (mine[-1].id, mine[-1].kind, mine[-1].classes) == (ready.ids[1], "uploaded", CLASSES)
    file = tmp_path / "own.safetensors"
    file.write_bytes(checkpoints[0])
    WeightsStore(tmp_path).import_file(file)
    own = service.available()[-1]
    assert (own.id, own.kind, own.state, own.resolution) == ("own", "imported", "ready", SIDE)
    assert own.num_classes == len(CLASSES)


def test_a_bundled_model_is_available_first_and_answers(
    ready: Any, bundled: Any, pictures: tuple[bytes, ...]
) -> None:
    bundled.put("Tiny4", "φ = −6, trained here", classes=CLASSES)
    card = ready.service.available()[0]
    assert (card.id, card.kind, card.state) == ("Tiny4", "bundled", "ready")
    assert (card.classes, card.num_classes, card.resolution) == (CLASSES, len(CLASSES), 64)
    assert ready.service.classes("tiny4") == CLASSES
    answer = ready.service.classify(ClassifyRequest(pictures[0], "tiny4"))
    assert (answer.weights, answer.classes) == ("Tiny4", CLASSES)
    assert ready.service.explain(ExplainRequest(image=pictures[0], weights="Tiny4", stage=5))


def test_class_names_of_every_kind_of_weights(
    ready: Any, tmp_path: Path, checkpoints: tuple[bytes, bytes]
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


def test_an_import_that_takes_a_name_is_what_answers_by_it(
    tmp_path: Path, checkpoints: tuple[bytes, bytes], pictures: tuple[bytes, ...]
) -> None:
    store = WeightsStore(tmp_path)
    service = InferenceService(store)
    answers = []
    for number, checkpoint in enumerate(checkpoints):
        if number:
            WeightsStore(tmp_path).remove("own")  # as another process does
        (tmp_path / "own.safetensors").write_bytes(checkpoint)
        WeightsStore(tmp_path).import_file(tmp_path / "own.safetensors", name="own")
        answers.append(service.classify(ClassifyRequest(pictures[0], "own")).probabilities)
        alone = InferenceService(store).classify(ClassifyRequest(pictures[0], "own"))
        assert np.array_equal(answers[-1], alone.probabilities)
    assert not np.array_equal(answers[0], answers[1])


def test_names_of_one_set_of_weights_share_a_lane(
    ready: Any, monkeypatch: pytest.MonkeyPatch, pictures: tuple[bytes, ...]
) -> None:
    loaded = ready.service._uploads.weights(ready.ids[0])
    monkeypatch.setattr(models.Source, "load", lambda source: loaded)
    for name in ("b0", "efficientnet_b0", "EfficientNet_B0_Weights.IMAGENET1K_V1"):
        ready.service.classify(ClassifyRequest(pictures[0], name))
    assert ready.service.loaded() == ("EfficientNet_B0_Weights.IMAGENET1K_V1",)


def test_a_path_is_no_weights_id(
    ready: Any, tmp_path: Path, checkpoints: tuple[bytes, bytes], pictures: tuple[bytes, ...]
) -> None:
    file = tmp_path / "secret.safetensors"
    file.write_bytes(checkpoints[0])
    with pytest.raises(InvalidInput, match="No weights are called"):
        ready.service.classify(ClassifyRequest(pictures[0], str(file)))


def test_bad_pictures_get_a_sentence_and_the_service_goes_on(
    ready: Any, pictures: tuple[bytes, ...]
) -> None:
    for data in (b"", b"%!PS-Adobe", pictures[0][:200]):
        with pytest.raises(ImageError):
            ready.service.classify(ClassifyRequest(data, ready.ids[0]))
    assert ready.service.waiting == 0
    assert ready.service.classify(ClassifyRequest(pictures[0], ready.ids[0])).top


def test_a_download_reports_and_ends_with_a_ready_card(
    ready: Any, monkeypatch: pytest.MonkeyPatch
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
    ready: Any, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    monkeypatch.setenv("EFFNET_WEIGHTS_MIRROR", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(DownloadError, match="no connection"):
        ready.service.download("b0")
    with pytest.raises(InvalidInput, match="No weights are called"):
        ready.service.download("b99")


def test_latency_is_measured_of_specs(ready: Any) -> None:
    result = ready.service.measure_spec(scaled(-6, resolution=32), repeats=3)
    assert 0 < result.low_ms <= result.median_ms <= result.high_ms
    assert (result.resolution, result.repeats, result.device) == (32, 3, "cpu")


def test_what_computes_has_a_name(tmp_path: Path) -> None:
    assert InferenceService(WeightsStore(tmp_path), device="cpu", dtype="float64").device_name


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"device": "tpu"}, InvalidInput),
        ({"device": "cuda:99"}, EffnetError),
        ({"dtype": "int8"}, InvalidInput),
        ({"max_queue": 0}, InvalidInput),
    ],
)
def test_unusable_settings_get_a_sentence(
    tmp_path: Path, settings: dict[str, object], error: type[EffnetError]
) -> None:
    with pytest.raises(error):
        InferenceService(WeightsStore(tmp_path), **settings)  # type: ignore[arg-type]


def test_all_classes_at_once_equal_each_class_alone(
    ready: Any, pictures: tuple[bytes, ...]
) -> None:
    name = ready.ids[0]
    together = ready.service.explain_classes(ClassifyRequest(pictures[0], name))
    assert [explained.target.index for explained in together] == list(range(len(together)))
    assert len(together) == len(ready.service.classes(name))
    for index, explained in enumerate(together):
        alone = ready.service.explain(
            ExplainRequest(image=pictures[0], weights=name, class_index=index)
        )
        scale = np.abs(alone.attribution.raw).max()
        np.testing.assert_allclose(
            explained.attribution.raw, alone.attribution.raw, atol=1e-5 * scale
        )
        assert explained.target == alone.target  # one look, so the very same probability
