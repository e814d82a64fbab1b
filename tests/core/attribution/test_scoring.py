"""Scoring a real network's maps: each row recomputed piece by piece, whatever the batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from effnet_core.architecture.names import scaled
from effnet_core.attribution import MapScores, attribute, metrics, score_maps, scoring
from effnet_core.attribution.boxes import Box, view_box
from effnet_core.attribution.cam import COMBINATIONS
from effnet_core.attribution.controls import centre_gaussian
from effnet_core.attribution.maps import MapRequest, photo_maps
from effnet_core.attribution.pixels import baseline
from effnet_core.attribution.reference import fill_norm_statistics
from effnet_core.attribution.scores import METRICS
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.network.build import build
from effnet_core.weights import load_checkpoint, save_checkpoint
from tests.core.attribution.curves import deletion, insertion

CLASSES = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay")
SIZE = (72, 72)
UNKNOWN = [-1, -1, -1, -1]
STEPS = 5

# Threads, batches and processors round differently, in the seventh digit. Where that swaps two
# pixels of nearly equal value at a cut, insertion and deletion follow the network's answer to
# another picture, by 3e-4 for one pixel of 5,184 here; another photo's map moves them by 4e-2.
ROUNDING, SWAPPED_PIXELS = 1e-5, 2e-3


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A network of 72 pixels that prefers some classes to others, whatever the photo."""
    model = build(scaled(-4, base_resolution=128, num_classes=len(CLASSES)), seed=1)
    fill_norm_statistics(
        model, torch.randn(8, 3, 72, 72, generator=torch.Generator().manual_seed(1))
    )
    with torch.no_grad():
        model.classifier.weight.mul_(4)
    path = tmp_path_factory.mktemp("scoring") / "tiny.safetensors"
    preprocessing = Preprocessing(resize=80, crop=72, interpolation="bilinear")
    save_checkpoint(path, model, classes=CLASSES, preprocessing=preprocessing)
    return Predictor(load_checkpoint(Path(path)), device="cpu")


