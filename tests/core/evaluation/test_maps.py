"""Maps of photos in files: scored on the model's view of the original picture."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from effnet_core.architecture.names import scaled
from effnet_core.attribution import MapScores, score_maps
from effnet_core.attribution.boxes import view_box
from effnet_core.attribution.reference import fill_norm_statistics
from effnet_core.datasets import prepare, prepared
from effnet_core.datasets.photo_files import PhotoFiles, has_boxes, open_photos
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import InvalidInput
from effnet_core.evaluation import maps
from effnet_core.evaluation.maps import evaluate_maps
from effnet_core.images import Preprocessing, decode, model_view
from effnet_core.network.build import build
from effnet_core.weights import load_checkpoint, save_checkpoint

CLASSES = ("tower", "ladybug", "red fox")


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A network of 72 pixels whose answers depend on the photo."""
    model = build(scaled(-6, base_resolution=128, num_classes=3), seed=1)
    fill_norm_statistics(
        model, torch.randn(8, 3, 72, 72, generator=torch.Generator().manual_seed(1))
    )
    path = tmp_path_factory.mktemp("maps") / "tiny.safetensors"
    preprocessing = Preprocessing(resize=80, crop=72, interpolation="bilinear")
    save_checkpoint(path, model, classes=CLASSES, preprocessing=preprocessing)
    return Predictor(load_checkpoint(Path(path)), device="cpu")


def numbers(rows: tuple[MapScores, ...]) -> list[Any]:
    """Every row but for its time, flat."""
    found: list[Any] = []
    for row in rows:
        for key, value in asdict(row).items():
            if key != "seconds":
                found += value.values() if isinstance(value, dict) else [value]
    return found


def test_files_score_as_the_prepared_set_that_lost_nothing(
    predictor: Predictor, drawn: Any, tmp_path: Path
) -> None:
    folder = drawn.put(drawn.layout("splits"), tmp_path / "files")
    prepare.prepare([folder], tmp_path / "set")
    options: dict[str, Any] = {"seed": 3, "stages": ("last",)}
    prepared_photos = prepared.load(tmp_path / "set", "val")
    assert prepared_photos is not None
    expected = score_maps(predictor, prepared_photos, **options)
    assert expected[0].photos == 6
    told: list[tuple[int, int]] = []
    for source in (folder, tmp_path / "set"):
        with open_photos(source) as opened:
            assert has_boxes(opened.photos)
            rows = evaluate_maps(
                predictor, opened.photos, **options, progress=lambda *both: told.append(both)
            )
        for found, wanted in zip(numbers(rows), numbers(expected), strict=True):
            assert found == (pytest.approx(wanted, abs=1e-6) if type(wanted) is float else wanted)
    assert told[-1] == (6, 6)


def large(tmp_path: Path, drawn: Any) -> PhotoFiles:
    """Six photos of 200 × 150 pixels, one of them damaged, one with its box out of the view."""
    layout = {f"tower/{place}.jpg": drawn.jpeg(place, (200, 150)) for place in range(6)}
    layout["tower/2.jpg"] = b"no picture"
    rows = ["wnid,file,x_min,y_min,x_max,y_max"]
    for place in range(6):
        rows.append(f"tower,{place}.jpg,{40 + place},20,{120 + 3 * place},101")
    rows[4] = "tower,3.jpg,0,0,3,149"
    layout["boxes.csv"] = "\n".join(rows).encode()
    layout["ant/0.jpg"] = drawn.jpeg(9)
    with open_photos(drawn.put(layout, tmp_path / "large")) as source:
        assert isinstance(source.photos, PhotoFiles)
        return source.photos


def test_the_view_is_that_of_the_original_picture(
    predictor: Predictor, drawn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = large(tmp_path, drawn)
    seen: dict[str, Any] = {}

    def note(predictor: Predictor, photos: Any, **options: Any) -> tuple[()]:
        seen.update(predictor=predictor, photos=photos)
        return ()

    monkeypatch.setattr(maps, "score_maps", note)
    evaluate_maps(predictor, photos)
    assert seen["photos"].classes == CLASSES
    assert seen["photos"].labels.tolist() == [0] * 4
    places = [place for place, name in enumerate(photos.names) if name[:5] == "tower"]
    kept = [place for place in places if photos.names[place][6] not in "23"]
    for index, place in enumerate(kept):
        image = decode(photos.reads[place]())
        expected = np.asarray(model_view(image, predictor.preprocessing))
        stored = Image.fromarray(seen["photos"].images[index].permute(1, 2, 0).numpy())
        again = model_view(stored, seen["predictor"].preprocessing)
        assert np.array_equal(np.asarray(again), expected)  # shown as it is
        given = photos.boxes[place]
        assert given is not None
        box = view_box(given, image.size, predictor.preprocessing)
        corners = seen["photos"].boxes[index].tolist()
        found = view_box(corners, again.size, seen["predictor"].preprocessing)
        assert found is not None and box is not None
        assert asdict(found) == pytest.approx(asdict(box))
    assert predictor.preprocessing.resize == 80  # the one that was given is as it was


def test_others_are_drawn_in_place_of_those_without_view_or_box(
    predictor: Predictor, drawn: Any, tmp_path: Path
) -> None:
    photos = large(tmp_path, drawn)
    for count in (1, 4, 99):
        rows = evaluate_maps(predictor, photos, count=count, stages=("last",))
        assert {row.photos for row in rows} == {min(count, 4)}


def test_without_a_box_there_is_nothing_to_score(predictor: Predictor, drawn: Any) -> None:
    photos = PhotoFiles(
        reads=(lambda limit=None: drawn.jpeg(0)[:limit],),
        labels=torch.tensor([0]),
        classes=CLASSES,
        class_ids=CLASSES,
        names=("tower/0.jpg",),
        boxes=(None,),
    )
    assert not has_boxes(photos)
    with pytest.raises(InvalidInput, match="come without boxes"):
        evaluate_maps(predictor, photos)
    with pytest.raises(InvalidInput, match="At least one photo"):
        evaluate_maps(predictor, photos, count=0)


def test_pictures_keep_every_pixel(drawn: Any, tmp_path: Path) -> None:
    from effnet_core.datasets.photo_files import picture

    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)).save(
        data, "PNG"
    )
    folder = drawn.put({"a/0.png": data.getvalue(), "b/0.png": data.getvalue()}, tmp_path / "p")
    with open_photos(folder) as source:
        assert picture(source.photos, 1).image.tobytes() == decode(data.getvalue()).tobytes()
        assert (source.form, source.split) == ("a folder for each class", None)
