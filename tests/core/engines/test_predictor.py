"""A predictor's answers, and agreement between models."""

from __future__ import annotations

import io
from dataclasses import FrozenInstanceError
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from effnet_core.architecture.names import scaled
from effnet_core.attribution.reference import fill_norm_statistics
from effnet_core.engines import predictor as predictor_module
from effnet_core.engines.prediction import (
    ClassProbability,
    Prediction,
    SameAnswer,
    class_index,
    dissenters,
    same_answers,
)
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import ImageError, InvalidInput
from effnet_core.images import Decoded, Preprocessing, crop_box, to_input
from effnet_core.images.resizing import resized_view
from effnet_core.network.build import build
from effnet_core.weights import LoadedWeights, load_checkpoint, save_checkpoint

CLASSES = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedWeights:
    """A tiny network whose logits differ, with its own preprocessing and class names."""
    model = build(scaled(-5, resolution=64, num_classes=len(CLASSES)), seed=1)
    fill_norm_statistics(
        model, torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    )
    path = tmp_path_factory.mktemp("predict") / "tiny.safetensors"
    preprocessing = Preprocessing(resize=70, crop=64, mean=(0.5, 0.5, 0.5), std=(0.25, 0.2, 0.3))
    save_checkpoint(path, model, classes=CLASSES, preprocessing=preprocessing)
    return load_checkpoint(path)


@pytest.fixture(scope="module")
def predictor(loaded: LoadedWeights) -> Predictor:
    return Predictor(loaded, device="cpu")


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    pixels = np.random.default_rng(2).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("engine", "tolerance"), [("eager", 1e-6), ("auto", 1e-4)])
def test_the_answer_is_the_models_softmax_of_what_it_saw(
    loaded: LoadedWeights,
    picture: Image.Image,
    engine: Literal["eager", "auto"],
    tolerance: float,
) -> None:
    predictor = Predictor(loaded, device="cpu", engine=engine)
    prediction = predictor.predict(picture, top_k=3)
    view = resized_view(Decoded(picture, picture.size), predictor.preprocessing)
    np.testing.assert_array_equal(prediction.pixels, view)
    assert prediction.view.size == (64, 64) and prediction.view.tobytes() == view.tobytes()
    x = torch.from_numpy(to_input(view, predictor.preprocessing))[None]
    with torch.no_grad():
        expected = predictor.model(x)[0].softmax(0).numpy()
    np.testing.assert_allclose(prediction.probabilities, expected, rtol=tolerance)
    assert expected.max() - expected.min() > 0.01  # else the order below would prove nothing
    order = sorted(range(len(CLASSES)), key=lambda i: -expected[i])
    assert [item.index for item in prediction.top] == order[:3]
    assert [item.label for item in prediction.top] == [CLASSES[i] for i in order[:3]]
    assert prediction.top == tuple(prediction.of(i) for i in order[:3])
    assert float(prediction.probabilities.sum()) == pytest.approx(1, abs=1e-6)


def test_the_answer_says_how_it_was_computed(predictor: Predictor, picture: Image.Image) -> None:
    prediction = predictor.predict(picture)
    assert prediction.weights == "tiny.safetensors"
    assert (prediction.device, prediction.dtype, prediction.resolution) == ("cpu", "float32", 64)
    assert prediction.crop_box == crop_box(picture.size, predictor.preprocessing)
    assert prediction.milliseconds > 0
    assert len(prediction.top) == 5
    assert len(predictor.predict(picture, top_k=100).top) == len(CLASSES)


def test_answers_are_frozen(predictor: Predictor, picture: Image.Image) -> None:
    prediction = predictor.predict(picture)
    with pytest.raises(FrozenInstanceError):
        prediction.weights = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        prediction.probabilities[0] = 1


def test_unknown_classes_and_counts_get_a_sentence(
    predictor: Predictor, picture: Image.Image
) -> None:
    with pytest.raises(InvalidInput, match="At least one class"):
        predictor.predict(picture, top_k=0)
    for index in (-1, len(CLASSES)):
        with pytest.raises(InvalidInput, match="classes 0 to 6"):
            predictor.predict(picture).of(index)


