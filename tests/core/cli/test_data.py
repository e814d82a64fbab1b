"""`effnet data`: prepare, info."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from effnet_core.datasets import photo_set

Effnet = Callable[..., Any]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two classes of three training photos and one validation photo each."""
    for split, count in (("train", 3), ("val", 1)):
        for class_id, colour in (("leaf", "green"), ("brick", "red")):
            folder = tmp_path / "photos" / split / class_id
            folder.mkdir(parents=True)
            for number in range(count):
                image = io.BytesIO()
                Image.new("RGB", (30, 20), colour).save(image, "PNG")
                (folder / f"{number}.png").write_bytes(image.getvalue())
    return tmp_path / "photos"


def test_prepare_and_info_say_what_is_there(effnet: Effnet, photos: Path, tmp_path: Path) -> None:
    (photos / "train" / "leaf" / "bad.jpg").write_bytes(b"no picture")
    (photos / "train" / "leaf" / "notes.txt").write_bytes(b"")
    out = tmp_path / "out"
    done = effnet("data", "prepare", photos, "--out", out, "--side", "16")
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines()[2:4]] == [
        ["train", "6", "2", "3", "3", "0"],
        ["val", "2", "2", "1", "1", "0"],
    ]
    assert "16 × 16 pixels, from photos (a folder for each class); 1 unreadable; " in done.out
    assert "files that are not named as pictures: 1." in done.out
    assert "warning: train/leaf/bad.jpg was left out: The file is not a readable" in done.err
    info = effnet("data", "info", out)
    assert info.code == 0
    rows = [line.split() for line in info.out.splitlines()]
    assert rows[0] == ["Class", "id", "Class", "Train", "Val"]
    assert rows[2:4] == [["brick", "brick", "3", "1"], ["leaf", "leaf", "3", "1"]]
    assert "Every file is as it was written" in info.out


def test_json_is_the_record(effnet: Effnet, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer = effnet(
        "data", "prepare", photos, "--out", out, "--max-photos-per-class", "2", "--json"
    )
    assert answer.json["counts"] == {"train": [2, 2], "val": [1, 1]}
    assert answer.json["path"] == str(out)
    assert set(answer.json["sha256"]) == {"train.safetensors", "val.safetensors"}
    assert effnet("data", "info", out, "--json").json == answer.json
    assert photo_set.load(out / "train.safetensors").names[0] == "brick/0.png"


def test_class_list_and_boxes_are_taken(effnet: Effnet, photos: Path, tmp_path: Path) -> None:
    classes, boxes = tmp_path / "classes.csv", tmp_path / "boxes.csv"
    classes.write_text("wnid,name\nleaf,a leaf\nbrick,a brick\n")
    boxes.write_text("wnid,file,x_min,y_min,x_max,y_max\nleaf,0.png,0,0,29,19\n")
    out = tmp_path / "out"
    arguments = ("--classes", classes, "--boxes", boxes, "--side", "20")
    answer = effnet("data", "prepare", photos, "--out", out, *arguments, "--json").json
    assert answer["classes"] == ["a leaf", "a brick"]
    assert answer["boxed"] == {"train": 1, "val": 1}
    boxed = photo_set.load(out / "val.safetensors").boxes
    assert boxed is not None and boxed.tolist() == [[0, 0, 19, 19], [-1] * 4]


def test_many_unreadable_files_are_not_all_named(
    effnet: Effnet, photos: Path, tmp_path: Path
) -> None:
    for number in range(12):
        (photos / "val" / "leaf" / f"bad{number:02}.jpg").write_bytes(b"no picture")
    answer = effnet("data", "prepare", photos, "--out", tmp_path / "out")
    assert answer.err.count("was left out") == 10
    assert "2 more files were left out" in answer.err


def test_progress_is_shown_on_standard_error(
    effnet: Effnet, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effnet_core.cli.common.QUIET_SECONDS", 0.0)
    answer = effnet("data", "prepare", photos, "--out", tmp_path / "out")
    assert "Decoding: 100%" in answer.err
    assert "8/8" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "ACTION"),
        (("prepare", "absent"), 2, "--out"),
        (("prepare", "absent", "--out", "o"), 1, "'absent' cannot be read"),
        (("prepare", ".", "--out", "o", "--side", "4"), 2, "from 8 to 1024 pixels, not 4"),
        (("prepare", ".", "--out", "o", "--side", "x"), 2, "whole number"),
        (("prepare", ".", "--out", __file__), 2, "give another folder"),
        (("info", "absent"), 1, "is not a prepared data set"),
    ],
)
def test_failures_are_sentences(
    effnet: Effnet,
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = effnet("data", *arguments)
    assert answer.code == code
    assert sentence in answer.err


def test_info_finds_a_changed_file(effnet: Effnet, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    effnet("data", "prepare", photos, "--out", out)
    with (out / "train.safetensors").open("ab") as file:
        file.write(b"x")
    answer = effnet("data", "info", out, "--json")
    assert answer.code == 1
    assert "has changed since it was written" in answer.json["error"]
