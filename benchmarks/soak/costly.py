"""Small pictures that would cost much: refused by their headers, or no dearer than a usual one.

Each is decoded by a process of its own, beside a plain JPEG of 24 million pixels that is decoded
whole. `python -m benchmarks.soak.costly` prints the rows.
"""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from PIL import Image

from benchmarks.soak.rows import Row, at_most, printed

TIMES, MEGABYTES, MILLISECONDS = 3.0, 50.0, 50.0

_MEASURE = """
import re, sys, time
from effnet_core.errors import ImageError
from effnet_core.images import decode
data = sys.stdin.buffer.read()
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024 / 1e6
before, begin = peak(), time.thread_time()
try:
    decode(data)
    print("decoded")
except ImageError as error:
    print("refused", error)
print((time.thread_time() - begin) * 1000, peak() - before)
"""


class Measured(NamedTuple):
    """What a fresh process says to a picture, its processor's time and how much it grew by."""

    answer: str
    milliseconds: float
    megabytes: float


def measured(data: bytes) -> Measured:
    """Decode a picture in a process of its own; raises CalledProcessError where that dies."""
    command = [sys.executable, "-c", _MEASURE]
    said = subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()
    answer, figures = said.strip().rsplit("\n", 1)
    milliseconds, megabytes = map(float, figures.split())
    return Measured(answer, milliseconds, megabytes)


def encode(image: Image.Image, format_: str, **options: object) -> bytes:
    """The picture's file."""
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def flat(edge: int, format_: str, **options: object) -> bytes:
    """A grey square in one colour."""
    return encode(Image.new("L", (edge, edge)), format_, **options)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One piece of a PNG."""
    checked = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checked


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises width × height RGB pixels and holds a thousand bytes of them."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = png_chunk(b"IDAT", zlib.compress(bytes(1_000)))
    return b"\x89PNG\r\n\x1a\n" + header + rows + png_chunk(b"IEND", b"")


def rescanned(edge: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan comes so many times more."""
    usual = encode(Image.new("L", (edge, edge), 128), "JPEG", progressive=True)
    last = usual[usual.rindex(b"\xff\xda") : -2]
    return usual[:-2] + last * scans + usual[-2:]


def tiff(tags: Mapping[int, int], content: bytes) -> bytes:
    """A TIFF with these tags and its content from byte 200 on."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
    return (b"II*\0" + directory).ljust(200, b"\0") + content


def _scanned_tiff() -> bytes:
    strip, edge = rescanned(2_000, 400), 2_000
    size = {256: edge, 257: edge, 258: 8, 259: 7, 262: 1}
    return tiff(size | {273: 200, 277: 1, 278: edge, 279: len(strip)}, strip)


def _pieces(count: int, kind: bytes, content: bytes) -> bytes:
    """A PNG of 8 × 8 pixels with so many more pieces before its pixels."""
    data = flat(8, "PNG")
    return data[:33] + png_chunk(kind, content) * count + data[33:]


def _grainy(width: int, height: int) -> Image.Image:
    """As much detail as a photo has: its JPEG takes two bits a pixel."""
    return Image.effect_noise((width, height), 8).convert("RGB")


Made = Mapping[str, Callable[[], bytes]]
BOMBS: Made = {
    "header of 81 Mpx": lambda: png_header(9_000, 9_000),
    "header of 169 Mpx": lambda: png_header(13_000, 13_000),
    "header of 100 million Mpx": lambda: png_header(10_000_000, 10_000_000),
    "PNG of 81 Mpx": lambda: flat(9_000, "PNG"),
    "GIF of 81 Mpx": lambda: flat(9_000, "GIF"),
    "WebP of 81 Mpx": lambda: flat(9_000, "WEBP", lossless=True, method=0),
    "TIFF of 81 Mpx": lambda: flat(9_000, "TIFF", compression="tiff_deflate"),
    "JPEG of 169 Mpx": lambda: flat(13_000, "JPEG"),
}
"""Too many pixels for any picture of their kind."""
SMALL_AND_COSTLY: Made = {
    "lossless WebP of 40 Mpx": lambda: encode(
        Image.new("RGB", (16_383, 2_441)), "WEBP", lossless=True, method=0
    ),
    "PNG of one pixel across": lambda: encode(Image.new("L", (1, 39_000_000)), "PNG"),
    "JPEG of a thousand scans": lambda: rescanned(6_000, 1_000),
    "TIFF of a JPEG of 410 scans": _scanned_tiff,
    "PNG of a hundred thousand pieces": lambda: _pieces(100_000, b"IDAT", b""),
    "PNG with 100 MB of text": lambda: _pieces(100, b"tEXt", b"k\0" + bytes(10**6)),
}
"""Few enough pixels or bytes, and seconds or much memory if they were decoded."""
LARGEST: Made = {
    "transparent": lambda: encode(Image.new("RGBA", (7_000, 4_000), (1, 2, 3, 9)), "PNG"),
    "deep": lambda: encode(Image.new("I;16", (6_000, 4_000)), "PNG"),
    "WebP": lambda: encode(Image.new("RGB", (7_000, 4_000)), "WEBP", lossless=True, method=0),
    "progressive": lambda: encode(_grainy(6_000, 5_000), "JPEG", quality=90, progressive=True),
    "row": lambda: encode(Image.new("L", (1, 32_768)), "PNG"),
    "column": lambda: encode(Image.new("RGB", (32_768, 1_200)), "PNG"),
    "telephone's 50 Mpx": lambda: encode(_grainy(8_192, 6_144), "JPEG", quality=85),
}
"""What is still accepted of each kind."""


@cache
def plain() -> Measured:
    """A JPEG of 24 million pixels, decoded whole: the yardstick."""
    return quieter(encode(_grainy(6_000, 4_000), "JPEG", quality=90))


def rows() -> tuple[Row, ...]:
    """Rows of pictures that were taken in or refused wrongly, and of what each costs."""
    usual = plain()
    accepted = {name: quieter(make()) for name, make in LARGEST.items()}
    refused = {name: quieter(make()) for name, make in {**BOMBS, **SMALL_AND_COSTLY}.items()}
    wrong = [name for name, found in accepted.items() if found.answer != "decoded"]
    taken = [name for name, found in refused.items() if found.answer == "decoded"]
    much, many = f"the largest accepted of {len(accepted)} kinds", f"{len(refused)} picture bombs"
    beside = "times a plain JPEG of 24 Mpx"
    slowest = max(found.milliseconds for found in accepted.values())
    most = max(found.megabytes for found in accepted.values())
    bombs = refused.values()
    return (
        at_most(f"{much}: refused", len(wrong), 0),
        at_most(f"{much}: time, {beside}", slowest / usual.milliseconds, TIMES),
        at_most(f"{much}: memory, {beside}", most / usual.megabytes, TIMES),
        at_most(f"{many}: decoded", len(taken), 0),
        at_most(
            f"{many}: milliseconds until refused, slowest",
            max(found.milliseconds for found in bombs),
            MILLISECONDS,
        ),
        at_most(f"{many}: growth, MB, largest", max(found.megabytes for found in bombs), MEGABYTES),
    )


def quieter(data: bytes) -> Measured:
    """The shorter of two: what other programs take is no cost of the picture's."""
    return min(measured(data), measured(data), key=lambda found: found.milliseconds)


if __name__ == "__main__":
    printed(rows())
