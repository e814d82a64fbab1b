"""`effnet_core.datasets.zips`: hostile zips reach no disk, fill no memory, and get a sentence."""

from __future__ import annotations

import io
import os
import stat
import struct
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from effnet_core.datasets import zips
from effnet_core.datasets.trees import opened
from effnet_core.errors import DataError
from effnet_core.limits import ZipLimits
from tests.core.photo_reading import read_photos

CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"
WRITING = ("os.mkdir", "os.rename", "os.remove", "os.symlink", "os.link", "os.truncate")


def picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


RED, BLUE = picture("red"), picture("blue")


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = 8) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    return buffer.getvalue()


GOOD = zipped(("a/1.png", RED), ("b/2.png", BLUE))


def patched(data: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """The zip with `value` at `offset` of its first header that begins with `mark`."""
    place = data.index(mark) + offset
    return data[:place] + value + data[place + len(value) :]


def refused(data: bytes, limits: ZipLimits | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read_photos(data, side=8, limits=limits)
    assert str(caught.value).endswith(".")
    return str(caught.value)


writes: list[str] = []
watching = [False]


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not watching[0]:
        return
    opens = event == "open" and isinstance(arguments[2], int)
    if event in WRITING or (opens and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
        writes.append(f"{event} {arguments}")


sys.addaudithook(_watch)


@contextmanager
def nothing_written() -> Iterator[None]:
    """Fails if Python opens a file for writing, or makes, moves or removes one, in the block."""
    writes.clear()
    watching[0] = True
    try:
        yield
    finally:
        watching[0] = False
    assert not writes


def test_the_watch_on_writing_sees_what_a_zip_would_do(tmp_path: Path) -> None:
    with pytest.raises(AssertionError), nothing_written():
        zipfile.ZipFile(io.BytesIO(GOOD)).extractall(tmp_path)


def test_an_honest_zip_is_read_without_writing() -> None:
    with nothing_written():
        photos, report = read_photos(GOOD, side=8)
    assert photos.names == ("a/1.png", "b/2.png")
    assert photos.images[:, :, 0, 0].tolist() == [[255, 0, 0], [0, 0, 255]]
    assert report.unreadable == ()


@pytest.mark.parametrize(
    "path",
    [
        *("../a/1.png", "a/../../1.png", "a/..", "/etc/a/1.png", "//host/a/1.png", "a//1.png"),
        *(
            "C:/a/1.png",
            "c:1.png",
            "\\a\\1.png",
            "a\\..\\1.png",
            "..\\1.png",
            "./a/1.png",
            "a/./1.png",
        ),
        *("a/\x1b[2J.png", "a/1\n.png", "x" * 1001, "/"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    data = zipped(("a/1.png", RED), (path, b"x"), ("b/2.png", BLUE))
    with nothing_written():
        assert "is not a plain relative path" in refused(data)


def test_a_name_cut_by_a_nul_is_refused() -> None:
    data = GOOD.replace(b"a/1.png", b"a/1\0png")
    assert "is not a plain relative path" in refused(data)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(kind: int) -> None:
    entry = zipfile.ZipInfo("a/1.png")
    entry.external_attr = (kind | 0o777) << 16
    assert "a link or a device" in refused(zipped((entry, b"/etc/passwd"), ("b/2.png", BLUE)))


@pytest.mark.parametrize("flags", [0x1, 0x41, 0x2001])
def test_encryption_is_refused(flags: int) -> None:
    assert "encrypted" in refused(patched(GOOD, CENTRAL, 8, struct.pack("<H", flags)))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 97])
def test_unusual_packing_is_refused(method: int) -> None:
    if method == 97:
        data = patched(GOOD, CENTRAL, 10, struct.pack("<H", method))
    else:
        data = zipped(("a/1.png", RED), ("b/2.png", BLUE), method=method)
    assert "unusual way" in refused(data)


def test_one_path_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped(("a/1.png", RED), ("a/1.png", BLUE), ("b/2.png", BLUE))
    assert "'a/1.png' twice" in refused(data)
    both = zipped(("a", RED), ("a/1.png", RED), ("b/2.png", BLUE))
    assert "'a' as a file and as a folder" in refused(both)


def test_limits_hold_for_count_entry_and_total() -> None:
    many = zipped(*((f"{c}/{n}.png", RED) for c in "ab" for n in range(10)))
    assert "more than the 19 files" in refused(many, ZipLimits(entries=19))
    assert len(read_photos(many, side=8, limits=ZipLimits(entries=20))[0]) == 20
    size = len(RED)
    assert "larger than" in refused(many, ZipLimits(entry_bytes=size - 1))
    assert "unpacks to more than" in refused(many, ZipLimits(total_bytes=20 * size - 1))
    exact = ZipLimits(entry_bytes=size, total_bytes=20 * size)
    assert len(read_photos(many, side=8, limits=exact)[0]) == 20


def test_entries_are_counted_across_the_borders_of_what_is_read_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = b"".join(CENTRAL + bytes(gap) for gap in range(20))
    for chunk in range(4, 30):
        monkeypatch.setattr(zips, "_CHUNK", chunk)
        assert zips._count(io.BytesIO(data), CENTRAL) == 20


def test_a_bomb_that_belies_its_size_does_not_swell() -> None:
    data = zipped(("a/1.png", bytes(200_000_000)), ("b/2.png", BLUE))
    for mark, offset in ((CENTRAL, 24), (LOCAL, 22)):
        data = patched(data, mark, offset, struct.pack("<I", 1000))
    tracemalloc.start()
    photos, report = read_photos(data, side=8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
    assert photos.names == ("b/2.png",)
    assert report.unreadable == (("a/1.png", "It is damaged inside the zip."),)


def test_a_bomb_of_true_size_is_refused_before_it_is_unpacked() -> None:
    data = zipped(("a/1.png", bytes(130_000_000)), ("b/2.png", BLUE))
    assert "larger than the 128 MB" in refused(data)


def test_a_damaged_entry_is_one_unreadable_photo() -> None:
    place = GOOD.index(RED[:4]) if RED[:4] in GOOD else GOOD.index(b"a/1.png") + 12
    data = GOOD[:place] + bytes([GOOD[place] ^ 0xFF]) + GOOD[place + 1 :]
    photos, report = read_photos(data, side=8)
    assert photos.names == ("b/2.png",)
    assert [name for name, _ in report.unreadable] == ["a/1.png"]


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", GOOD[:-30], GOOD[:40], b"x" * 100, zlib.compress(GOOD)],
    ids=["nothing", "two bytes", "cut at the end", "cut at the start", "text", "compressed"],
)
def test_what_is_no_zip_is_refused(data: bytes) -> None:
    assert "nor a zip that can be read" in refused(data)


def test_a_name_in_broken_utf_8_is_refused() -> None:
    data = zipped(("ä/1.png", RED)).replace("ä".encode(), b"\xff\xff")
    assert "nor a zip that can be read" in refused(data)


SEGMENTS = st.sampled_from(["a", "b", "..", ".", "", "train", "val", "images", "c:", ".x", "ä\\"])
# zipfile itself cannot write NUL; such names are tried above.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4)
PATHS = st.lists(SEGMENTS | TEXT, min_size=1, max_size=4).map("/".join)


@settings(max_examples=150)
@given(paths=st.lists(PATHS, max_size=6, unique=True), ending=st.sampled_from([".png", ""]))
def test_any_paths_give_photos_of_plain_paths_or_a_sentence(paths: list[str], ending: str) -> None:
    data = zipped(*((path + ending, RED) for path in paths if path + ending))
    with nothing_written():
        try:
            with opened([data]) as (tree, _):
                found = [*tree.files, *tree.folders]
            read_photos(data, side=8)
        except DataError as error:
            assert str(error).endswith(".")
            return
    for path in found:
        assert not {"", ".", ".."} & set(path.split("/")) and "\\" not in path


@settings(max_examples=300)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6
    ),
    cut=st.integers(0, len(GOOD)) | st.just(len(GOOD)),
)
def test_mutated_zips_never_do_worse_than_a_sentence(
    changes: list[tuple[int, int]], cut: int
) -> None:
    mutant = bytearray(GOOD)
    for place, value in changes:
        mutant[place] = value
    with nothing_written():
        try:
            photos, report = read_photos(bytes(mutant[:cut]), side=8)
        except DataError as error:
            assert str(error).endswith((".", ".)"))
        else:
            assert len(photos) + len(report.unreadable) <= 2
            assert all(reason.endswith(".") for _, reason in report.unreadable)
