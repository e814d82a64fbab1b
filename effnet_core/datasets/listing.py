"""Which photos a source holds: the forms of a data set, read to one list.

Read are the official Tiny-ImageNet-200 (Le and Yang, "Tiny ImageNet Visual Recognition Challenge",
Stanford CS231N, 2015), and one folder a class, also below train/ and val/, with an optional
classes.csv (wnid, name) and boxes.csv (split, wnid, file, x_min, y_min, x_max, y_max).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from effnet_core.datasets.folders import divided_tree, loose_photos
from effnet_core.datasets.passed_over import PassedOver
from effnet_core.datasets.splits import FoldersAre, Split
from effnet_core.datasets.trees import Tree
from effnet_core.datasets.zips import Read
from effnet_core.errors import DataError, EffnetError
from effnet_core.images.kinds import HEAD, is_picture, kind_by_name, kind_of

Box = tuple[int, int, int, int]
BoxKey = tuple[str, str, str]

_BOX_FIELDS = ("x_min", "y_min", "x_max", "y_max")


@dataclass(frozen=True)
class Photo:
    """One picture not yet read; `box` is x_min, y_min, x_max, y_max, inclusive, in its pixels."""

    class_id: str
    file: str
    read: Read
    box: Box | None = None

    @property
    def name(self) -> str:
        """Class id and file, a slash between them."""
        return f"{self.class_id}/{self.file}"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a source holds.

    `photos` of each split in the order of `class_ids`, then by name. `divided` is False where the
    source knows no splits: all is "train" then. `passed_over` are files inside class folders that
    are no pictures by their names, and folders beside the splits.
    """

    form: str
    class_ids: tuple[str, ...]
    classes: tuple[str, ...]
    photos: Mapping[Split, tuple[Photo, ...]]
    divided: bool
    passed_over: PassedOver

    @property
    def ignored(self) -> int:
        """How many files were passed over."""
        return self.passed_over.files


def list_photos(
    tree: Tree,
    *,
    class_list: Path | None = None,
    boxes: Path | None = None,
    max_per_class: int | None = None,
    folders_are: FoldersAre | None = None,
) -> Listing:
    """Recognise the form of `tree` and list its photos.

    `class_list` and `boxes` are CSV files that take the place of the source's own. Classes stand
    in the order of the list, else by id, and only listed ones are taken; of each split at most
    `max_per_class` photos a class, the first by name. `folders_are` says what the folders at the
    top are; without it AmbiguousFolders is raised where they may be splits or classes. Raises
    DataError.
    """
    official = "wnids.txt" in tree.files
    splits, divided, left_out = divided_tree(tree, folders_are, official=official)
    found: dict[Split, dict[str, list[Photo]]] = {}
    others: list[str] = []
    outside = (tree, *splits.values()) if divided else (tree,)
    loose = 0 if official else sum(map(loose_photos, outside))
    for split, part in splits.items():
        found[split] = _photos(part, others, official=official)
    listed = _class_names(tree, class_list)
    names = listed or _own_names(tree, found)
    _require_classes(names, found, listed is not None)
    known = _boxes(tree, boxes)
    photos = {
        split: tuple(
            _with_box(photo, split, known)
            for class_id in names
            for photo in _first(by_class.get(class_id, ()), max_per_class)
        )
        for split, by_class in found.items()
    }
    if boxes is not None and all(photo.box is None for part in photos.values() for photo in part):
        raise DataError(f"{boxes} has a box for none of the photos; check its columns wnid, file.")
    return Listing(
        form="Tiny-ImageNet-200" if official else "a folder for each class",
        class_ids=tuple(names),
        classes=tuple(names.values()),
        photos=photos,
        divided=divided,
        passed_over=PassedOver.of(map(kind_by_name, others), left_out, loose, tree.encoding),
    )


def without_disguised(listing: Listing) -> Listing:
    """The listing without photos whose first bytes are those of a kind that is not read.

    They are passed over under that kind ("HEIC" called .jpg). What cannot be read at all stays, to
    be told of when it is decoded.
    """
    kinds: list[str] = []

    def kept(photo: Photo) -> bool:
        try:
            kind = kind_of(photo.read(HEAD))
        except EffnetError:
            return True
        if kind is not None:
            kinds.append(kind)
        return kind is None

    photos = {split: tuple(filter(kept, part)) for split, part in listing.photos.items()}
    return replace(listing, photos=photos, passed_over=listing.passed_over.and_also(kinds))


def _first(photos: Iterable[Photo], count: int | None) -> list[Photo]:
    return sorted(photos, key=lambda photo: photo.file)[:count]


