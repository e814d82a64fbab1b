"""`effnet_core.datasets.prepare`: every form gives the same set; squares, boxes, what is left."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from effnet_core.datasets import prepare, prepared
from effnet_core.datasets.prepare import square
from effnet_core.datasets.splits import Split
from effnet_core.errors import DataError, InvalidInput
from effnet_core.images import Decoded, decode, decode_reduced
from tests.core.photo_reading import read_photos

LISTS = ("classes.csv", "boxes.csv")


def source(drawn: Any, form: str, packed: bool, folder: Path) -> Path:
    layout = drawn.layout(form)
    if not packed:
        return drawn.put(layout, folder / form)
    path = folder / f"{form}.zip"
    wrap = "" if form == "official" else "wrap/"  # the official form comes wrapped
    path.write_bytes(drawn.zipped({wrap + name: content for name, content in layout.items()}))
    return path


@pytest.mark.parametrize(
    ("form", "packed"),
    [("official", False), ("official", True), ("splits", False), ("splits", True)],
)
def test_every_form_gives_the_set_that_the_shards_give(
    drawn: Any, form: str, packed: bool, tmp_path: Path
) -> None:
    expected = prepare.prepare([drawn.put(drawn.layout("shards"), tmp_path / "s")], tmp_path / "a")
    lists = [tmp_path / "s" / name for name in LISTS] if form == "official" else [None, None]
    found = prepare.prepare(
        [source(drawn, form, packed, tmp_path)],
        tmp_path / "b",
        class_list=lists[0],
        boxes=lists[1],
    )
    assert found.counts == {"train": (4, 4, 4), "val": (2, 2, 2)}
    assert found.sha256 == expected.sha256  # equal sets are equal bytes
    assert found.unreadable == ()


@pytest.mark.parametrize("split", ["train", "val"])
def test_the_set_holds_the_decoded_photos_labels_and_boxes(
    drawn: Any, split: Split, tmp_path: Path
) -> None:
    prepare.prepare([drawn.put(drawn.layout("shards"), tmp_path / "s")], tmp_path / "out")
    photos = prepared.load(tmp_path / "out", split)
    assert photos is not None and photos.boxes is not None
    assert photos.class_ids == tuple(drawn.names)
    assert photos.classes == tuple(drawn.names.values())
    wanted = sorted(key for key in drawn.files if key[0] == split)
    assert photos.names == tuple(f"{class_id}/{file}" for _, class_id, file in wanted)
    for row, key in enumerate(wanted):
        pixels = np.asarray(decode(drawn.files[key])).transpose(2, 0, 1)
        assert np.array_equal(photos.images[row].numpy(), pixels)
        assert photos.class_ids[int(photos.labels[row])] == key[1]
        assert tuple(photos.boxes[row].tolist()) == drawn.boxes[key]


def test_the_official_form_alone_takes_all_its_classes_and_boxes(
    drawn: Any, tmp_path: Path
) -> None:
    layout = drawn.layout("official")
    photos, report = read_photos(drawn.put(layout, tmp_path / "tiny"), side=64, split="train")
    assert report.form == "Tiny-ImageNet-200"
    assert photos.class_ids == ("n02", "n05", "n09", "n10")
    assert photos.classes == ("ladybug", "red fox", "tower", "not listed")
    assert photos.boxes is not None and photos.boxes[-1].tolist() == [0, 0, 63, 63]
    rows = [f"{name}_boxes.txt" for name in photos.class_ids]
    bare = {path: content for path, content in layout.items() if path.split("/")[-1] not in rows}
    assert read_photos(drawn.zipped(bare), side=64, split="train")[0].boxes is None


def test_the_class_list_gives_choice_and_order(drawn: Any, tmp_path: Path) -> None:
    folder = drawn.put(drawn.layout("shards"), tmp_path / "s")
    chosen = tmp_path / "chosen.csv"
    chosen.write_text("wnid,name\nn09,spire\nn02,beetle\n")
    photos, _ = read_photos(folder, side=64, class_list=chosen)
    assert (photos.class_ids, photos.classes) == (("n09", "n02"), ("spire", "beetle"))
    assert photos.labels.tolist() == [0, 0, 1, 1]
    assert [name.split("/")[0] for name in photos.names] == ["n09", "n09", "n02", "n02"]


def test_a_zip_in_memory_with_no_splits_is_read_whole(drawn: Any) -> None:
    layout = {f"{c}/{f}": content for (_, c, f), content in drawn.files.items()}
    photos, report = read_photos(drawn.zipped(layout), side=64, split="val")
    assert len(photos) == 18
    assert photos.class_ids == photos.classes == tuple(drawn.names)
    assert photos.boxes is None
    assert report.form == "a folder for each class"


def test_at_most_so_many_photos_a_class_the_first_by_name(drawn: Any, tmp_path: Path) -> None:
    folder = drawn.put(drawn.layout("shards"), tmp_path / "s")
    photos, _ = read_photos(folder, side=64, split="train", max_per_class=1)
    assert photos.names == ("n02/n02_0.JPEG", "n05/n05_1.JPEG", "n09/n09_11.JPEG")


def test_a_square_is_the_centre_of_the_resized_picture() -> None:
    picture = decode(_png(np.random.default_rng(1).integers(0, 256, (100, 200, 3), np.uint8)))
    seen, box = square(picture, 50)
    expected = picture.resize((100, 50), Image.Resampling.BICUBIC).crop((25, 0, 75, 50))
    assert np.array_equal(np.asarray(seen), np.asarray(expected))
    assert box == (-1, -1, -1, -1)
    small = picture.crop((0, 0, 64, 64))
    assert np.array_equal(np.asarray(square(small, 64)[0]), np.asarray(small))


@pytest.mark.parametrize(
    ("box", "moved"),
    [
        ((60, 20, 139, 59), (5, 10, 44, 29)),  # x / 2 - 25, y / 2
        ((61, 21, 138, 58), (5, 10, 44, 29)),  # pixels touched by half count
        ((0, 0, 199, 99), (0, 0, 49, 49)),
        ((-50, -9, 70, 10**400), (0, 0, 10, 49)),
        ((0, 0, 49, 99), (-1, -1, -1, -1)),  # cropped away
        ((0, 0, 50, 99), (0, 0, 0, 49)),
        ((150, 0, 300, 99), (-1, -1, -1, -1)),
        ((90, 40, 80, 50), (-1, -1, -1, -1)),
    ],
)
def test_a_box_moves_with_its_picture(
    box: tuple[int, int, int, int], moved: tuple[int, int, int, int]
) -> None:
    assert square(Image.new("RGB", (200, 100)), 50, box)[1] == moved


def test_at_its_own_size_a_box_stays() -> None:
    for box in ((0, 0, 63, 63), (5, 6, 5, 6), (63, 0, 63, 1)):
        assert square(Image.new("RGB", (64, 64)), 64, box)[1] == box


def test_what_cannot_be_read_is_named_and_left_out(drawn: Any, tmp_path: Path) -> None:
    layout = drawn.layout("splits")
    layout |= {"train/n05/zz.png": b"no picture", "val/n02/cut.JPEG": drawn.jpeg(1)[:200]}
    layout |= {"train/n05/notes.txt": b"", "train/n05/.hidden.png": b"", "train/top.png": b""}
    report = prepare.prepare([drawn.put(layout, tmp_path / "in")], tmp_path / "out")
    assert [name for name, _ in report.unreadable] == ["train/n05/zz.png", "val/n02/cut.JPEG"]
    assert all(reason.endswith(".") for _, reason in report.unreadable)
    assert report.counts == {"train": (4, 4, 4), "val": (2, 2, 2)}
    assert report.ignored == 1
    record = json.loads((tmp_path / "out" / "data.json").read_text())
    assert record["unreadable"][0][0] == "train/n05/zz.png"


def test_preparing_again_leaves_nothing_of_before(drawn: Any, tmp_path: Path) -> None:
    folder = drawn.put(drawn.layout("splits"), tmp_path / "in")
    prepare.prepare([folder], tmp_path / "out", side=32)
    report = prepare.prepare([folder / "train"], tmp_path / "out", side=16)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "data.json",
        "train.safetensors",
    ]
    assert prepared.load(tmp_path / "out", "val") is None
    train = prepared.load(tmp_path / "out", "train")
    assert train is not None and train.side == 16
    assert prepared.verify(tmp_path / "out") == report


def test_a_changed_or_missing_file_is_found(drawn: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare.prepare([drawn.put(drawn.layout("splits"), tmp_path / "in")], out)
    path = prepared.path_of(out, "val")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match=r"val\.safetensors has changed"):
        prepared.verify(out)
    path.unlink()
    with pytest.raises(DataError, match=r"val\.safetensors cannot be read"):
        prepared.verify(out)
    (out / "data.json").write_text('{"format": "effnet-data/1", "counts": 3}')
    with pytest.raises(DataError, match="prepare the data again"):
        prepared.read_record(out)
    (out / "data.json").unlink()
    with pytest.raises(DataError, match=r"no data\.json"):
        prepared.read_record(out)


def test_progress_counts_up_to_all_photos(drawn: Any, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    folder = drawn.put(drawn.layout("splits"), tmp_path / "in")
    prepare.prepare(
        [folder], tmp_path / "out", progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(12, 18), (18, 18)]


def test_what_progress_raises_ends_the_reading(
    drawn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []

    def slowly(content: bytes, **options: Any) -> Decoded:
        time.sleep(0.01)
        reads.append(threading.get_ident())
        return decode_reduced(content, **options)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, "decode_reduced", slowly)
    monkeypatch.setattr(prepare, "_AT_ONCE", 1)
    monkeypatch.setattr(prepare.os, "cpu_count", lambda: 2)
    layout = {f"{c}/{n}.jpg": drawn.jpeg(0) for c in "ab" for n in range(30)}
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare([drawn.put(layout, tmp_path / "in")], tmp_path / "out", progress=interrupt)
    assert 1 <= len(reads) < 30
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("side", [0, 7, 1025])
def test_a_side_out_of_bounds_is_refused(side: int, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="from 8 to 1024"):
        prepare.prepare([tmp_path], tmp_path / "out", side=side)


def test_a_result_that_cannot_be_written_is_refused_first(drawn: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="give another folder"):
        prepare.prepare([tmp_path / "absent"], tmp_path / "file" / "out")


def test_photos_that_memory_cannot_hold_are_a_sentence(
    drawn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(prepare.np, "empty", refuse)
    layout = {f"{c}/{f}": content for (_, c, f), content in drawn.files.items()}
    with pytest.raises(DataError, match=r"take 0\.1 GB of memory, more than there is"):
        read_photos(drawn.zipped(layout), side=1024)


def test_the_real_photos_are_untouched_and_boxed(test_data: Path, tmp_path: Path) -> None:
    shards = test_data / "tiny-imagenet-100"
    report = prepare.prepare([shards], tmp_path, max_per_class=2)
    assert report.counts == {"train": (2,) * 100, "val": (2,) * 100}
    assert report.boxed == {"train": 200, "val": 200}
    photos = prepared.load(tmp_path, "train")
    assert photos is not None and photos.boxes is not None
    assert photos.names[:2] == ("n01443537/n01443537_0.JPEG", "n01443537/n01443537_1.JPEG")
    assert photos.boxes[:2].tolist() == [[0, 10, 63, 58], [14, 2, 54, 49]]
    assert photos.classes[0] == "goldfish"
    with zipfile.ZipFile(shards / "train-0.zip") as archive:
        picture = Image.open(io.BytesIO(archive.read(photos.names[0]))).convert("RGB")
    assert torch.equal(photos.images[0], torch.tensor(np.asarray(picture)).permute(2, 0, 1))


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
