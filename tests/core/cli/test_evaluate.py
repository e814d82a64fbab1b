"""`effnet evaluate`: the contract, on a small network, and on real photos and weights."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from effnet_core.datasets import photo_set, prepare
from effnet_core.engines.predictor import Predictor
from effnet_core.evaluation.accuracy import evaluate
from effnet_core.weights import load_checkpoint

Effnet = Callable[..., Any]
LABELS = ("leaf", "brick", "night sky")
TINTS = {"leaf": (40, 160, 40), "brick": (180, 60, 40), "night_sky": (10, 10, 40)}


@pytest.fixture
def weights(effnet: Effnet, tmp_path: Path) -> Path:
    """A network of three classes that names them itself."""
    from effnet_core.architecture.names import scaled
    from effnet_core.images import Preprocessing
    from effnet_core.network.build import build
    from effnet_core.weights import save_checkpoint

    path = tmp_path / "small.safetensors"
    model = build(scaled(-6, base_resolution=128, num_classes=3), seed=1)
    shown = Preprocessing(resize=72, crop=64, interpolation="bilinear")
    save_checkpoint(path, model, classes=LABELS, preprocessing=shown)
    return path


def picture(tint: tuple[int, int, int], number: int, size: tuple[int, int] = (90, 70)) -> bytes:
    noise = np.random.default_rng(number).integers(-40, 40, (*size[::-1], 3))
    stored = io.BytesIO()
    Image.fromarray((noise + tint).clip(0, 255).astype(np.uint8)).save(stored, "PNG")
    return stored.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Train and val: two and three photos a class, those of leaves with boxes."""
    boxes = ["split,wnid,file,x_min,y_min,x_max,y_max"]
    for split, count in (("train", 2), ("val", 3)):
        for place, (class_id, tint) in enumerate(TINTS.items()):
            parent = tmp_path / "photos" / split / class_id
            parent.mkdir(parents=True)
            for number in range(count):
                (parent / f"{number}.png").write_bytes(picture(tint, 10 * place + number))
                if class_id == "leaf":
                    boxes.append(f"{split},{class_id},{number}.png,20,10,60,50")
    (tmp_path / "photos" / "boxes.csv").write_text("\n".join(boxes))
    return tmp_path / "photos"