def test_answering_changes_nothing_in_the_model(predictor: Predictor, picture: Image.Image) -> None:
    before = {name: value.clone() for name, value in predictor.model.state_dict().items()}
    predictor.predict(picture)
    assert not predictor.model.training
    for name, value in predictor.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    for module in predictor.model.modules():
        assert not module._forward_hooks and not module._backward_hooks
    assert all(parameter.grad is None for parameter in predictor.model.parameters())


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-4), ("bfloat16", 0.1)])
def test_other_number_types_give_the_same_answer(
    loaded: LoadedWeights,
    predictor: Predictor,
    picture: Image.Image,
    dtype: str,
    tolerance: float,
) -> None:
    prediction = Predictor(loaded, device="cpu", dtype=dtype).predict(picture)
    assert prediction.dtype == dtype
    np.testing.assert_allclose(
        prediction.probabilities, predictor.predict(picture).probabilities, atol=tolerance
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_autocast_is_refused_where_there_is_none(loaded: LoadedWeights, dtype: str) -> None:
    with pytest.raises(
        InvalidInput, match=f"CUDA device and weights in float32; got cpu and {dtype}"
    ):
        Predictor(loaded, device="cpu", dtype=dtype, engine="autocast")


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("engine", "tolerance"), [("auto", 1e-4), ("eager", 2e-3), ("autocast", 0.1)]
)
def test_the_gpu_gives_the_cpus_answer(
    loaded: LoadedWeights,
    predictor: Predictor,
    picture: Image.Image,
    engine: Literal["auto", "eager", "autocast"],
    tolerance: float,
) -> None:
    there = Predictor(loaded, device="cuda", engine=engine)
    there.warm_up()
    prediction = there.predict(picture)
    assert (prediction.device, prediction.dtype) == ("cuda:0", "float32")
    assert ("CUDA graph" in prediction.engine) == (engine != "eager")
    assert ("autocast" in prediction.engine) == (engine == "autocast")
    np.testing.assert_allclose(
        prediction.probabilities, predictor.predict(picture).probabilities, atol=tolerance
    )


def test_bytes_are_decoded_and_their_time_counts(
    predictor: Predictor, picture: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    picture.save(file, "PNG")
    prediction = predictor.predict_bytes(file.getvalue(), top_k=2)
    assert prediction.top == predictor.predict(picture, top_k=2).top
    decoded = Decoded(picture, picture.size, milliseconds=1e6)
    assert predictor.answer(decoded)[0].milliseconds > 1e6
    monkeypatch.setattr(predictor_module, "decode_for", lambda *_, **__: decoded)
    assert predictor.predict_bytes(file.getvalue()).milliseconds > 1e6
    monkeypatch.undo()
    with pytest.raises(ImageError):
        predictor.predict_bytes(b"no picture")


def says(weights: str, index: int, classes: tuple[str, ...] = CLASSES) -> Prediction:
    probabilities = np.full(len(classes), 0.01, dtype=np.float32)
    probabilities[index] = 0.9
    return Prediction(
        weights=weights,
        top=(ClassProbability(index, classes[index], 0.9),),
        milliseconds=1.0,
        pixels=np.zeros((8, 8, 3), np.uint8),
        crop_box=(0.0, 0.0, 8.0, 8.0),
        device="cpu",
        dtype="float32",
        engine="torch",
        resolution=8,
        classes=classes,
        probabilities=probabilities,
    )


def test_models_with_the_same_classes_agree_by_index() -> None:
    cranes = ("crane", "dog", "crane")  # as in ImageNet: a bird and a machine
    found = same_answers([says("a", 0, cranes), says("b", 2, cranes), says("c", 2, cranes)])
    assert found == (SameAnswer("crane", ("b", "c")), SameAnswer("crane", ("a",)))


def test_models_with_other_numbering_agree_by_name() -> None:
    (found,) = same_answers([says("a", 2), says("b", 0, (" Cat", "dog"))])
    assert found.weights == ("a", "b")


@pytest.mark.parametrize(
    ("indices", "apart"),
    [((1, 1, 1), ""), ((1, 0, 1), "1"), ((0, 1), "01"), ((0, 0, 1, 1, 2), "01234"), ((2,), "")],
)
def test_those_differ_that_do_not_say_what_most_say(indices: tuple[int, ...], apart: str) -> None:
    said = [says(str(number), index) for number, index in enumerate(indices)]
    assert sorted(dissenters(said)) == list(apart)


@given(st.lists(st.integers(0, len(CLASSES) - 1), max_size=12))
def test_groups_are_the_models_sorted_by_size(indices: list[int]) -> None:
    groups = same_answers(says(str(i), index) for i, index in enumerate(indices))
    members = [int(weights) for group in groups for weights in group.weights]
    assert sorted(members) == list(range(len(indices)))
    sizes = [len(group.weights) for group in groups]
    assert sizes == sorted(sizes, reverse=True)
    for group in groups:
        assert {CLASSES[indices[int(weights)]] for weights in group.weights} == {group.label}
    assert len({group.label for group in groups}) == len(groups)


def test_a_class_is_found_by_name() -> None:
    assert class_index(CLASSES, " Cat ") == 2
    assert class_index(("crane", "dog", "crane"), "crane") == 0
    assert class_index(CLASSES, "unicorn") is None
