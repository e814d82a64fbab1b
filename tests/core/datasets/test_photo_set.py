"""`datasets.photo_set`: a set on disk is the set in memory, or refused in a sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from effnet_core.datasets import photo_set as data
from effnet_core.datasets.photo_set import PhotoSet, held_out_rows
from effnet_core.errors import DataError, InvalidInput, WeightsError


def photo_set(count: int = 7, *, boxes: bool = True) -> PhotoSet:
    generator = torch.Generator().manual_seed(count)
    return PhotoSet(
        images=torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator),
        labels=torch.arange(count) % 3,
        classes=("crane", "crâne", 'a "quoted", name'),
        class_ids=("n1", "n2", "caf\udce9"),  # the last as a folder's name that is not UTF-8
        names=tuple(f"n{number}/{number}.png" for number in range(count)),
        boxes=torch.arange(4 * count, dtype=torch.int16).reshape(count, 4) if boxes else None,
    )


def equal(one: PhotoSet, other: PhotoSet) -> bool:
    fields = [(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(PhotoSet)]
    return all(torch.equal(a, b) if torch.is_tensor(a) else a == b for a, b in fields)


@pytest.mark.parametrize("boxes", [True, False])
def test_what_is_saved_is_loaded(boxes: bool, tmp_path: Path) -> None:
    photos = photo_set(boxes=boxes)
    data.save(photos, tmp_path / "deep" / "set.safetensors")
    assert equal(data.load(tmp_path / "deep" / "set.safetensors"), photos)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["set.safetensors"]


def test_equal_sets_are_equal_bytes(tmp_path: Path) -> None:
    for number in range(5):  # safetensors alone would write the metadata in another order
        data.save(photo_set(), tmp_path / f"{number}.safetensors")
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_what_is_no_whole_set_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.safetensors"
    with pytest.raises(DataError, match="cannot be read"):
        data.load(path)
    data.save(photo_set(), path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="cannot be read"):
        data.load(path)
    safetensors.torch.save_file({"images": torch.zeros(2)}, path)
    with pytest.raises(DataError, match="effnet data prepare"):
        data.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": torch.arange(7)},
        {"labels": torch.arange(7) % 3 - 1},
        {"labels": (torch.arange(7) % 3).int()},
        {"labels": torch.zeros(6, dtype=torch.int64)},
        {"labels": torch.zeros(7, 1, dtype=torch.int64)},
        {"images": torch.zeros(7, 3, 8, 8)},
        {"images": torch.zeros(7, 3, 8, 9, dtype=torch.uint8)},
        {"images": torch.zeros(7, 1, 8, 8, dtype=torch.uint8)},
        {"images": torch.tensor(0, dtype=torch.uint8)},
        {"names": ("n1/1.png",)},
        {"classes": ("one", "two")},
        {"boxes": torch.zeros(6, 4, dtype=torch.int16)},
        {"boxes": torch.zeros(7, 4)},
    ],
)
def test_parts_that_do_not_belong_together_are_refused(
    change: dict[str, Any], tmp_path: Path
) -> None:
    data.save(dataclasses.replace(photo_set(), **change), tmp_path / "set.safetensors")
    with pytest.raises(DataError, match="not a whole prepared set"):
        data.load(tmp_path / "set.safetensors")


def test_a_set_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="check the path"):
        data.save(photo_set(), tmp_path / "file" / "set.safetensors")


def hold_out(photos: PhotoSet, count: int, *, seed: int) -> tuple[PhotoSet, PhotoSet]:
    """The photos to train on, and those that are held out."""
    kept, held = held_out_rows(len(photos), count, seed=seed)
    return photos.subset(kept), photos.subset(held)


def test_held_out_photos_are_drawn_by_seed_and_none_is_lost() -> None:
    photos = photo_set(20)
    kept, held = hold_out(photos, 5, seed=3)
    assert (len(kept), len(held)) == (15, 5)
    assert sorted(kept.names + held.names) == sorted(photos.names)
    assert held.names == hold_out(photos, 5, seed=3)[1].names
    assert held.names != hold_out(photos, 5, seed=4)[1].names
    row = photos.names.index(held.names[0])
    assert torch.equal(held.images[0], photos.images[row])
    assert held.boxes is not None and photos.boxes is not None
    assert torch.equal(held.boxes[0], photos.boxes[row])
    assert equal(hold_out(photos, 0, seed=0)[0], photos)
    for count in (-1, 20):
        with pytest.raises(InvalidInput, match="cannot be held out"):
            hold_out(photos, count, seed=0)
