"""Layouts of zips, as programs and people make them, with what is read from them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, partial
from unittest import mock

from PIL import Image

from effnet_core.datasets.listing import list_photos
from effnet_core.datasets.trees import opened
from effnet_core.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Row:
    """One layout: `make` gives the zip; `classes`, `train` and `val` are what is to be read.

    `left_out` are folders, `passed_over` kinds of files and `loose` photos in no folder that are
    told of; `guessed` is the encoding of names that nothing says; `refused` is a part of the
    sentence of what is not read.
    """

    layout: str
    make: Callable[[], bytes] = field(repr=False)
    classes: tuple[str, ...] = ("cat", "dog")
    train: int = 4
    val: int = 0
    left_out: tuple[str, ...] = ()
    passed_over: tuple[tuple[str, int], ...] = ()
    loose: int = 0
    guessed: str = ""
    refused: str = ""

    @property
    def outcome(self) -> str:
        """What becomes of it, by reading it."""
        try:
            with opened([self.make()]) as (tree, _):
                found = list_photos(tree)
        except DataError as error:
            return f"Not read: “{error}”"
        counts = [f"{len(part)} for {split}" for split, part in found.photos.items() if part]
        said = f"{', '.join(found.classes)}: photos {', '.join(counts)}."
        return f"{said} {found.passed_over.in_words}".strip()


@cache
def photo(number: int) -> bytes:
    """A small picture like no other of another number."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (number % 256, number // 256, 90)).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(paths: Iterable[str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files, a photo in each; names of bytes are written as they are."""
    buffer, raw = io.BytesIO(), {}
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for number, path in enumerate(paths):
            if isinstance(path, bytes):  # another of its length is replaced afterwards
                stand_in = f"@{number}-".ljust(len(path), "#")
                raw[stand_in], path = path, stand_in
            entry = zipfile.ZipInfo(path)
            entry.compress_type = method
            archive.writestr(entry, b"" if path.endswith("/") else photo(number))
    data = buffer.getvalue()
    for stand_in, name in raw.items():
        assert data.count(stand_in.encode()) == 2  # at the entry, and in the directory
        data = data.replace(stand_in.encode(), name)
    return data


def zip64(paths: Iterable[str]) -> bytes:
    """The same in the form for more than 4 GB or 65,535 files, forced."""
    with (
        mock.patch.object(zipfile, "ZIP64_LIMIT", 0),
        mock.patch.object(zipfile, "ZIP_FILECOUNT_LIMIT", 0),
    ):
        return zipped(paths)


def pets(*before: str, count: int = 2) -> list[str]:
    """Photos of cats and dogs below each of these paths."""
    return [
        f"{prefix}{name}/{number}.png"
        for prefix in before or ("",)
        for name in ("cat", "dog")
        for number in range(count)
    ]


def _encoded(encoding: str, *names: str) -> list[bytes]:
    return [
        f"{name}/{number}.png".encode(encoding) for name in names for number in range(1000, 1002)
    ]


_BESIDE = ("train/", "val/")