@pytest.fixture(scope="module")
def photos() -> PhotoSet:
    """Eight photos of 64 pixels, six of them with boxes, under names in another order."""
    generator = torch.Generator().manual_seed(2)
    coarse = torch.rand((8, 3, 9, 9), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bilinear")
    boxes = [
        [0, 10, 63, 58],
        UNKNOWN,
        [14, 2, 54, 49],
        [30, 30, 33, 33],
        [0, 0, 2, 63],  # outside the crop
        [1, 17, 58, 56],
        [5, 12, 63, 56],
        [40, 0, 63, 20],
    ]
    return PhotoSet(
        images=(smooth * 255).byte(),
        labels=torch.tensor([0, 1, 2, 3, 4, 5, 6, 6]),
        classes=CLASSES[::-1],
        class_ids=CLASSES[::-1],
        names=tuple(f"{index}.png" for index in range(8)),
        boxes=torch.tensor(boxes, dtype=torch.int16),
    )


def without_seconds(rows: tuple[MapScores, ...]) -> tuple[MapScores, ...]:
    return tuple(replace(row, seconds=0.0) for row in rows)


def means(row: MapScores) -> list[float]:
    return [getattr(row, metric).mean for metric in METRICS]


def assert_scores(row: MapScores, expected: list[float]) -> None:
    for metric, found, wanted in zip(METRICS, means(row), expected, strict=True):
        ranks = metric in ("insertion", "deletion")
        tolerance = SWAPPED_PIXELS if ranks else ROUNDING
        assert found == pytest.approx(wanted, abs=tolerance), (row.subject, row.stage, metric)


def view(predictor: Predictor, photos: PhotoSet, place: int) -> tuple[Tensor, Box]:
    """The network's input (1, 3, 72, 72), by the predictor's own door, and the box in it."""
    from PIL import Image

    from effnet_core.images import model_view

    picture = Image.fromarray(photos.images[place].permute(1, 2, 0).contiguous().numpy())
    assert photos.boxes is not None
    box = view_box(photos.boxes[place].tolist(), picture.size, predictor.preprocessing)
    assert box is not None
    shown = predictor.inputs(model_view(picture, predictor.preprocessing))
    return torch.from_numpy(shown), box


def by_hand(
    predictor: Predictor, inputs: Tensor, box: Box, class_index: int, raw: npt.NDArray[np.float32]
) -> list[float]:
    """Every metric of one map by the public functions, one after another."""

    def confidence(pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        with torch.inference_mode():
            answers = predictor.model(torch.from_numpy(pictures)).double().softmax(1)
        return answers[:, class_index].numpy()

    picture = inputs[0].numpy()
    blurred = baseline(inputs, "blur", inputs)[0].numpy()
    whole, kept = confidence(np.stack([picture, metrics.explained(raw, picture)])).tolist()
    return [
        metrics.pointing_game(raw, box, SIZE),
        metrics.energy_inside(raw, box, SIZE),
        insertion(raw, picture, blurred, confidence, steps=STEPS).area,
        deletion(raw, picture, confidence, steps=STEPS).area,
        metrics.drop(whole, kept),
        metrics.increase(whole, kept),
    ]


def test_rows_are_each_stages_maps_and_random_maps_then_the_gaussian(
    predictor: Predictor, photos: PhotoSet
) -> None:
    told: list[tuple[int, int]] = []
    rows = score_maps(
        predictor, photos, steps=STEPS, batch=4, progress=lambda *counts: told.append(counts)
    )
    assert [(row.subject, row.stage, row.grid) for row in rows] == [
        ("grad-cam", 8, (3, 3)),
        ("random map", 8, (3, 3)),
        ("grad-cam", 5, (5, 5)),
        ("random map", 5, (5, 5)),
        ("centre Gaussian", None, SIZE),
    ]
    assert {(row.photos, row.target, row.steps) for row in rows} == {(6, "label", STEPS)}
    assert len({(row.box_share, row.confidence) for row in rows}) == 1
    assert told == [(done, 6) for done in range(1, 7)]
    assert all(row.seconds > 0 for row in rows)
    assert all(parameter.grad is None for parameter in predictor.model.parameters())


@pytest.mark.parametrize("target", ["label", "predicted"])
def test_one_photos_row_is_each_metric_of_its_map(
    predictor: Predictor, photos: PhotoSet, target: str
) -> None:
    """Photo 2 is a "hen" to its set, class 7 of the network."""
    one = photos.subset(torch.tensor([2]))
    inputs, box = view(predictor, photos, 2)
    with torch.inference_mode():
        answers = predictor.model(inputs).double().softmax(1)[0]
    class_index = CLASSES.index("hen") if target == "label" else int(answers.argmax())
    rows = score_maps(predictor, one, steps=STEPS, target=target)  # type: ignore[arg-type]
    for row in (rows[0], rows[2]):
        assert row.stage is not None
        raw = attribute(predictor.model, inputs, class_index=class_index, stage=row.stage).raw
        assert_scores(row, by_hand(predictor, inputs, box, class_index, raw))
    assert_scores(rows[4], by_hand(predictor, inputs, box, class_index, centre_gaussian(SIZE)))
    assert rows[0].confidence.mean == pytest.approx(float(answers[class_index]), abs=ROUNDING)
    assert rows[0].box_share.mean == pytest.approx(box.share(SIZE))
    assert rows[0].pointing.standard_error is None


def test_the_two_targets_differ_where_the_network_is_wrong(
    predictor: Predictor, photos: PhotoSet
) -> None:
    label = score_maps(predictor, photos, steps=2)[0]
    predicted = score_maps(predictor, photos, steps=2, target="predicted")[0]
    assert predicted.confidence.mean > label.confidence.mean + 0.01
    assert predicted.energy != label.energy


def test_results_do_not_depend_on_the_batch(predictor: Predictor, photos: PhotoSet) -> None:
    alone = score_maps(predictor, photos, steps=STEPS, batch=1)
    together = score_maps(predictor, photos, steps=STEPS, batch=32)
    for one, many in zip(alone, together, strict=True):
        assert (one.subject, one.stage) == (many.subject, many.stage)
        assert_scores(one, means(many))


def test_one_seed_is_one_result_and_another_draws_anew(
    predictor: Predictor, photos: PhotoSet
) -> None:
    first, again, other = (
        without_seconds(score_maps(predictor, photos, count=3, steps=2, seed=seed))
        for seed in (7, 7, 9)
    )
    assert first == again
    assert first[0].photos == 3
    assert first[0].box_share != other[0].box_share  # other photos
    every = [score_maps(predictor, photos, steps=2, seed=seed) for seed in (7, 9)]
    assert every[0][0].energy == every[1][0].energy  # the same photos, the same maps
    assert every[0][1].energy != every[1][1].energy  # other random maps


def test_a_map_equal_to_the_box_scores_1(
    predictor: Predictor, photos: PhotoSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photo 2's box is 13.5…64.75 by −1.5…58.5 in the view: its edge cuts pixels."""
    _, box = view(predictor, photos, 2)
    assert (box.left, box.top, box.right, box.bottom) == (13.5, 0.0, 64.75, 58.5)
    within = np.zeros((1, *SIZE), dtype=np.float32)
    within[0, 0:58, 14:64] = 1
    monkeypatch.setattr(scoring, "photo_maps", lambda *_, **__: within)
    row, *_ = score_maps(predictor, photos.subset(torch.tensor([2])), steps=2, stages=("last",))
    assert (row.pointing.mean, row.grid) == (1.0, SIZE)
    assert row.energy.mean == pytest.approx(1.0)


def test_photos_without_a_usable_box_or_class_are_left_out(
    predictor: Predictor, photos: PhotoSet
) -> None:
    strangers = replace(photos, classes=("yak", "zebu", *photos.classes[2:]))
    assert score_maps(predictor, strangers, steps=2)[0].photos == 5  # photo 0 is a yak
    assert score_maps(predictor, strangers, steps=2, target="predicted")[0].photos == 6
    with pytest.raises(InvalidInput, match="without boxes"):
        score_maps(predictor, replace(photos, boxes=None))
    assert photos.boxes is not None
    unknown = torch.full_like(photos.boxes, -1)
    with pytest.raises(InvalidInput, match="None of these photos"):
        score_maps(predictor, replace(photos, boxes=unknown))


@pytest.mark.parametrize("method", COMBINATIONS)
@pytest.mark.parametrize("stage", [5, 8])
def test_maps_of_a_batch_are_those_of_attribute(
    predictor: Predictor, photos: PhotoSet, method: str, stage: int
) -> None:
    places, classes = (0, 2, 3), (7, 1, 7)
    inputs = torch.cat([view(predictor, photos, place)[0] for place in places])
    request = MapRequest(method=method, stage=stage)
    # The published weights have no bound: where a divisor is nearly 0 they tell apart what a pass
    # of three photos and one of a single photo round otherwise.
    at_once = 1 if method == "grad-cam-plus-plus-published" else len(places)
    labels = torch.tensor(classes)
    parts = zip(inputs.split(at_once), labels.split(at_once), strict=True)
    maps = np.concatenate([photo_maps(predictor.model, *part, request) for part in parts])
    for own, one, class_index in zip(maps, inputs, classes, strict=True):
        raw = attribute(
            predictor.model, one[None], class_index=class_index, method=method, stage=stage
        ).raw
        np.testing.assert_allclose(own, raw, atol=1e-4 * np.abs(raw).max())


def test_input_methods_have_one_row_at_the_inputs_size(
    predictor: Predictor, photos: PhotoSet
) -> None:
    settings = (("samples", 1), ("sigma", 0.0))
    one = photos.subset(torch.tensor([3]))
    row, control, _ = score_maps(
        predictor, one, method="saliency", parameters=settings, steps=STEPS
    )
    assert (row.subject, row.stage, row.grid) == ("saliency", None, SIZE)
    assert (control.subject, control.stage, control.grid) == ("random map", None, SIZE)
    inputs, box = view(predictor, photos, 3)
    class_index = CLASSES.index("gnu")
    raw = attribute(
        predictor.model, inputs, class_index=class_index, method="saliency", parameters=settings
    ).raw
    assert_scores(row, by_hand(predictor, inputs, box, class_index, raw))


def test_stages_are_scored_once_and_as_asked(predictor: Predictor, photos: PhotoSet) -> None:
    rows = score_maps(predictor, photos, stages=(3, "last", 8), count=1, steps=2)
    assert [row.stage for row in rows] == [3, 3, 8, 8, None]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"stages": (9,)}, "0 \\(stem\\) to 8"),
        ({"stages": ()}, "at least one"),
        ({"stages": (True,)}, "got \\(True,\\)"),
        ({"method": "saliency", "stages": ("last",)}, "no stage can be chosen"),
        ({"method": "nonsense"}, "Unknown attribution method"),
        ({"parameters": (("steps", 3),)}, "has no parameter"),
        ({"count": 0}, "at least one photo"),
        ({"batch": 0}, "at least one photo"),
        ({"seed": -1}, "from 0"),
        ({"target": "both"}, "label or predicted"),
        ({"steps": 0}, "from 1 to one a pixel"),
    ],
)
def test_unusable_requests_are_refused(
    predictor: Predictor, photos: PhotoSet, wrong: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        score_maps(predictor, photos, **{"count": 1, "steps": 2, **wrong})  # type: ignore[arg-type]
