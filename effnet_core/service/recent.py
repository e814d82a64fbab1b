"""What was decoded and computed last, kept in memory within bounds; for any number of threads."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from cachetools import LRUCache
from PIL.ImageFile import ImageFile

from effnet_core.engines.engine import ForwardPass
from effnet_core.engines.onnx.parts import PartMaps
from effnet_core.engines.prediction import Prediction
from effnet_core.images import Decoded, decode_reduced
from effnet_core.images.costly import scans
from effnet_core.images.resizing import REDUCED_EDGES
from effnet_core.service.visitors import NOBODY, Visitor
from effnet_core.service.waiting import Turns

CACHE_PIXELS = 8_000_000
"""Pixels kept (4 bytes each): one of the largest that pages keep, or a dozen from a telephone."""
CACHE_BYTES = 24 * 2**20
"""Bytes of passes kept: some 55 pictures by B0 at 224 pixels, 5 by B7 at 600."""
CACHE_MAPS_BYTES = 256 * 2**20
"""Bytes of feature maps kept: 50 pictures by B0 at 224 pixels (5 MB each), 8 by B4 at 380 (29)."""
LEAST = REDUCED_EDGES[0]
QUICK_PIXELS = 2_000_000
"""Of a picture that takes less to decode than a pass, each scan counted: it is decoded in the
pass's turn."""

V = TypeVar("V")

Answer = tuple[Prediction, ForwardPass]
"""What one model said of one picture, and the pass that it said it by."""
Key = tuple[bytes, str]
"""A picture's digest and a model's identity."""


def digest(data: bytes) -> bytes:
    """What stands for a picture file: the SHA-256 of its bytes."""
    return hashlib.sha256(data).digest()


class RecentPictures:
    """Decodes picture files and keeps the last ones, `max_pixels` in all.

    Large JPEGs are decoded at a fraction of their size, as `images.resizing` explains, once for
    each fraction that is asked for. At most two are decoded at a time, which bounds the memory that
    many uploads at once can take; those of at most `QUICK_PIXELS` have turns of their own.
    """

    def __init__(self, max_pixels: int = CACHE_PIXELS) -> None:
        # A picture's is always the same.
        self._turns, self._quick = (tuple(Turns(1) for _ in range(count)) for count in (2, 8))
        self._lock = threading.Lock()
        self._decoded: LRUCache[tuple[bytes, int | None], Decoded] = LRUCache(max_pixels, _pixels)

    def kept(self, name: bytes, edge: int | None = LEAST) -> Decoded | None:
        """The picture, if it is decoded already; arguments as of `get`."""
        with self._lock:
            least = self._decoded.get((name, LEAST))
            whole = least is not None and least.is_whole
            return least if whole else self._decoded.get((name, edge))

    def get(
        self,
        name: bytes,
        data: bytes,
        edge: int | None = LEAST,
        visitor: Visitor = NOBODY,
        *,
        header: ImageFile | None = None,
        quick: bool = False,
    ) -> Decoded:
        """The picture in a file's bytes, decoded once while it is kept; raises ImageError.

        `name` is the bytes' digest, `edge` as `resizing.edge_for` gives it, `header` what `opened`
        gave of them, and `quick` what `is_quick` said. A picture that the least edge leaves whole
        serves for all. Also raises what the visitor's check raises while others are decoded.
        """
        turns = self._quick if quick else self._turns
        decoded = self.kept(name, edge)
        if decoded is None:
            with turns[name[0] % len(turns)].take(visitor):
                decoded = self.kept(name, edge)
                if decoded is None:
                    decoded = decode_reduced(data, shorter_edge=edge, header=header)
                    with self._lock, suppress(ValueError):  # larger than all that is kept
                        self._decoded[name, edge] = decoded
        return decoded

    def clear(self) -> None:
        """Let go of every picture."""
        with self._lock:
            self._decoded.clear()


class Recent(Generic[V]):
    """Keeps the last values of pictures and models, `max_bytes` in all as `size` counts them."""

    def __init__(self, max_bytes: int, size: Callable[[V], int]) -> None:
        self._lock = threading.Lock()
        self._values: LRUCache[Key, V] = LRUCache(max_bytes, size)

    def get(self, key: Key) -> V | None:
        """What was kept, if it still is."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: Key, value: V) -> None:
        """Keep it; what was used longest ago makes room."""
        with self._lock, suppress(ValueError):  # larger than all that is kept
            self._values[key] = value

    def forget(self, model: str) -> None:
        """Let go of all that belongs to this model."""
        with self._lock:
            for key in [key for key in self._values if key[1] == model]:
                del self._values[key]

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._values.clear()


class RecentPasses(Recent[Answer]):
    """Keeps the last answers of models.

    Another class, or Explain after Classify, then costs no further pass.
    """

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        super().__init__(max_bytes, nbytes)


class RecentMaps(Recent[PartMaps]):
    """Keeps the feature maps of the last pictures, so that another cell costs no pass."""

    def __init__(self, max_bytes: int = CACHE_MAPS_BYTES) -> None:
        super().__init__(max_bytes, lambda maps: maps.nbytes)


def nbytes(answer: Answer) -> int:
    """Bytes of an answer's arrays."""
    said, by = answer
    return by.nbytes + said.probabilities.nbytes + said.pixels.nbytes


def is_quick(header: ImageFile, data: bytes) -> bool:
    """Whether a picture whose header was read is decoded in less time than a pass takes."""
    pixels = header.width * header.height
    return pixels <= QUICK_PIXELS and pixels * scans(header, data) <= QUICK_PIXELS


def _pixels(decoded: Decoded) -> int:
    width, height = decoded.image.size
    return width * height
