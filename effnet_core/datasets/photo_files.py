"""Photos to be judged one by one: a prepared set, or files that are decoded when they are needed.

A network is measured on what it would be shown on any page, which is cut from the original
picture; a square made small for training has lost pixels that other preprocessing would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import torch
from PIL import Image
from torch import Tensor

from effnet_core import files
from effnet_core.datasets import photo_set, prepared
from effnet_core.datasets.listing import Box, Listing, list_photos
from effnet_core.datasets.passed_over import NOTHING, PassedOver
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.datasets.splits import SPLITS, FoldersAre, Split
from effnet_core.datasets.trees import opened
from effnet_core.datasets.zips import Read
from effnet_core.errors import DataError
from effnet_core.images import Decoded, decode_reduced

PREPARED = "prepared"


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoFiles:
    """Labelled photos not yet read; fields and methods are those of `PhotoSet`.

    `reads` give the bytes of each, or raise an EffnetError; `boxes` are x_min, y_min, x_max, y_max
    in pixels of the file's picture, inclusive, None where none is known.
    """

    reads: tuple[Read, ...]
    labels: Tensor
    classes: tuple[str, ...]
    class_ids: tuple[str, ...]
    names: tuple[str, ...]
    boxes: tuple[Box | None, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Tensor) -> PhotoFiles:
        """The photos at `indices` (int64), in that order; classes stay as they are."""
        places = indices.tolist()
        return replace(
            self,
            reads=tuple(self.reads[place] for place in places),
            labels=self.labels[indices],
            names=tuple(self.names[place] for place in places),
            boxes=tuple(self.boxes[place] for place in places),
        )


LabelledPhotos: TypeAlias = PhotoSet | PhotoFiles


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """The photos of a source, and what it is.

    `form` is "prepared" or as in `Listing`; `split` None where the source has no splits;
    `passed_over` is what it holds besides.
    """

    photos: LabelledPhotos
    name: str
    form: str
    split: Split | None
    passed_over: PassedOver = NOTHING


def picture(photos: LabelledPhotos, place: int) -> Decoded:
    """One photo, its colours as stored; raises an EffnetError for a file that is no picture."""
    if isinstance(photos, PhotoFiles):
        return decode_reduced(photos.reads[place](), shorter_edge=None, as_stored=True)
    image = Image.fromarray(photos.images[place].permute(1, 2, 0).contiguous().numpy())
    return Decoded(image, image.size)


def has_boxes(photos: LabelledPhotos) -> bool:
    """Whether there is a box for any of the photos."""
    if isinstance(photos, PhotoFiles):
        return any(box is not None for box in photos.boxes)
    return photos.boxes is not None and bool((photos.boxes[:, 0] >= 0).any())


@contextmanager
def open_photos(
    path: Path, split: Split = "val", folders_are: FoldersAre | None = None
) -> Iterator[Source]:
    """Open whatever holds labelled photos; those in files can be read within the block.

    That is a prepared folder or one of its files, or a folder or zip of any form that
    `list_photos` reads, whose `folders_are` it takes. All photos are taken where a source has no
    splits. Raises DataError.
    """
    if path.suffix == ".safetensors" and files.is_file(str(path)):
        yield Source(photos=photo_set.load(path), name=path.name, form=PREPARED, split=None)
    elif any(files.is_file(str(prepared.path_of(path, each))) for each in SPLITS):
        photos = prepared.load(path, split)
        if photos is None:
            raise DataError(f"{path} was prepared without photos for {split}.")
        yield Source(photos=photos, name=path.name or str(path), form=PREPARED, split=split)
    else:
        with opened([path]) as (tree, name):
            listing = list_photos(tree, folders_are=folders_are)
            yield Source(
                photos=_files(listing, split, name),
                name=name,
                form=listing.form,
                split=split if listing.divided else None,
                passed_over=listing.passed_over,
            )


def _files(listing: Listing, split: Split, name: str) -> PhotoFiles:
    photos = listing.photos.get(split if listing.divided else "train")
    if not photos:
        part = f" for {split}" if listing.divided else ""
        raise DataError(f"{name} holds no photos{part}.")
    numbers = {class_id: number for number, class_id in enumerate(listing.class_ids)}
    labels: Sequence[int] = [numbers[photo.class_id] for photo in photos]
    return PhotoFiles(
        reads=tuple(photo.read for photo in photos),
        labels=torch.tensor(labels, dtype=torch.int64),
        classes=listing.classes,
        class_ids=listing.class_ids,
        names=tuple(photo.name for photo in photos),
        boxes=tuple(photo.box for photo in photos),
    )
