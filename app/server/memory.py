"""How the C library keeps what the program has freed: for itself, unless it is told otherwise.

GNU's has many heaps, one for some threads each, raises the size of what it maps apart as it goes,
and then keeps tens of MB free at the end of each heap: with a thread for every session that was
most of a server's memory. Elsewhere these calls do nothing.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h
_HEAPS = 2
_APART_BYTES = 2**20
"""What is larger is mapped apart, and returned as soon as it is freed."""


def restrain() -> None:
    """Have few heaps and large blocks apart; call it before there are threads."""
    if (library := _library()) is not None:
        library.mallopt(_ARENA_MAX, _HEAPS)
        library.mallopt(_MMAP_THRESHOLD, _APART_BYTES)
        library.mallopt(_TRIM_THRESHOLD, _APART_BYTES)


def _library() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") else None
