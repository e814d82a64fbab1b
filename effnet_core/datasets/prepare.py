"""Photos out of folders and zips, decoded once to squares of one size, and stored prepared."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from effnet_core.datasets.listing import Box, Listing, list_photos
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.datasets.prepared import PreparedReport, require_place, write
from effnet_core.datasets.splits import SPLITS, FoldersAre, Split
from effnet_core.datasets.trees import opened
from effnet_core.errors import DataError, EffnetError, InvalidInput
from effnet_core.images import Decoded, Preprocessing, crop_box, decode_reduced, model_view
from effnet_core.limits import ZipLimits

Progress = Callable[[int, int], None]
"""Called with (photos done, photos in all) now and then; what it raises ends the reading."""

SIDES = (8, 1024)
_NO_BOX = (-1, -1, -1, -1)
_AT_ONCE = 64  # photos that a thread decodes between two reports
_TOLERANCE = 1e-6  # of a pixel; far below a real fraction, far above float64's rounding


def prepare(
    sources: Sequence[Path | bytes],
    out: Path,
    *,
    side: int = 64,
    class_list: Path | None = None,
    boxes: Path | None = None,
    max_per_class: int | None = None,
    folders_are: FoldersAre | None = None,
    limits: ZipLimits | None = None,
    progress: Progress = lambda done, total: None,
) -> PreparedReport:
    """Decode a data set and write it to the folder `out`, ready for training.

    The sources and their forms are those of `trees.opened` and `list_photos`. Raises DataError,
    for fewer than two classes and for a class without a readable training photo as well;
    InvalidInput for the side; WeightsError where the folder cannot be written.
    """
    low, high = SIDES
    if not low <= side <= high:
        raise InvalidInput(f"The side must be from {low} to {high} pixels, not {side}.")
    require_place(out)
    with opened(sources, limits) as (tree, name):
        listing = list_photos(
            tree,
            class_list=class_list,
            boxes=boxes,
            max_per_class=max_per_class,
            folders_are=folders_are,
        )
        require_trainable(listing, name)
        sets, unreadable = _all_decoded(listing, side, progress)
    _require_all_classes(sets["train"], unreadable)
    return write(
        {split: photos for split, photos in sets.items() if len(photos)},
        out,
        source=name,
        form=listing.form,
        unreadable=unreadable,
        ignored=listing.ignored,
        passed_over=listing.passed_over,
    )


def square(image: Image.Image, side: int, box: Box | None = None) -> tuple[Image.Image, Box]:
    """The shorter edge resized to `side` (bicubic), the centre cropped; and where `box` lies then.

    The box is that of every pixel it touches, clipped; four times −1 where nothing of it is seen
    or there is none. A picture of side × side keeps its pixels and box.
    """
    view = Preprocessing(resize=side, crop=side)
    left, top, right, bottom = crop_box(image.size, view)
    seen = model_view(image, view)
    if box is None:
        return seen, _NO_BOX
    across = _moved(box[0], box[2], left, right, side)
    down = _moved(box[1], box[3], top, bottom, side)
    if across is None or down is None:
        return seen, _NO_BOX
    return seen, (across[0], down[0], across[1], down[1])


def shrunk(box: Box | None, picture: Decoded) -> Box | None:
    """A box in the pixels of a picture's file in those that were decoded."""
    if box is None or picture.is_whole:
        return box
    across, down = (new / old for new, old in zip(picture.image.size, picture.size, strict=True))
    left, top, right, bottom = box
    return (
        math.floor(left * across),
        math.floor(top * down),
        math.ceil((right + 1) * across) - 1,
        math.ceil((bottom + 1) * down) - 1,
    )


def _moved(low: int, high: int, start: float, end: float, side: int) -> tuple[int, int] | None:
    """Of `side` pixels that show start … end of one axis, the first and last that low … high touch.

    None where they touch none; `low` and `high` are inclusive, and of any size.
    """
    begin, stop = max(low, start), min(high + 1, end)
    if begin >= stop:
        return None
    scale = side / (end - start)
    first = math.floor((begin - start) * scale + _TOLERANCE)
    last = math.ceil((stop - start) * scale - _TOLERANCE) - 1
    return max(first, 0), min(last, side - 1)