def _photos(tree: Tree, others: list[str], *, official: bool) -> dict[str, list[Photo]]:
    """Photos by class folder, however deep below it; names of other files are added to `others`.

    The `official` form's are in "images" below it, with a file of boxes, or all in one folder with
    a file of annotations.
    """
    annotations = tree.text("val_annotations.txt") if official else None
    found: dict[str, list[Photo]] = {}
    if annotations is None:
        for class_id, inside in tree.by_folder().items():
            boxes = inside.text(f"{class_id}_boxes.txt") if official else None
            where = {row[0]: _box(row[1:]) for row in _rows(boxes or "", 5)}
            files = (inside.below("images") if official else inside).files.items()
            found[class_id] = [
                Photo(class_id, file, read, where.get(file))
                for file, read in files
                if is_picture(file)
            ]
            others += [file for file, _ in files if not is_picture(file)]
        return found
    labels = {row[0]: (row[1], _box(row[2:])) for row in _rows(annotations, 6)}
    for file, read in tree.below("images").files.items():
        if file in labels and is_picture(file):
            class_id, box = labels[file]
            found.setdefault(class_id, []).append(Photo(class_id, file, read, box))
        else:
            others.append(file)
    return found


def _rows(text: str, columns: int) -> list[list[str]]:
    """Rows of a tab-separated table; raises DataError if one has another number of columns."""
    rows = [line.split("\t") for line in text.splitlines() if line.strip()]
    for row in rows:
        if len(row) != columns:
            raise DataError(f"A row of boxes has {len(row)} columns, not {columns}: {row!r:.100}.")
    return rows


def _own_names(tree: Tree, found: Mapping[Split, Mapping[str, object]]) -> dict[str, str]:
    """Names of all classes found, by id and in its order: words.txt's first word, else the id."""
    ids = sorted({class_id for by_class in found.values() for class_id in by_class})
    lines = (tree.text("words.txt") or "").splitlines()
    words = dict(line.split("\t", 1) for line in lines if "\t" in line)
    return {
        class_id: words[class_id].split(",")[0].strip() if class_id in words else class_id
        for class_id in ids
    }


def _class_names(tree: Tree, class_list: Path | None) -> dict[str, str] | None:
    """Names by id from the class list that is given, or from the source's own, if any."""
    rows = _csv(tree, class_list, "classes.csv", ("wnid", "name"))
    if rows is None:
        return None
    names = {row["wnid"]: row["name"] for row in rows}
    if len(names) != len(rows) or not names:
        raise DataError(
            f"The class list {class_list or 'classes.csv'} names a class twice or none at all."
        )
    return names


def _require_classes(
    names: Mapping[str, str], found: Mapping[Split, Mapping[str, object]], listed: bool
) -> None:
    """What is listed must be there, and what is measured must have been trained."""
    present = {class_id for by_class in found.values() for class_id in by_class}
    missing = [class_id for class_id in names if class_id not in present]
    if missing:
        raise DataError(
            f"The class list names {_some(missing)}, of which the source has no photos; check the "
            "list."
        )
    if not listed and "train" in found:
        extra = sorted(found.get("val", {}).keys() - found["train"].keys())
        if extra:
            raise DataError(f"val holds {_some(extra)}, which train lacks; the classes must agree.")


def _some(items: Iterable[str]) -> str:
    first, *rest = items
    return f"{first!r}" + (f" and {len(rest):,} more" if rest else "")


def _boxes(tree: Tree, boxes: Path | None) -> dict[BoxKey, Box]:
    """Boxes by (split, class id, file); the split is "" in a file without that column."""
    rows = _csv(tree, boxes, "boxes.csv", ("wnid", "file", *_BOX_FIELDS)) or []
    return {
        (row.get("split") or "", row["wnid"], row["file"]): _box([row[f] for f in _BOX_FIELDS])
        for row in rows
    }


def _with_box(photo: Photo, split: Split, known: Mapping[BoxKey, Box]) -> Photo:
    for place in (split, ""):
        box = known.get((place, photo.class_id, photo.file))
        if box is not None:
            return Photo(photo.class_id, photo.file, photo.read, box)
    return photo


def _box(texts: Iterable[str]) -> Box:
    try:
        x_min, y_min, x_max, y_max = (int(text) for text in texts)
    except ValueError:
        raise DataError(
            f"A box is not four whole numbers x_min, y_min, x_max, y_max: {list(texts)!r:.100}."
        ) from None
    return x_min, y_min, x_max, y_max


def _csv(
    tree: Tree, path: Path | None, own: str, columns: tuple[str, ...]
) -> list[dict[str, str]] | None:
    """Rows of the file at `path`, or of the source's `own`; None where there is neither."""
    if path is None:
        text = tree.text(own)
    else:
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not text in UTF-8"
            raise DataError(f"{str(path)[:200]} cannot be read ({reason}); check it.") from None
    if text is None:
        return None
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = list(reader)
    except csv.Error as error:
        raise DataError(f"{path or own} cannot be read as CSV ({error}).") from None
    if not set(columns) <= set(reader.fieldnames or ()) or any(
        row[column] is None for row in rows for column in columns
    ):
        raise DataError(f"{path or own} needs the columns {', '.join(columns)} in every row.")
    return rows
