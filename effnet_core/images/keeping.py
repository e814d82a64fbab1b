"""A large picture made small enough to be kept for many people, with little lost to any network.

What a network sees of it is nearly what it sees of the file: the shorter edge keeps twice what the
largest published network resizes to, as in `images.resizing`, and colours keep their full
resolution.
"""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass, field

from PIL import Image

from effnet_core.images.decoding import decode_reduced
from effnet_core.images.resizing import REDUCED_EDGES
from effnet_core.limits import MAX_FILE_KEPT_BYTES, MAX_KEPT_PIXELS

KEPT_EDGE = REDUCED_EDGES[-1]
"""Pixels of the shorter edge."""
QUALITIES = (95, 88, 75, 50)
"""Of JPEG: the first at which the file is small enough. Only what is mostly noise needs another."""


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """A smaller file of the same picture, upright and in sRGB.

    `size` is its (width, height) in pixels, `file_size` that of the file it was made of, upright.
    `notes` are sentences on how that file was read, as in `images.Decoded`.
    """

    data: bytes = field(repr=False)
    size: tuple[int, int]
    file_size: tuple[int, int]
    notes: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """What became of the file, in a sentence."""
        width, height = self.size
        if self.size == self.file_size:
            return f"Kept as a JPEG of {len(self.data) / 1e6:.1f} MB with all of its pixels."
        of = "{:,} × {:,}".format(*self.file_size)
        return f"Kept at {width:,} × {height:,} of its {of} pixels."


def is_kept_whole(data: bytes) -> bool:
    """Whether a file is small enough to be kept as it came."""
    return len(data) <= MAX_FILE_KEPT_BYTES


def reduce(data: bytes) -> Reduced:
    """The picture in a file's bytes as a smaller JPEG; raises ImageError as `images.decode`.

    Its shorter edge has at most `KEPT_EDGE` pixels, and fewer only where the file has fewer or the
    picture is so long that it would pass `MAX_KEPT_PIXELS`. Colours are not subsampled (4:4:4).
    A comment names the file by its SHA-256, since other files may give the same pixels.
    Of `QUALITIES` the first is taken that leaves at most `MAX_FILE_KEPT_BYTES`, else the last.
    """
    decoded = decode_reduced(data, shorter_edge=KEPT_EDGE)
    name = hashlib.sha256(data).hexdigest()
    image = decoded.image
    size = kept_size(image.size)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    data = b""
    for quality in QUALITIES:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality, subsampling="4:4:4", comment=name)
        data = file.getvalue()
        if is_kept_whole(data):
            break
    return Reduced(data=data, size=size, file_size=decoded.size, notes=decoded.notes)


def kept_size(size: tuple[int, int]) -> tuple[int, int]:
    """The (width, height) at which a picture of this size is kept, never larger than it is."""
    factor = min(1.0, KEPT_EDGE / min(size), math.sqrt(MAX_KEPT_PIXELS / (size[0] * size[1])))
    width, height = (max(1, round(edge * factor)) for edge in size)
    return width, height
