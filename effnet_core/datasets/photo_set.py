"""Photos decoded once and held in memory: the sets that training and evaluation read."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from effnet_core import files
from effnet_core.errors import DataError, InvalidInput

FORMAT_KEY, FORMAT = "effnet.format", "effnet-photos/1"


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoSet:
    """Square photos of one size with their labels.

    `images` is uint8 (N, 3, side, side), `labels` int64 (N,) into `classes` (shown to people) and
    `class_ids` (folder names), `names` "class id/file" in order. `boxes` is int16 (N, 4): x_min,
    y_min, x_max, y_max in pixels of the stored photo, inclusive, all −1 where none is known; or
    None where no photo has one.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    class_ids: tuple[str, ...]
    names: tuple[str, ...]
    boxes: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Side of a stored photo in pixels."""
        return int(self.images.shape[-1]) if self.images.ndim else 0

    def subset(self, indices: Tensor) -> PhotoSet:
        """The photos at `indices` (int64), in that order; classes stay as they are."""
        return replace(
            self,
            images=self.images[indices],
            labels=self.labels[indices],
            names=tuple(self.names[index] for index in indices.tolist()),
            boxes=None if self.boxes is None else self.boxes[indices],
        )


def save(photos: PhotoSet, path: Path) -> None:
    """Write one set as a safetensors file, in one step; raises WeightsError if it cannot be.

    Equal sets give equal bytes.
    """
    tensors = {"images": photos.images, "labels": photos.labels}
    if photos.boxes is not None:
        tensors["boxes"] = photos.boxes
    metadata = {
        FORMAT_KEY: FORMAT,
        "classes": json.dumps(photos.classes),
        "class_ids": json.dumps(photos.class_ids),
        "names": json.dumps(photos.names),
    }
    header, rest = files.in_fixed_order(safetensors.torch.save(tensors, metadata=metadata))
    with files.placing(path) as file:
        file.write(header)
        file.write(rest)


def load(path: Path) -> PhotoSet:
    """Read what `save` wrote; raises DataError."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get(FORMAT_KEY) != FORMAT:
                raise DataError(f"{path} is not a prepared set; `effnet data prepare` makes one.")
            boxes = file.get_tensor("boxes") if "boxes" in file.keys() else None  # noqa: SIM118
            photos = PhotoSet(
                images=file.get_tensor("images"),
                labels=file.get_tensor("labels"),
                classes=tuple(json.loads(metadata["classes"])),
                class_ids=tuple(json.loads(metadata["class_ids"])),
                names=tuple(json.loads(metadata["names"])),
                boxes=boxes,
            )
    except (OSError, safetensors.SafetensorError, KeyError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a prepared set ({error}).") from None
    _check(photos, path)
    return photos


def held_out_rows(photos: int, count: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """The places of the photos to train on, and of `count` drawn with `seed` for choices.

    Both are int64 and rise. Raises InvalidInput if nothing would be left.
    """
    if not 0 <= count < photos:
        raise InvalidInput(f"Of {photos:,} photos {count:,} cannot be held out.")
    order = torch.randperm(photos, generator=torch.Generator().manual_seed(seed))
    return order[count:].sort().values, order[:count].sort().values


def _check(photos: PhotoSet, path: Path) -> None:
    count = photos.labels.numel()
    shape = tuple(photos.images.shape)
    whole = (
        count > 0
        and photos.images.dtype == torch.uint8
        and photos.labels.dtype == torch.int64
        and photos.labels.ndim == 1
        and shape == (count, 3, photos.side, photos.side)
        and len(photos.names) == count
        and len(photos.classes) == len(photos.class_ids)
        and 0 <= int(photos.labels.min()) <= int(photos.labels.max()) < len(photos.classes)
    )
    boxes = photos.boxes
    if not whole or (
        boxes is not None and (tuple(boxes.shape) != (count, 4) or boxes.dtype != torch.int16)
    ):
        raise DataError(f"{path} is not a whole prepared set; prepare it again.")
