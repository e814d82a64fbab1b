"""A small data set drawn in memory, laid out in every form that is read."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

NAMES = {"n02": "ladybug", "n05": "red fox", "n09": "tower"}
SIDE = 64
Key = tuple[str, str, str]
Box = tuple[int, int, int, int]


def zipped(layout: dict[str, bytes]) -> bytes:
    """A zip of these paths and contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in layout.items():
            archive.writestr(path, data)
    return buffer.getvalue()


def put(layout: dict[str, bytes], folder: Path) -> Path:
    """Write these paths and contents below `folder`, and return it."""
    for path, data in layout.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def jpeg(number: int, size: tuple[int, int] = (SIDE, SIDE)) -> bytes:
    """A picture like no other of another number: coarse coloured noise."""
    coarse = np.random.default_rng(number).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Drawn:
    """JPEG files and boxes by (split, class id, file name), and how to lay them out."""

    files: dict[Key, bytes]
    boxes: dict[Key, Box]

    names: ClassVar[dict[str, str]] = NAMES
    zipped, put, jpeg = staticmethod(zipped), staticmethod(put), staticmethod(jpeg)

    def layout(self, form: str) -> dict[str, bytes]:
        """Paths and contents: "official", "splits" (train/ and val/) or "shards"."""
        return {"official": self._official, "splits": self._splits, "shards": self._shards}[form]()

    def _official(self) -> dict[str, bytes]:
        more = {**NAMES, "n10": "not listed"}
        layout = {
            "wnids.txt": "\n".join(reversed(more)).encode(),
            "words.txt": "".join(f"{i}\t{n}, another word\n" for i, n in more.items()).encode(),
            "test/images/test_0.JPEG": next(iter(self.files.values())),
            "train/n10/images/n10_0.JPEG": next(iter(self.files.values())),
            "train/n10/n10_boxes.txt": b"n10_0.JPEG\t0\t0\t63\t63\n",
        }
        rows: dict[str, str] = {}
        for (split, class_id, file), data in self.files.items():
            numbers = "\t".join(map(str, self.boxes[split, class_id, file]))
            if split == "train":
                layout[f"train/{class_id}/images/{file}"] = data
                place, row = f"train/{class_id}/{class_id}_boxes.txt", f"{file}\t{numbers}\n"
            else:
                layout[f"val/images/{file}"] = data
                place, row = "val/val_annotations.txt", f"{file}\t{class_id}\t{numbers}\n"
            rows[place] = rows.get(place, "") + row
        return {
            f"tiny-imagenet-200/{path}": data
            for path, data in {**layout, **{p: text.encode() for p, text in rows.items()}}.items()
        }

    def _splits(self) -> dict[str, bytes]:
        return {f"{'/'.join(key)}": data for key, data in self.files.items()} | self._lists()

    def _shards(self) -> dict[str, bytes]:
        parts: dict[str, dict[str, bytes]] = {}
        for number, ((split, class_id, file), data) in enumerate(self.files.items()):
            shard = f"train-{number % 2}.zip" if split == "train" else "val.zip"
            parts.setdefault(shard, {})[f"{class_id}/{file}"] = data
        return {shard: zipped(part) for shard, part in parts.items()} | self._lists()

    def _lists(self) -> dict[str, bytes]:
        classes = "wnid,name\n" + "".join(f"{i},{name}\n" for i, name in NAMES.items())
        rows = (",".join((*key, *map(str, box))) for key, box in self.boxes.items())
        boxes = "split,wnid,file,x_min,y_min,x_max,y_max\n" + "\n".join(rows) + "\n"
        return {"classes.csv": classes.encode(), "boxes.csv": boxes.encode()}


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    """Three classes with four training and two validation photos each, all with boxes."""
    generator = np.random.default_rng(0)
    files: dict[Key, bytes] = {}
    boxes: dict[Key, Box] = {}
    for number in range(18):
        split, place = ("train", number) if number < 12 else ("val", number - 12)
        class_id = tuple(NAMES)[place % 3]
        file = f"{class_id}_{place}.JPEG" if split == "train" else f"val_{place}.JPEG"
        low, high = generator.integers(0, 30, 2), generator.integers(30, SIDE, 2)
        files[split, class_id, file] = jpeg(number)
        boxes[split, class_id, file] = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    return Drawn(files, boxes)
