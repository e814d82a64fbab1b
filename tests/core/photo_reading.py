"""Photos read from their source into memory, as preparing a set reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from effnet_core.datasets.listing import list_photos
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.datasets.prepare import decoded
from effnet_core.datasets.splits import Split
from effnet_core.datasets.trees import opened
from effnet_core.errors import DataError
from effnet_core.limits import ZipLimits


@dataclass(frozen=True, kw_only=True)
class ReadReport:
    """What became of a source's files besides the photos that were read.

    `unreadable` are (name, reason in a sentence); `ignored` counts files that are no pictures by
    their names.
    """

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
    max_per_class: int | None = None,
    limits: ZipLimits | None = None,
) -> tuple[PhotoSet, ReadReport]:
    """The photos of one split of a folder or zip (or a zip's bytes), all where it has no splits.

    Forms, order and arguments are those of `list_photos`. Raises DataError, also where not one
    photo can be read.
    """
    with opened([source], limits) as (tree, name):
        listing = list_photos(tree, class_list=class_list, max_per_class=max_per_class)
        if not listing.divided:
            split = "train"
        if not listing.photos.get(split):
            raise DataError(f"{name} holds no photos for {split}.")
        photos, unreadable = decoded(listing, split, side, lambda done, total: None)
    if not len(photos):
        raise DataError(f"{name} holds no readable photo ({unreadable[0][1]})")
    report = ReadReport(
        source=name, form=listing.form, unreadable=unreadable, ignored=listing.ignored
    )
    return photos, report
