"""Real photos and real weights, beside timm with its own evaluation transform."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from timm.data import ImageNetInfo, create_transform, resolve_data_config

from effnet_core.engines.prediction import Prediction
from effnet_core.engines.predictor import Predictor
from effnet_core.service import ClassifyRequest, ExplainRequest, InferenceService
from effnet_core.weights import WeightsStore, catalog, load_checkpoint
from tests.reading.pictures import in_srgb

RIGHT = 32
"""How many of the 40 photos timm gets right with these weights."""


@dataclass(frozen=True)
class Answers:
    """Each photo's file, what this project says and timm's probabilities."""

    paths: tuple[Path, ...]
    ours: tuple[Prediction, ...]
    timms: tuple[np.ndarray, ...]


@pytest.fixture(scope="module")
def service(
    v2b0_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[InferenceService, str]:
    service = InferenceService(WeightsStore(tmp_path_factory.mktemp("store")), device="cpu")
    card = service.add_checkpoint(
        v2b0_weights.read_bytes(), v2b0_weights.name, architecture="tf_efficientnetv2_b0"
    )
    return service, card.id


@pytest.fixture(scope="module")
def answers(
    service: tuple[InferenceService, str], photos: tuple[Path, ...], v2b0_weights: Path
) -> Answers:
    door, weights = service
    ours = tuple(door.classify(ClassifyRequest(path.read_bytes(), weights)) for path in photos)
    model = timm.create_model("tf_efficientnetv2_b0").eval()
    model.load_state_dict(load_file(v2b0_weights))
    transform = create_transform(**resolve_data_config({}, model=model, use_test_size=True))
    timms = []
    for path in photos:
        x = transform(in_srgb(Image.open(path)))
        assert x.shape == (3, 224, 224)
        with torch.inference_mode():
            timms.append(model(x[None])[0].softmax(0).numpy())
    return Answers(photos, ours, tuple(timms))


def test_every_photo_has_timms_class_and_probabilities(answers: Answers) -> None:
    for path, ours, timms in zip(answers.paths, answers.ours, answers.timms, strict=True):
        assert ours.top[0].index == int(timms.argmax()), path.name
        assert np.abs(ours.probabilities - timms).max() < 1e-3, path.name


def test_bfloat16_loses_as_little_as_the_docs_say(v2b0_weights: Path, answers: Answers) -> None:
    """39 of the same class and 0.029 were measured; processors round differently."""
    loaded = load_checkpoint(v2b0_weights, architecture="tf_efficientnetv2_b0")
    predictor = Predictor(loaded, device="cpu", dtype="bfloat16")
    others = [predictor.predict_bytes(path.read_bytes()) for path in answers.paths]
    pairs = tuple(zip(others, answers.ours, strict=True))
    changes = [float(np.abs(a.probabilities - b.probabilities).max()) for a, b in pairs]
    assert sum(a.top[0].index == b.top[0].index for a, b in pairs) >= 38
    assert 1e-3 < max(changes) < 0.06


def test_as_many_are_right_as_timm_gets_right(answers: Answers) -> None:
    info = ImageNetInfo("imagenet-1k")  # sorted wnids
    wnids = [info.index_to_label_name(ours.top[0].index) for ours in answers.ours]
    truth = [path.name.split("_")[0] for path in answers.paths]
    assert sum(wnid == true for wnid, true in zip(wnids, truth, strict=True)) == RIGHT


def test_labels_are_torchvisions_and_fit_the_file_names(answers: Answers) -> None:
    info = ImageNetInfo("imagenet-1k")
    index = {info.index_to_label_name(i): i for i in range(1000)}
    categories = catalog()[0].classes
    for path, ours in zip(answers.paths, answers.ours, strict=True):
        assert ours.classes == categories
        wnid, _, name = path.stem.partition("_")
        assert categories[index[wnid]].replace(" ", "_") == name, path.name


def test_the_probabilities_depend_on_the_conventions(v2b0_weights: Path, answers: Answers) -> None:
    """Symmetric padding in place of TensorFlow's is not within the tolerance above."""
    loaded = load_checkpoint(v2b0_weights, architecture="tf_efficientnetv2_b0")
    symmetric = replace(loaded.spec, padding="symmetric")
    predictor = Predictor(replace(loaded, spec=symmetric), device="cpu")
    other = [predictor.predict_bytes(path.read_bytes()) for path in answers.paths[:5]]
    differences = [
        float(np.abs(prediction.probabilities - timms).max())
        for prediction, timms in zip(other, answers.timms, strict=False)
    ]
    assert max(differences) > 1e-2


def test_the_map_of_a_wombat_peaks_on_its_face(
    service: tuple[InferenceService, str], photos: tuple[Path, ...]
) -> None:
    door, weights = service
    photo = next(path for path in photos if "wombat" in path.name)
    answer = door.explain(ExplainRequest(image=photo.read_bytes(), weights=weights))
    assert answer.target.label == "wombat"
    assert not answer.attribution.weak
    raw = answer.attribution.raw
    assert raw.shape == (7, 7)
    row, column = np.unravel_index(raw.argmax(), raw.shape)
    assert 2 <= row <= 5 and 1 <= column <= 4  # where its face is in the picture
