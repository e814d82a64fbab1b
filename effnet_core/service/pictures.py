"""The pictures decoded last, so that asking again about a picture does not decode it again."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from effnet_core.images import Decoded, decode, decode_reduced
from effnet_core.quick_view import REDUCED_EDGE

CACHE_PIXELS = 80_000_000
"""Pixels kept (3 bytes each): the largest accepted picture twice, or some 26 from a telephone."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture and how long decoding its bytes took."""

    decoded: Decoded
    decode_milliseconds: float


def digest(data: bytes) -> bytes:
    """What stands for a picture file: the SHA-256 of its bytes."""
    return hashlib.sha256(data).digest()


class Pictures:
    """Decodes picture files and keeps the last ones, `max_pixels` in all, in memory only.

    Large JPEGs are decoded at a fraction of their size, as `quick_view` explains, unless they are
    asked for whole. Decoding happens one picture at a time, which bounds the memory that many
    uploads at once can take.
    """

    def __init__(self, max_pixels: int = CACHE_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[bytes, bool], Picture] = OrderedDict()  # the oldest use first

    def get(self, data: bytes, *, whole: bool = False) -> Picture:
        """The picture in a file's bytes, decoded once while it is kept; raises ImageError."""
        key = digest(data), whole
        with self._lock:
            if key not in self._kept:
                start = time.perf_counter()
                decoded = _whole(data) if whole else decode_reduced(data, shorter_edge=REDUCED_EDGE)
                self._kept[key] = Picture(decoded, (time.perf_counter() - start) * 1e3)
            self._kept.move_to_end(key)
            picture = self._kept[key]
            self._drop_oldest()
        return picture

    def _drop_oldest(self) -> None:
        while sum(_pixels(kept) for kept in self._kept.values()) > self._max_pixels:
            self._kept.popitem(last=False)


def _whole(data: bytes) -> Decoded:
    image = decode(data)
    return Decoded(image, image.size)


def _pixels(picture: Picture) -> int:
    width, height = picture.decoded.image.size
    return width * height