def decoded(
    listing: Listing, split: Split, side: int, progress: Progress
) -> tuple[PhotoSet, tuple[tuple[str, str], ...]]:
    """The readable photos of a split, in the listing's order, and (name, reason) of the others."""
    photos = listing.photos[split]
    images = _room(len(photos), side)
    boxes = np.full((len(photos), 4), -1, np.int16)
    reasons: dict[int, str] = {}

    def fill(start: int) -> int:
        rows = range(start, min(start + _AT_ONCE, len(photos)))
        for row in rows:
            try:
                picture = decode_reduced(photos[row].read(), shorter_edge=None, as_stored=True)
                image, boxes[row] = square(picture.image, side, shrunk(photos[row].box, picture))
            except EffnetError as error:
                reasons[row] = str(error)
            else:
                images[row] = np.asarray(image).transpose(2, 0, 1)
        return len(rows)

    _in_threads(fill, range(0, len(photos), _AT_ONCE), len(photos), progress)
    kept = [row for row in range(len(photos)) if row not in reasons]
    if reasons:
        images, boxes = images[kept], boxes[kept]
    numbers = {class_id: number for number, class_id in enumerate(listing.class_ids)}
    found = PhotoSet(
        images=torch.from_numpy(images),
        labels=torch.tensor([numbers[photos[row].class_id] for row in kept], dtype=torch.int64),
        classes=listing.classes,
        class_ids=listing.class_ids,
        names=tuple(photos[row].name for row in kept),
        boxes=torch.from_numpy(boxes) if (boxes >= 0).any() else None,
    )
    return found, tuple((photos[row].name, reasons[row]) for row in sorted(reasons))


def _all_decoded(
    listing: Listing, side: int, progress: Progress
) -> tuple[dict[Split, PhotoSet], tuple[tuple[str, str], ...]]:
    """Every split that has photos, and (split/name, reason) of what could not be read."""
    total = sum(map(len, listing.photos.values()))
    sets: dict[Split, PhotoSet] = {}
    unreadable: list[tuple[str, str]] = []
    before = 0
    for split in SPLITS:
        if listing.photos.get(split):
            sets[split], refused = decoded(listing, split, side, _after(before, total, progress))
            before += len(listing.photos[split])
            unreadable += [(f"{split}/{photo}", reason) for photo, reason in refused]
    return sets, tuple(unreadable)


def _room(count: int, side: int) -> npt.NDArray[np.uint8]:
    try:
        return np.empty((count, 3, side, side), np.uint8)
    except MemoryError:
        raise DataError(
            f"{count:,} photos of {side} × {side} pixels take {count * 3 * side**2 / 1e9:,.1f} GB "
            "of memory, more than there is; choose a smaller side or fewer photos a class."
        ) from None


def _in_threads(
    work: Callable[[int], int], starts: Sequence[int], total: int, progress: Progress
) -> None:
    """Do `work` for every start, a thread a core; the first thing raised ends it."""
    done = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for finished in as_completed([pool.submit(work, start) for start in starts]):
                done += finished.result()
                progress(done, total)
        except BaseException:  # Ctrl-C too: leaving the block would wait for all that is queued
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _after(before: int, total: int, progress: Progress) -> Progress:
    """`progress` of a part that begins when `before` of `total` photos are done."""
    return lambda done, _: progress(before + done, total)


def require_trainable(listing: Listing, name: str) -> None:
    """Raise DataError unless there are two classes or more, and training photos of each."""
    if not listing.photos.get("train"):
        found = listing.passed_over.in_words
        raise DataError(f"{name} holds no photos to train on." + (f" {found}" if found else ""))
    if len(listing.class_ids) < 2:
        raise DataError(
            f"{name} holds the single class {listing.class_ids[0]!r}; telling classes apart takes "
            "two, each in a folder of its own."
        )
    present = {photo.class_id for photo in listing.photos["train"]}
    for class_id in listing.class_ids:
        if class_id not in present:
            raise DataError(
                f"{name} holds no training photos of the class {class_id!r}; add some, or take "
                "its folder out."
            )


def _require_all_classes(photos: PhotoSet, unreadable: Sequence[tuple[str, str]]) -> None:
    """A readable photo of each class."""
    counts = photos.labels.bincount(minlength=len(photos.classes)).tolist()
    for class_id, count in zip(photos.class_ids, counts, strict=True):
        if not count:
            why = next(why for name, why in unreadable if name.startswith(f"train/{class_id}/"))
            raise DataError(f"Not one photo of the class {class_id!r} can be read: {why}")
