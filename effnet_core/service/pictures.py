"""The pictures decoded last, so that asking again about a picture does not decode it again."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from PIL import Image

from effnet_core.images import decode

CACHE_PIXELS = 80_000_000
"""Pixels kept (3 bytes each): the largest accepted picture twice, or some six from a telephone."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture and how long decoding its bytes took."""

    image: Image.Image
    decode_milliseconds: float


def digest(data: bytes) -> bytes:
    """What stands for a picture file: the SHA-256 of its bytes."""
    return hashlib.sha256(data).digest()


class Pictures:
    """Decodes picture files and keeps the last ones, `max_pixels` in all, in memory only.

    They are kept at full size, so that what a model sees is exact. Decoding happens one picture at
    a time, which bounds the memory that many uploads at once can take.
    """

    def __init__(self, max_pixels: int = CACHE_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Picture] = OrderedDict()  # least recently used first

    def get(self, data: bytes) -> Picture:
        """The picture in a file's bytes, decoded once while it is kept; raises ImageError."""
        key = digest(data)
        with self._lock:
            if key not in self._kept:
                start = time.perf_counter()
                image = decode(data)
                self._kept[key] = Picture(image, (time.perf_counter() - start) * 1e3)
            self._kept.move_to_end(key)
            picture = self._kept[key]
            self._drop_oldest()
        return picture

    def _drop_oldest(self) -> None:
        while sum(_pixels(kept) for kept in self._kept.values()) > self._max_pixels:
            self._kept.popitem(last=False)


def _pixels(picture: Picture) -> int:
    return picture.image.width * picture.image.height
