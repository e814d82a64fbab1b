"""One split of a folder or zip as a set of photos, with what became of the other files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from effnet_core.datasets.listing import list_photos
from effnet_core.datasets.photo_set import DataError, PhotoSet, held_out_rows
from effnet_core.datasets.prepare import Progress, decoded, require_side
from effnet_core.datasets.trees import Split, opened
from effnet_core.limits import ZipLimits


@dataclass(frozen=True, kw_only=True)
class ReadReport:
    """What became of a source's files besides the photos that were read."""

    source: str
    form: str
    unreadable: tuple[tuple[str, str], ...]
    ignored: int


def read_photos(
    source: Path | bytes,
    *,
    side: int,
    split: Split = "val",
    class_list: Path | None = None,
    boxes: Path | None = None,
    max_per_class: int | None = None,
    limits: ZipLimits | None = None,
    progress: Progress = lambda done, total: None,
) -> tuple[PhotoSet, ReadReport]:
    """The photos of one split, all where there are no splits; as `prepare` reads them."""
    require_side(side)
    with opened([source], limits) as (tree, name):
        listing = list_photos(tree, class_list=class_list, boxes=boxes, max_per_class=max_per_class)
        if not listing.divided:
            split = "train"
        if not listing.photos.get(split):
            raise DataError(f"{name} holds no photos for {split}.")
        photos, unreadable = decoded(listing, split, side, progress)
    if not len(photos):
        raise DataError(f"{name} holds no readable photo ({unreadable[0][1]})")
    report = ReadReport(
        source=name, form=listing.form, unreadable=unreadable, ignored=listing.ignored
    )
    return photos, report


def hold_out(photos: PhotoSet, count: int, *, seed: int) -> tuple[PhotoSet, PhotoSet]:
    """The photos to train on, and those held out."""
    kept, held = held_out_rows(len(photos), count, seed=seed)
    return photos.subset(kept), photos.subset(held)
