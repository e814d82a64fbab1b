"""The pictures decoded last, so that asking again about a picture does not decode it again."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from effnet_core.images import Decoded
from effnet_core.images.resizing import REDUCED_EDGES, decode_at

CACHE_PIXELS = 80_000_000
"""Pixels kept (3 bytes each): the largest accepted picture twice, or a hundred from a telephone."""

LEAST = REDUCED_EDGES[0]


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

    Large JPEGs are decoded at a fraction of their size, as `quick_view` explains, once for each
    fraction that is asked for. Decoding happens one picture at a time, which bounds the memory that
    many uploads at once can take.
    """

    def __init__(self, max_pixels: int = CACHE_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[bytes, int | None], Picture] = OrderedDict()  # oldest first

    def get(self, data: bytes, edge: int | None = LEAST) -> Picture:
        """The picture in a file's bytes, decoded once while it is kept; raises ImageError.

        `edge` is as `quick_view.edge_for` gives it. A picture that the least edge leaves whole
        serves for all.
        """
        name = digest(data)
        with self._lock:
            least = self._kept.get((name, LEAST))
            key = (name, LEAST if least and not _is_reduced(least) else edge)
            if key not in self._kept:
                start = time.perf_counter()
                decoded = decode_at(data, edge)
                self._kept[key] = Picture(decoded, (time.perf_counter() - start) * 1e3)
            self._kept.move_to_end(key)
            picture = self._kept[key]
            self._drop_oldest()
        return picture

    def _drop_oldest(self) -> None:
        while sum(_pixels(kept) for kept in self._kept.values()) > self._max_pixels:
            self._kept.popitem(last=False)


def _is_reduced(picture: Picture) -> bool:
    return picture.decoded.image.size != picture.decoded.size


def _pixels(picture: Picture) -> int:
    width, height = picture.decoded.image.size
    return width * height
