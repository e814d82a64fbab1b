"""What a file is, by its name and by its first bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

SUFFIXES = frozenset(
    (".avif", ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
)
"""Endings of the names of pictures that are read."""

_KINDS: Mapping[str, str] = {
    suffix: kind
    for kind, suffixes in (
        ("HEIC", ".heic .heics .heif .heifs .hif"),
        ("JPEG XL", ".jxl"),
        ("JPEG 2000", ".jp2 .j2k .jpf .jpx"),
        ("camera raw", ".arw .cr2 .cr3 .dng .nef .orf .pef .raf .raw .rw2 .srw"),
        ("Photoshop", ".psd"),
        ("film", ".avi .m4v .mkv .mov .mp4 .webm"),
    )
    for suffix in suffixes.split()
}

HEAD = 64
"""So many of a file's first bytes are looked at."""

_HEIC_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_MARKS = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
    (b"II*\0\x10\0\0\0CR", "camera raw"),
    (b"IIRO", "camera raw"),
    (b"IIU\0", "camera raw"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"<svg", "SVG"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"PK\x03\x04", "zip"),
)


def is_picture(name: str) -> bool:
    """Whether a file is a picture that is read, by its name."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def kind_by_name(name: str) -> str:
    """What a file that is not read calls itself: a kind of picture, or its ending."""
    suffix = PurePosixPath(name).suffix.lower()
    return _KINDS.get(suffix, suffix[:12] or "without an ending")


def kind_of(data: bytes) -> str | None:
    """The name of a kind of file that is not read as a picture; None for all others.

    HEIC is told from AVIF, its sibling in the same container, by the brands it names (ISO/IEC
    23008-12, 10.2).
    """
    if data[4:8] == b"ftyp":
        return _of_brands(data[8:12], data[16 : min(int.from_bytes(data[:4], "big"), HEAD)])
    return next((name for mark, name in _MARKS if data.startswith(mark)), None)


def _of_brands(major: bytes, compatible: bytes) -> str | None:
    brands = {major, *(compatible[place : place + 4] for place in range(0, len(compatible), 4))}
    if major in _AVIF_BRANDS or (brands & _AVIF_BRANDS and major in (b"mif1", b"msf1")):
        return None
    if major == b"crx ":  # of Canon
        return "camera raw"
    return "HEIC" if brands & _HEIC_BRANDS else "film"