def timeless(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what no two runs share."""
    return {
        key: value
        for key, value in result.items()
        if key not in ("images_per_second", "seconds", "source", "form")
    }


def test_json_says_what_the_core_says(effnet: Effnet, weights: Path, folder: Path) -> None:
    answer = effnet("evaluate", folder, "--weights", weights, "--device", "cpu", "--json")
    assert answer.code == 0
    found = answer.json
    assert list(found)[:4] == ["source", "form", "split", "ignored"]
    assert (found["form"], found["split"], found["photos"]) == ("a folder for each class", "val", 9)
    predictor = Predictor(load_checkpoint(weights), device="cpu")
    right = 0
    for class_id in TINTS:
        for path in sorted((folder / "val" / class_id).iterdir()):
            label = predictor.predict_bytes(path.read_bytes()).top[0].label
            right += label == class_id.replace("_", " ")
    assert found["top1"] == right / 9
    assert found["top5"] == 1
    assert found["model_classes"] == 3
    assert [entry["name"] for entry in found["per_class"]] == list(LABELS)
    assert 0 <= found["calibration_error"] <= 1
    assert found["images_per_second"] == pytest.approx(9 / found["seconds"])
    assert "maps" not in found


def test_folder_zip_and_train_split(
    effnet: Effnet, weights: Path, folder: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    options = ("--weights", weights, "--batch", "4", "--json")
    from_folder = effnet("evaluate", folder, *options).json
    assert timeless(effnet("evaluate", packed, *options).json) == timeless(from_folder)
    train = effnet("evaluate", folder, *options, "--split", "train").json
    assert (train["split"], train["photos"], train["batch"]) == ("train", 6, 4)


def test_a_prepared_folder_and_its_file_give_what_the_set_gives(
    effnet: Effnet, weights: Path, folder: Path, tmp_path: Path
) -> None:
    prepare.prepare([folder], tmp_path / "set", side=64)
    photos = photo_set.load(tmp_path / "set" / "val.safetensors")
    expected = evaluate(Predictor(load_checkpoint(weights), device="cpu"), photos, batch=9)
    for source, split in (("set", "val"), ("set/val.safetensors", None)):
        options = ("--weights", weights, "--device", "cpu", "--batch", "9", "--json")
        found = effnet("evaluate", tmp_path / source, *options).json
        assert (found.pop("form"), found.pop("split")) == ("prepared", split)
        assert found.pop("ignored") == 0
        assert found.pop("passed_over") == {
            "kinds": [],
            "folders": [],
            "loose": 0,
            "encoding": "",
        }
        assert timeless(found) == timeless(json.loads(json.dumps(expected.to_dict())))


def test_text_and_csv(effnet: Effnet, weights: Path, folder: Path, tmp_path: Path) -> None:
    table, matrix = tmp_path / "classes.csv", tmp_path / "confusion.csv"
    options = ("--weights", weights, "--csv", table, "--confusion", matrix)
    answer = effnet("evaluate", folder, *options)
    assert answer.code == 0
    assert (
        "photos (a folder for each class, val): 9 photos of 3 classes, told from the model's 3"
        in (answer.out)
    )
    assert "Preprocessing (metadata): shorter edge to 72 px" in answer.out
    for words in ("Top-1 ", "Top-5 ", "Calibration error ", "Images a second ", "Classes"):
        assert words in answer.out
    rows = list(csv.DictReader(table.open(newline="")))
    assert [(row["name"], row["photos"]) for row in rows] == [(label, "3") for label in LABELS]
    found = effnet("evaluate", folder, *options[:2], "--json").json
    assert [float(row["top1"]) for row in rows] == [each["top1"] for each in found["per_class"]]
    header, *counts = list(csv.reader(matrix.open(newline="")))
    assert header[1:] == [name for name, *_ in counts] == list(LABELS)
    assert [sum(map(int, row[1:])) for row in counts] == [3, 3, 3]
    diagonal = sum(int(row[place + 1]) for place, row in enumerate(counts))
    assert diagonal / 9 == found["top1"]


def test_best_and_worst_of_many_classes(effnet: Effnet, tmp_path: Path) -> None:
    path = tmp_path / "twelve.safetensors"
    network = ("--phi", "-6", "--resolution", "32", "--num-classes", "12", "--seed", "1")
    assert effnet("build", *network, "--out", path).code == 0
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"kind {number}" for number in range(12)))
    for number in range(12):
        parent = tmp_path / "twelve" / f"Kind_{number}"
        parent.mkdir(parents=True)
        (parent / "0.png").write_bytes(picture((20 * number, 90, 90), number, (40, 40)))
    answer = effnet("evaluate", tmp_path / "twelve", "--weights", path, "--classes", labels)
    assert answer.code == 0
    best = answer.out.partition("Best classes")[2].partition("Worst classes")[0]
    worst = answer.out.partition("Worst classes")[2].partition("Most often confused")[0]
    named = [
        {line.split("  ")[0] for line in part.splitlines() if "kind" in line}
        for part in (best, worst)
    ]
    assert len(named[0]) == len(named[1]) == 5
    assert not named[0] & named[1]


def test_what_is_left_out_is_said(effnet: Effnet, weights: Path, folder: Path) -> None:
    (folder / "val" / "leaf" / "bad.jpg").write_bytes(b"no picture")
    (folder / "val" / "leaf" / "notes.txt").write_bytes(b"")
    for split in ("train", "val"):
        (folder / split / "brick").rename(folder / split / "lake")
    answer = effnet("evaluate", folder, "--weights", weights, "--json")
    assert answer.code == 0
    assert (answer.json["photos"], answer.json["ignored"]) == (6, 1)
    assert [each["class_id"] for each in answer.json["left_out"]] == ["lake"]
    assert [each["photo"] for each in answer.json["unreadable"]] == ["leaf/bad.jpg"]
    assert "warning: the class 'lake' was left out: The model has no such class." in answer.err
    assert "Left out in all: classes 1, with photos 3." in answer.err
    assert "warning: leaf/bad.jpg was left out: The file is not a readable picture" in answer.err


def test_maps_are_rows_with_their_controls(effnet: Effnet, weights: Path, folder: Path) -> None:
    options = ("--weights", weights, "--maps", "--photos", "2", "--seed", "5", "--max-photos", "4")
    answer = effnet("evaluate", folder, *options, "--stage", "last", "--stage", "4", "--json")
    assert answer.code == 0
    found = answer.json
    assert found["photos"] == 4
    maps = found["maps"]
    assert (maps["method"], maps["photos"], maps["seed"]) == ("grad-cam", 2, 5)
    subjects = [(row["subject"], row["stage"]) for row in maps["rows"]]
    last = max(stage for _, stage in subjects if stage is not None)
    assert subjects == [
        ("grad-cam", last),
        ("random map", last),
        ("grad-cam", 4),
        ("random map", 4),
        ("centre Gaussian", None),
    ]
    text = effnet("evaluate", folder, *options, "--method", "saliency")
    assert text.code == 0, text.err
    assert "Maps of the true class on 2 photos with boxes (seed 5)" in text.out
    assert "centre Gaussian" in text.out


def test_progress_is_shown_on_standard_error(
    effnet: Effnet, weights: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effnet_core.cli.common.QUIET_SECONDS", 0.0)
    answer = effnet("evaluate", folder, "--weights", weights, "--maps", "--json")
    assert "Evaluating: 100%" in answer.err and "9/9" in answer.err
    assert "Scoring maps: 100%" in answer.err and "3/3" in answer.err
    assert answer.json["maps"]["photos"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("photos",), 2, "--weights"),
        (("absent", "--weights", "W"), 1, "'absent' cannot be read"),
        (("photos", "--weights", "b0"), 1, "`effnet weights get"),
        (("photos", "--weights", "W", "--split", "test"), 2, "--split"),
        (("photos", "--weights", "W", "--batch", "0"), 2, "at least 1"),
        (("photos", "--weights", "W", "--csv", "table.txt"), 2, "must be a .csv file"),
        (("photos", "--weights", "W", "--stage", "last"), 2, "add --maps"),
        (("photos", "--weights", "W", "--maps", "--method", "magic"), 2, "magic"),
        (("photos", "--weights", "W", "--maps", "--stage", "x"), 2, "The stage must be"),
        (("photos", "--weights", "W", "--maps", "--stage", "99"), 2, "Stages are"),
        (("photos/val", "--weights", "W", "--maps"), 2, "val comes without boxes"),
        (("photos/val/leaf", "--weights", "W"), 1, "no folder in the source"),
        (("other", "--weights", "W"), 1, "None of the photos' classes ('lake')"),
        (("half", "--weights", "W"), 1, "half holds no photos for val"),
        (("W", "--weights", "W"), 1, "is not a prepared set"),
    ],
)
def test_failures_are_sentences(
    effnet: Effnet,
    weights: Path,
    folder: Path,
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder / "val" / "leaf", tmp_path / "other" / "lake")
    shutil.copytree(folder / "train", tmp_path / "half" / "train")
    given = [str(weights) if text == "W" else text for text in arguments]
    answer = effnet("evaluate", *given)
    assert answer.code == code, answer.err
    assert sentence in answer.err


def test_real_photos_in_folders_of_every_name(
    effnet: Effnet, photos: tuple[Path, ...], v2b0_weights: Path, tmp_path: Path
) -> None:
    source = tmp_path / "real"
    for place, photo in enumerate(photos[:6]):
        wnid, _, name = photo.stem.partition("_")
        target = source / (photo.stem, wnid, name, name.upper(), f"{wnid} {name}", "sea cow")[place]
        target.mkdir(parents=True)
        shutil.copy(photo, target)
    options = ("--weights", v2b0_weights, "--architecture", "tf_efficientnetv2_b0")
    answer = effnet("evaluate", source, *options, "--device", "cpu", "--json")
    assert answer.code == 0, answer.err
    loaded = load_checkpoint(v2b0_weights, architecture="tf_efficientnetv2_b0")
    predictor = Predictor(loaded, device="cpu")
    names = [photo.stem.partition("_")[2].replace("_", " ") for photo in photos[:5]]
    first = [predictor.predict_bytes(photo.read_bytes()).top[0].label for photo in photos[:5]]
    right = [found == name for found, name in zip(first, names, strict=True)]
    assert answer.json["photos"] == 5
    assert answer.json["top1"] == sum(right) / 5
    by_name = {entry["name"]: entry["top1"] for entry in answer.json["per_class"]}
    assert by_name == dict(zip(names, map(float, right), strict=True))
    assert [each["class_id"] for each in answer.json["left_out"]] == ["sea cow"]


def test_half_precision_is_the_predictors(effnet: Effnet, weights: Path, folder: Path) -> None:
    options = ("--weights", weights, "--device", "cpu", "--dtype", "bfloat16", "--json")
    found = effnet("evaluate", folder, *options).json
    assert found["dtype"] == "bfloat16"
    predictor = Predictor(load_checkpoint(weights), device="cpu", dtype="bfloat16")
    assert next(predictor.model.parameters()).dtype == torch.bfloat16
    expected = []
    for class_id in TINTS:
        for path in sorted((folder / "val" / class_id).iterdir()):
            prediction = predictor.predict_bytes(path.read_bytes())
            label = LABELS.index(class_id.replace("_", " "))
            expected.append(-np.log(prediction.probabilities[label]))
    assert found["loss"] == pytest.approx(float(np.mean(expected)), rel=1e-2)
