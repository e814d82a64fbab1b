"""A prepared data set on disk: train.safetensors, val.safetensors and what stands behind them."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effnet_core import files
from effnet_core.datasets import photo_set
from effnet_core.datasets.passed_over import NOTHING, PassedOver
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.datasets.splits import SPLITS, Split
from effnet_core.errors import DataError, InvalidInput
from effnet_core.files import conform, of_format, read_json
from effnet_core.limits import MAX_PREPARED_RECORD_BYTES

FORMAT = "effnet-data/1"
RECORD = "data.json"


@dataclass(frozen=True, kw_only=True)
class PreparedReport:
    """What a prepared folder holds; its data.json.

    `counts` are photos a class, in the order of `class_ids`, and `boxed` photos with a box, both by
    split. `unreadable` are ("split/class id/file", reason in a sentence); `ignored` counts files
    that are no pictures by their names, and `passed_over` says which kinds, and what folders were
    left out. `sha256` belongs to the files, by their names.
    """

    source: str
    form: str
    side: int
    class_ids: tuple[str, ...]
    classes: tuple[str, ...]
    counts: Mapping[str, tuple[int, ...]]
    boxed: Mapping[str, int]
    unreadable: tuple[tuple[str, str], ...]
    ignored: int
    sha256: Mapping[str, str]
    passed_over: PassedOver = NOTHING

    def photos(self, split: str) -> int:
        """Number of photos of a split; 0 where it is absent."""
        return sum(self.counts.get(split, ()))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `read_record` reads them back."""
        return {"format": FORMAT, **dataclasses.asdict(self)}


def path_of(folder: Path, split: Split) -> Path:
    """The file that `photo_set.load` reads."""
    return folder / f"{split}.safetensors"


def require_place(folder: Path) -> None:
    """Raise InvalidInput if the folder cannot be written, before the work that fills it."""
    place = folder.absolute()
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise InvalidInput(f"{folder} cannot be made or written; give another folder.")


def write(
    sets: Mapping[Split, PhotoSet],
    folder: Path,
    *,
    source: str,
    form: str,
    unreadable: tuple[tuple[str, str], ...],
    ignored: int,
    passed_over: PassedOver = NOTHING,
) -> PreparedReport:
    """Write the sets and their record, in place of what was prepared there; raises WeightsError.

    The record is written last: a folder without one is not whole.
    """
    for path in (folder / RECORD, *(path_of(folder, split) for split in SPLITS)):
        _remove(path)
    hashes = {}
    for split, photos in sets.items():
        path = path_of(folder, split)
        photo_set.save(photos, path)
        hashes[path.name] = files.sha256(path)
    train = sets["train"]
    report = PreparedReport(
        source=source,
        form=form,
        side=train.side,
        class_ids=train.class_ids,
        classes=train.classes,
        counts={split: _counts(photos) for split, photos in sets.items()},
        boxed={split: _boxed(photos) for split, photos in sets.items()},
        unreadable=unreadable,
        ignored=ignored,
        sha256=hashes,
        passed_over=passed_over,
    )
    text = json.dumps(report.to_dict(), indent=1)
    files.write(folder / RECORD, text.encode("ascii"))
    return report


def read_record(folder: Path) -> PreparedReport:
    """What the folder says of itself, its files unread; raises DataError."""
    path = folder / RECORD
    try:
        values = read_json(path, MAX_PREPARED_RECORD_BYTES)
        return conform(of_format(values, FORMAT), PreparedReport)
    except FileNotFoundError:
        raise DataError(
            f"{folder} is not a prepared data set, it has no {RECORD}; `effnet data prepare` makes "
            "one."
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); prepare the data again.") from None


def load(folder: Path, split: Split) -> PhotoSet | None:
    """One set of a prepared folder, None where the folder has none of that split.

    Raises DataError. Whether a file has changed since it was written, only `verify` finds out.
    """
    report = read_record(folder)
    path = path_of(folder, split)
    return photo_set.load(path) if path.name in report.sha256 else None


def verify(folder: Path) -> PreparedReport:
    """`read_record`, every file compared with its SHA-256; raises DataError."""
    report = read_record(folder)
    for name, sha256 in report.sha256.items():
        path = folder / Path(name).name
        try:
            found = files.sha256(path)
        except OSError as error:
            raise DataError(
                f"{path} cannot be read ({error.strerror}); prepare the data again."
            ) from None
        if found != sha256:
            raise DataError(f"{path} has changed since it was written; prepare the data again.")
    return report


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise files.storage_error(error, path) from error


def _counts(photos: PhotoSet) -> tuple[int, ...]:
    return tuple(photos.labels.bincount(minlength=len(photos.classes)).tolist())


def _boxed(photos: PhotoSet) -> int:
    return 0 if photos.boxes is None else int((photos.boxes[:, 0] >= 0).sum())