ZIPS: tuple[Row, ...] = (
    Row(layout="cat/ dog/", make=lambda: zipped(pets())),
    Row(layout="photos/cat/ …, one folder around all", make=lambda: zipped(pets("photos/"))),
    Row(layout="a/b/cat/ …, folders around all, with a README.md beside them",
        make=lambda: zipped(["a/README.md", *pets("a/b/")])),
    *(
        Row(layout=" ".join(f"{name}/" for name in names), val=4 if len(names) > 1 else 0,
            make=partial(lambda names: zipped(pets(*(f"{name}/" for name in names))), names[:2]))
        for names in (
            ("train", "val"), ("train",), ("Train", "Validation"), ("TRAIN", "VAL"),
            ("train", "dev"), ("training", "valid"), ("train2017", "val2017"),
            ("seg_train", "seg_valid"), ("TrainSet", "EvalSet"), ("train_images", "val"),
        )
    ),
    Row(layout="Train/ Validation/ Test/", val=4, left_out=("Test",),
        make=lambda: zipped(pets("Train/", "Validation/", "Test/"))),
    Row(layout="train/ val/ docs/x.png", val=4, left_out=("docs",),
        make=lambda: zipped([*pets(*_BESIDE), "docs/x.png"])),
    Row(layout="training_set/training_set/ test_set/test_set/", left_out=("test_set",),
        make=lambda: zipped(pets("training_set/training_set/", "test_set/test_set/"))),
    Row(layout="seg_train/seg_train/ seg_test/seg_test/ seg_pred/seg_pred/x.png",
        left_out=("seg_pred", "seg_test"),
        make=lambda: zipped([*pets("seg_train/seg_train/", "seg_test/seg_test/"),
                             "seg_pred/seg_pred/x.png"])),
    Row(layout="chest_xray/ with train/ val/ test/, and again with itself", val=4,
        left_out=("chest_xray", "test"),
        make=lambda: zipped(pets(*(
            f"chest_xray/{again}{name}/" for again in ("", "chest_xray/")
            for name in ("train", "val", "test"))))),
    Row(layout="train/ bus/ car/, photos in each: a vehicle", classes=("bus", "car", "train"),
        train=3, make=lambda: zipped(["train/1.png", "bus/2.png", "car/3.png"])),
    Row(layout="valid/ invalid/, photos in each", classes=("invalid", "valid"), train=2,
        make=lambda: zipped(["valid/1.png", "invalid/2.png"])),
    Row(layout="test/ control/, photos in each", classes=("control", "test"), train=2,
        make=lambda: zipped(["test/1.png", "control/2.png"])),
    Row(layout="bullet_train/ steam_train/, photos in each", train=2,
        classes=("bullet_train", "steam_train"),
        make=lambda: zipped(["bullet_train/1.png", "steam_train/2.png"])),
    Row(layout="train/ test/, photos in each", refused="say whether they are splits or classes",
        make=lambda: zipped(["train/1.png", "test/2.png"])),
    Row(layout="train/steam/ train/diesel/ bus/city/", refused="say whether they are splits",
        make=lambda: zipped(["train/steam/1.png", "train/diesel/2.png", "bus/city/3.png"])),
    Row(layout="tr/ te/, the same classes in each", refused="call them train and val if they are",
        make=lambda: zipped(pets("tr/", "te/"))),
    Row(layout="cat/train/ cat/val/ dog/train/ dog/val/", refused="splits are read around classes",
        make=lambda: zipped([f"{pet}/{split}/{n}.png" for n, (pet, split) in enumerate(
            (pet, split) for pet in ("cat", "dog") for split in ("train", "val"))])),
    Row(layout="cat/images/ dog/images/", make=lambda: zipped(
        [f"{pet}/images/{n}.png" for pet in ("cat", "dog") for n in range(2)])),
    Row(layout="images/train/ images/val/ labels/", val=4, left_out=("labels",),
        make=lambda: zipped([*pets("images/train/", "images/val/"), "labels/train/x.txt"])),
    Row(layout="train/ validation/ val/", refused="Two folders are called as if for val",
        make=lambda: zipped(pets("train/", "validation/", "val/"))),
    Row(layout="of a Mac, with __MACOSX/ and .DS_Store",
        make=lambda: zipped([*pets("pets/"), ".DS_Store", "pets/.DS_Store", "pets/Icon\r",
                             "__MACOSX/pets/cat/._0.png", "__MACOSX/._pets"])),
    Row(layout="of Windows, with Thumbs.db and desktop.ini",
        make=lambda: zipped([*pets(), "cat/Thumbs.db", "dog/desktop.ini", "dog/thumbs.db"])),
    Row(layout="of 7-Zip, with entries for folders",
        make=lambda: zipped(["cat/", "dog/", *pets()])),
    Row(layout="photos beside cat/ dog/", make=lambda: zipped(["0.png", *pets()]), loose=1),
    Row(layout="with back-slashes between folders",
        make=lambda: zipped([path.replace("/", "\\") for path in ("cat/", "dog/", *pets())])),
    Row(layout="with back-slashes that lead out of it", refused="not a plain relative path",
        make=lambda: zipped([*pets(), "cat\\..\\..\\x.png"])),
    Row(layout="with paths that lead out of it", refused="not a plain relative path",
        make=lambda: zipped([*pets(), "../x.png"])),
    Row(layout="names in UTF-8, not marked as such", classes=("größe", "猫"),
        make=lambda: zipped(_encoded("utf-8", "größe", "猫"))),
    Row(layout="names in cp437", classes=("Köln", "größe"), guessed="cp437",
        make=lambda: zipped(_encoded("cp437", "größe", "Köln"))),
    Row(layout="names in Shift-JIS", classes=("表示", "犬", "テスト"), train=6,
        guessed="Shift-JIS",
        make=lambda: zipped(_encoded("cp932", "犬", "テスト", "表示"))),
    Row(layout="names in Shift-JIS, of one letter with a back-slash in it", classes=("表", "猫"),
        make=lambda: zipped(_encoded("cp932", "表", "猫")), guessed="Shift-JIS"),
    Row(layout="names in Shift-JIS, one such letter alone", classes=("表", "dog"),
        make=lambda: zipped(_encoded("cp932", "表", "dog")), guessed="Shift-JIS"),
    Row(layout="names in cp1252, which nothing tells", classes=("K÷ln", "dog"),
        make=lambda: zipped(_encoded("cp1252", "Köln", "dog")), guessed="cp437"),
    Row(layout="names in cp866, which nothing tells", classes=("¼«Φ¼á", "dog"),
        make=lambda: zipped(_encoded("cp866", "мошма", "dog")), guessed="cp437"),
    Row(layout="zip64", make=lambda: zip64(pets())),
    Row(layout="HEIC, camera raw and a film beside the photos",
        passed_over=(("HEIC", 2), (".txt", 1), ("camera raw", 1), ("film", 1)),
        make=lambda: zipped([*pets(), "cat/a.HEIC", "dog/b.heif", "dog/c.CR2", "cat/d.mov",
                             "cat/e.txt"])),
    Row(layout="packed by BZip2", refused="packed in an unusual way",
        make=lambda: zipped(pets(), method=zipfile.ZIP_BZIP2)),
    Row(layout="a RAR called .zip", refused="is RAR, whatever",
        make=lambda: b"Rar!\x1a\x07\x01\0" + bytes(99)),
    Row(layout="a 7z called .zip", refused="is 7z, whatever",
        make=lambda: b"7z\xbc\xaf\x27\x1c\0\4" + bytes(99)),
    Row(layout="a .tar.gz called .zip", refused="is gzip, whatever",
        make=lambda: b"\x1f\x8b\x08" + bytes(99)),
)  # fmt: skip
