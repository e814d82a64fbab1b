"""`effnet_core.datasets.listing` and `trees`: what is recognised, and what is refused how."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from effnet_core.datasets.listing import Listing, list_photos
from effnet_core.datasets.prepare import prepare
from effnet_core.datasets.splits import Split
from effnet_core.datasets.trees import opened
from effnet_core.errors import DataError
from tests.core.photo_reading import read_photos

CLASSES = "wnid,name\na,A\nb,B\n"


def listing(source: Path | bytes, **options: Any) -> Listing:
    with opened([source]) as (tree, _):
        return list_photos(tree, **options)


def names(found: Listing, split: Split) -> list[str]:
    return [photo.name for photo in found.photos[split]]


def folder(root: Path, paths: Iterable[str]) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    return root


def test_splits_go_by_several_names_and_test_is_left_out(tmp_path: Path) -> None:
    root = folder(tmp_path, ["training/a/1.png", "training/b/2.png", "valid/b/3.png", "test/4.png"])
    found = listing(root)
    assert found.divided
    assert names(found, "train") == ["a/1.png", "b/2.png"]
    assert names(found, "val") == ["b/3.png"]


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    found = listing(folder(tmp_path, ["train/1.png", "bus/2.png"]))
    assert not found.divided
    assert found.class_ids == ("bus", "train")


def test_photos_lie_however_deep_in_their_class(tmp_path: Path) -> None:
    found = listing(folder(tmp_path, ["x/a/deep/1.PNG", "x/a/0.webp", "x/b/2.TIFF", "x/b/3.txt"]))
    assert names(found, "train") == ["a/0.webp", "a/deep/1.PNG", "b/2.TIFF"]
    assert found.ignored == 1


@pytest.mark.parametrize("name", ["test", "photos"])
def test_one_wrapping_folder_is_taken_off(name: str, tmp_path: Path) -> None:
    root = folder(tmp_path, [f"{name}/a/1.png", f"{name}/b/2.png", "__MACOSX/x.png", ".DS_Store"])
    assert listing(root).class_ids == ("a", "b")


def test_names_with_commas_and_accents_stay(tmp_path: Path) -> None:
    found = listing(folder(tmp_path, ["Washington, DC/1.png", "Orléans/2.png"]))
    assert found.classes == found.class_ids == ("Orléans", "Washington, DC")


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", ["a/1.png"])
    (root / "b").symlink_to(folder(tmp_path / "elsewhere", ["2.png"]))
    (root / "a" / "back").symlink_to(root)
    assert names(listing(root), "train") == ["a/1.png", "b/2.png"]


def test_a_pipe_is_no_photo_and_blocks_nothing(drawn: Any, tmp_path: Path) -> None:
    root = drawn.put({"a/1.jpg": drawn.jpeg(1), "b/2.jpg": drawn.jpeg(2)}, tmp_path)
    os.mkfifo(root / "a" / "pipe.png")
    (root / "a" / "gone.png").symlink_to(root / "nowhere")
    photos, report = read_photos(root, side=64)
    assert photos.names == ("a/1.jpg", "b/2.jpg")
    assert [name for name, _ in report.unreadable] == ["a/gone.png", "a/pipe.png"]
    assert report.unreadable[1][1] == "It is not a regular file, or has gone."


def test_several_sources_are_told_apart_by_their_names(drawn: Any, tmp_path: Path) -> None:
    layout = drawn.layout("shards")
    root = drawn.put(layout, tmp_path / "shards")
    shards = [root / name for name in layout if name.endswith(".zip")]
    whole = prepare([root], tmp_path / "whole")
    parts = prepare(
        shards, tmp_path / "p", class_list=root / "classes.csv", boxes=root / "boxes.csv"
    )
    assert parts.sha256 == whole.sha256
    with pytest.raises(DataError, match="must begin with train or val"):
        prepare([shards[0], folder(tmp_path / "more", ["a/1.png"])], tmp_path / "q")
    (root / "train-9.zip").write_bytes((root / "train-1.zip").read_bytes())
    with pytest.raises(DataError, match="Two of the sources hold 'train/n02/"):
        prepare([root], tmp_path / "q")


def test_boxes_without_a_split_column_serve_every_split(tmp_path: Path) -> None:
    root = folder(tmp_path, ["train/a/1.png", "train/b/2.png", "val/a/1.png"])
    boxes = tmp_path / "own.csv"
    boxes.write_text("file,wnid,x_min,y_min,x_max,y_max\n1.png,a,1,2,3,4\n9.png,a,1,2,3,4\n")
    found = listing(root, boxes=boxes)
    assert [photo.box for photo in found.photos["train"]] == [(1, 2, 3, 4), None]
    assert found.photos["val"][0].box == (1, 2, 3, 4)
    boxes.write_text("file,wnid,x_min,y_min,x_max,y_max\n9.png,a,1,2,3,4\n")
    with pytest.raises(DataError, match="a box for none of the photos"):
        listing(root, boxes=boxes)


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        ([], "no folder in the source"),
        (["1.png", "2.png"], "no folder in the source"),
        (["a/1.png", "a/2.png"], "the single class 'a'"),
        (["train/a/1.png", "val/a/2.png"], "the single class 'a'"),
        (["a/1.png", "b/notes.txt"], "data holds no training photos of the class 'b'"),
        (["train/a/1.png", "train/b/2.txt", "val/b/3.png"], "no training photos of the class 'b'"),
        (["val/a/1.png", "val/b/2.png"], "no photos to train on"),
        (["train/a/1.png", "train/b/2.png", "val/c/3.png"], "val holds 'c', which train lacks"),
        (["train/a/1.png", "val/a/1.png", "valid/a/1.png"], "as if for val"),
        (["a/1.png", "b/2.png"], "Not one photo of the class 'a' can be read: The file is not"),
    ],
)
def test_what_cannot_be_trained_on_is_a_sentence(
    paths: list[str], sentence: str, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    with pytest.raises(DataError, match=sentence):
        prepare([folder(root, paths)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_class_folder_is_not_passed_over(drawn: Any, tmp_path: Path) -> None:
    drawn.put({"a/1.jpg": drawn.jpeg(1), "b/2.jpg": drawn.jpeg(2)}, tmp_path / "data")
    (tmp_path / "data" / "c").mkdir()
    with pytest.raises(DataError, match="no training photos of the class 'c'"):
        prepare([tmp_path / "data"], tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wnid,name\n", "names a class twice or none"),
        ("wnid,name\na,A\na,B\n", "names a class twice or none"),
        ("id,name\na,A\n", "needs the columns wnid, name"),
        ("wnid,name\na\n", "needs the columns wnid, name in every row"),
        (CLASSES + "c,C\nd,D\n", "names 'c' and 1 more, of which the source has no photos"),
        ('wnid,name\na,"A', "cannot be read as CSV"),
        ("wnid,name\na,\udcff\n", "not text in UTF-8"),
    ],
)
def test_a_class_list_that_does_not_fit_is_a_sentence(
    text: str, sentence: str, tmp_path: Path
) -> None:
    root = folder(tmp_path / "data", ["a/1.png", "b/2.png"])
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=sentence):
        listing(root, class_list=path)
    (root / "classes.csv").write_bytes(path.read_bytes())
    with pytest.raises(DataError, match=sentence):
        listing(root)
    with pytest.raises(DataError, match="cannot be read"):
        listing(root, class_list=tmp_path / "absent.csv")


@pytest.mark.parametrize("row", ["a,1.png,1,2,3,x", "a,1.png,1,2,3,", "a,1.png,1,2,3,4.5"])
def test_boxes_that_are_no_numbers_are_a_sentence(row: str, tmp_path: Path) -> None:
    root = folder(tmp_path, ["a/1.png", "b/2.png"])
    (root / "boxes.csv").write_text(f"wnid,file,x_min,y_min,x_max,y_max\n{row}\n")
    with pytest.raises(DataError, match="not four whole numbers"):
        listing(root)


def test_official_annotations_that_are_cut_are_a_sentence(drawn: Any, tmp_path: Path) -> None:
    layout = drawn.layout("official")
    layout["tiny-imagenet-200/val/val_annotations.txt"] += b"val_9.JPEG\tn02\t1\n"
    with pytest.raises(DataError, match="A row of boxes has 3 columns, not 6"):
        listing(drawn.zipped(layout))


def test_a_source_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file.zip").write_text("no zip")
    with pytest.raises(DataError, match="neither a folder nor a zip"):
        listing(tmp_path / "file.zip")
    for path in (tmp_path / "absent", Path("x" * 5000), Path("nul\0")):
        with pytest.raises(DataError, match="check the path"):
            listing(path)
    with pytest.raises(DataError, match="No source"), opened([]):
        pass
