"""One logit, and three with a sigmoid each, by both engines: as torch has them, and as maps."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from effnet_core.architecture.names import scaled
from effnet_core.attribution import attribute, attribute_stages
from effnet_core.attribution.cases import probabilities
from effnet_core.attribution.compute import Stage
from effnet_core.attribution.ledger import ledger
from effnet_core.attribution.trust.subject import subject_of
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.engines.predictor import EngineChoice, Predictor
from effnet_core.engines.probe import probe
from effnet_core.evaluation.accuracy import evaluate
from effnet_core.images.samples import load_sample, sample_images
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet
from effnet_core.weights import LoadedWeights, load_checkpoint, save_checkpoint

ENGINES: tuple[EngineChoice, ...] = ("auto", "eager")
SIDE = 64


def network(folder: Path, logits: int) -> tuple[EfficientNet, LoadedWeights]:
    """A network whose logits are far from 0 and apart, and its weights."""
    model = build(scaled(-6, resolution=SIDE, num_classes=logits), seed=1)
    with torch.no_grad():
        model.classifier.weight.mul_(2e3)
        model.classifier.bias.copy_(torch.tensor([1.2, -0.7, 2.1])[:logits])
    path = folder / f"{logits}.safetensors"
    save_checkpoint(path, model, activation="sigmoid")
    return model, load_checkpoint(path)


def logits_of(model: EfficientNet, inputs: np.ndarray) -> Tensor:
    with torch.inference_mode():
        return model(torch.from_numpy(inputs))[0].double()


@pytest.fixture(scope="module")
def picture() -> bytes:
    return load_sample(sample_images()[0].name)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("names", [None, ("cat", "dog")])
def test_one_logit(
    tmp_path: Path, picture: bytes, engine: EngineChoice, names: tuple[str, str] | None
) -> None:
    model, loaded = network(tmp_path, 1)
    if names is not None:
        loaded = dataclasses.replace(loaded, classes=names)
    predictor = Predictor(loaded, device="cpu", engine=engine)
    answer = predictor.predict_bytes(picture)
    (z,) = logits_of(model, predictor.inputs(answer.pixels))
    speaks_for, other = ("class 0", "not class 0") if names is None else ("dog", "cat")
    said = {one.label: one.probability for one in answer.top}
    expected = {speaks_for: float(z.sigmoid()), other: 1 - float(z.sigmoid())}
    assert abs(float(z)) > 0.5  # an answer of 50 % would prove nothing
    assert said == pytest.approx(expected, abs=1e-5)
    assert (answer.activation, answer.one_logit) == ("sigmoid", True)
    assert answer.of(answer.classes.index(speaks_for)).label == speaks_for


@pytest.mark.parametrize("engine", ENGINES)
def test_three_logits_with_a_sigmoid_each(
    tmp_path: Path, picture: bytes, engine: EngineChoice
) -> None:
    model, loaded = network(tmp_path, 3)
    predictor = Predictor(loaded, device="cpu", engine=engine)
    answer = predictor.predict_bytes(picture)
    z = logits_of(model, predictor.inputs(answer.pixels))
    np.testing.assert_allclose(answer.probabilities, z.sigmoid().numpy(), atol=1e-5)
    assert abs(answer.probabilities.sum() - 1) > 0.1  # a softmax would be told apart
    assert [one.index for one in answer.top] == z.argsort(descending=True).tolist()
    assert (answer.activation, answer.one_logit) == ("sigmoid", False)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("stage", [3, "last"])
def test_the_map_of_not_is_the_negative_of_the_logits(
    tmp_path: Path, picture: bytes, engine: EngineChoice, stage: Stage
) -> None:
    model, loaded = network(tmp_path, 1)
    predictor = Predictor(loaded, device="cpu", engine=engine)
    inputs = predictor.inputs(predictor.predict_bytes(picture).pixels)
    ours, opposite = (
        attribute(predictor, inputs, class_index=index, stage=stage).raw for index in (0, 1)
    )
    alone = attribute(model, torch.from_numpy(inputs), class_index=0, stage=stage).raw
    np.testing.assert_allclose(ours, alone, atol=1e-4 * np.abs(alone).max())
    np.testing.assert_allclose(opposite, -ours, atol=1e-6 * np.abs(alone).max())
    assert len(attribute_stages(predictor, inputs, class_index=1)) == loaded.spec.stage_count + 2


def test_the_ledger_of_one_logit_is_that_of_the_logit(tmp_path: Path, picture: bytes) -> None:
    model, loaded = network(tmp_path, 1)
    predictor = Predictor(loaded, device="cpu")
    inputs = predictor.inputs(predictor.predict_bytes(picture).pixels)
    (z,) = logits_of(model, inputs)
    by, rows = predictor.forward(inputs), (0, 1)
    weights, biases = predictor.class_weights(rows), predictor.class_biases(rows)
    for against in (None, 1):
        found = ledger(by, weights, biases, class_index=0, against=against, one_logit=True)
        assert found.logit == pytest.approx(float(z), abs=1e-4)
        assert found.bias == pytest.approx(1.2)
        assert found.bias + found.cells.sum() == pytest.approx(float(z), abs=1e-4)
    opposite = ledger(by, weights, biases, class_index=1, one_logit=True)
    assert opposite.logit == pytest.approx(-float(z), abs=1e-4)


def test_trust_scores_and_probe_follow_the_same_probability(tmp_path: Path, picture: bytes) -> None:
    for logits in (1, 3):
        model, loaded = network(tmp_path, logits)
        predictor = Predictor(loaded, device="cpu")
        answer = predictor.predict_bytes(picture)
        inputs = predictor.inputs(answer.pixels)
        z = logits_of(model, inputs)
        expected = float(z.sigmoid()[0])
        subject = subject_of(predictor, answer, attribute(predictor, inputs, class_index=0))
        assert subject.probability(inputs) == pytest.approx([expected], abs=1e-5)
        assert probabilities(predictor, inputs)[0, 0] == pytest.approx(expected, abs=1e-5)
        (at,) = probe(loaded, picture, (SIDE,), class_index=0)
        assert at.target.probability == pytest.approx(expected, abs=1e-5)


def photos(labels: tuple[int, ...], names: tuple[str, ...]) -> PhotoSet:
    pixels = torch.randint(0, 256, (len(labels), 3, SIDE, SIDE), generator=torch.manual_seed(0))
    return PhotoSet(
        images=pixels.byte(),
        labels=torch.tensor(labels),
        classes=names,
        class_ids=names,
        names=tuple(f"{number}.png" for number in range(len(labels))),
    )


def test_evaluating_one_logit_is_binary_cross_entropy(tmp_path: Path) -> None:
    model, loaded = network(tmp_path, 1)
    loaded = dataclasses.replace(loaded, classes=("cat", "dog"))
    predictor = Predictor(loaded, device="cpu", engine="eager")
    labels = (0, 1, 1, 0, 1)
    found = evaluate(predictor, photos(labels, ("cat", "dog")), batch=2)
    seen = photos(labels, ("cat", "dog")).images
    z = torch.stack(
        [
            logits_of(
                model,
                predictor.inputs(predictor_view(predictor, one)),
            )
            for one in seen
        ]
    )[:, 0]
    wanted = torch.tensor(labels).double()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, wanted)
    assert found.loss == pytest.approx(float(loss), abs=1e-4)
    assert found.top1 == pytest.approx(float(((z > 0) == (wanted > 0)).double().mean()))
    sure = torch.maximum(z.sigmoid(), 1 - z.sigmoid())
    np.testing.assert_allclose(found.answers.confidences, sure.numpy(), atol=1e-5)
    assert (found.activation, found.assumed) == ("sigmoid", "")


def predictor_view(predictor: Predictor, pixels: Tensor) -> np.ndarray:
    """What the model sees of a stored photo."""
    from PIL import Image

    return predictor.predict(Image.fromarray(pixels.permute(1, 2, 0).numpy()), top_k=1).pixels


def test_evaluating_several_sigmoids_says_what_is_assumed(tmp_path: Path) -> None:
    model, loaded = network(tmp_path, 3)
    names = loaded.classes
    predictor = Predictor(loaded, device="cpu", engine="eager")
    labels = (2, 0, 1)
    found = evaluate(predictor, photos(labels, names), batch=3)
    z = torch.stack(
        [
            logits_of(model, predictor.inputs(predictor_view(predictor, one)))
            for one in photos(labels, names).images
        ]
    )
    wanted = torch.nn.functional.one_hot(torch.tensor(labels), 3).double()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, wanted)
    assert found.loss == pytest.approx(float(loss), abs=1e-4)
    assert found.answers.predicted.tolist() == z.argmax(1).tolist()
    assert "the class of the highest logit counts as the answer" in found.to_dict()["assumed"]
