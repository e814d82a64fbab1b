"""`evaluate` on real photos in full size, one by one, by torchvision's preprocessing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from timm.data import ImageNetInfo

from effnet_core.datasets.photo_files import open_photos
from effnet_core.engines.predictor import Predictor
from effnet_core.evaluation import accuracy
from effnet_core.evaluation.accuracy import evaluate, fitting_batch
from effnet_core.images import decode_reduced, model_view
from effnet_core.weights import load_checkpoint
from tests.core.photo_reading import read_photos


@pytest.fixture(scope="module")
def v2b0(v2b0_weights: Path) -> Predictor:
    loaded = load_checkpoint(v2b0_weights, architecture="tf_efficientnetv2_b0")
    return Predictor(loaded, device="cpu")


@pytest.fixture(scope="module")
def folder(photos: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 40 photos, each in a folder of its WordNet id and class."""
    root = tmp_path_factory.mktemp("photos")
    for photo in photos:
        (root / photo.stem).mkdir()
        shutil.copy(photo, root / photo.stem)
    return root


def test_a_folder_gets_the_answers_to_whole_pictures_resized_by_pillow(
    v2b0: Predictor, folder: Path
) -> None:
    with open_photos(folder) as source:
        found = evaluate(v2b0, source.photos, batch=16)
    wnids = ImageNetInfo("imagenet-1k").label_names()
    correct = 0
    for place, name in enumerate(found.answers.names):
        data = (folder / name).read_bytes()
        # Sets are read as timm reads them: with the numbers of the file, whatever its profile.
        whole = decode_reduced(data, shorter_edge=None, as_stored=True).image
        view = model_view(whole, v2b0.preprocessing)
        probabilities = v2b0.forward(v2b0.inputs(view)).probabilities()
        among = [int(index) for index in np.argsort(-probabilities)[:5]]
        assert found.answers.predicted[place] == among[0]
        assert found.answers.confidences[place] == pytest.approx(probabilities[among[0]], abs=1e-5)
        assert v2b0.predict_bytes(data).top[0].index == among[0]  # pages say the same
        label = wnids.index(name.split("_")[0])
        assert found.answers.labels[place] == label
        place_of_label = found.answers.places[place]
        assert among[place_of_label] == label if place_of_label < 5 else label not in among
        correct += among[0] == label
    assert correct == 32  # as many as timm gets right
    assert (found.photos, found.top1) == (40, correct / 40)
    assert (found.left_out, found.unreadable) == ((), ())


def test_squared_small_copies_get_other_answers(v2b0: Predictor, folder: Path) -> None:
    """What the test above would not pass with."""
    small, _ = read_photos(folder, side=64, max_per_class=1)
    with open_photos(folder) as source:
        chosen = torch.arange(6)
        shrunk = evaluate(v2b0, small.subset(chosen), batch=6)
        found = evaluate(v2b0, source.photos.subset(chosen), batch=6)
    assert shrunk.answers.names == found.answers.names
    assert np.abs(shrunk.answers.confidences - found.answers.confidences).max() > 1e-2


def test_the_batch_shrinks_with_the_memory_that_is_free(
    v2b0: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    need = accuracy.required_bytes(v2b0.spec, batch=16)
    for free, batch in ((2**50, 64), (2 * need, 16), (2 * need - 1, 8), (0, 1)):
        monkeypatch.setattr(accuracy, "free_bytes", lambda device, free=free: free)
        assert fitting_batch(v2b0) == batch
