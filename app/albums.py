"""Every session's own pictures, and a bound on the memory of them all.

Where it is passed, the address that holds most gives up pictures first, of its sessions the one
that looked at them longest ago: a visitor with many sessions makes room for the others.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from itertools import count
from typing import Generic, Protocol, TypeVar
from weakref import WeakSet

from effnet_core.limits import MAX_KEPT_BYTES


class Kept(Protocol):
    """What an album holds, by its `key`."""

    @property
    def key(self) -> str:
        """What tells it apart."""

    @property
    def nbytes(self) -> int:
        """Bytes of it."""


K = TypeVar("K", bound=Kept)


class Album(Generic[K]):
    """One session's pictures by their keys, in the order in which they came."""

    def __init__(self, address: str | None) -> None:
        self.address = address
        self.pictures: dict[str, K] = {}
        self.used = 0
        self.made_room = False

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def nbytes(self) -> int:
        """Bytes of what it holds."""
        return sum(picture.nbytes for picture in self.pictures.values())


class Albums(Generic[K]):
    """The albums of all sessions, `max_bytes` in all; safe to use from any thread.

    An album is known as long as its session holds it.
    """

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._clock = count(1)
        self._albums: WeakSet[Album[K]] = WeakSet()

    @property
    def nbytes(self) -> int:
        """Bytes of all pictures."""
        with self._lock:
            return self._total()

    def begin(self, address: str | None) -> Album[K]:
        """An empty album for a session that somebody at this address has opened."""
        album: Album[K] = Album(address)
        with self._lock:
            self._albums.add(album)
        return album

    def look_at(self, album: Album[K]) -> dict[str, K]:
        """What an album holds, which now was looked at last of all."""
        with self._lock:
            album.used = next(self._clock)
            return dict(album.pictures)

    def put(self, album: Album[K], picture: K) -> None:
        """Add a picture; where that is too much for all, others' are given up."""
        with self._lock:
            album.used = next(self._clock)
            album.pictures[picture.key] = picture
            album.made_room = False
            while self._total() > self._max_bytes and (other := self._next(album)) is not None:
                other.pictures, other.made_room = {}, True

    def remove(self, album: Album[K], key: str) -> None:
        """Forget a picture, if it is there."""
        with self._lock:
            album.pictures.pop(key, None)

    def _total(self) -> int:
        return sum(album.nbytes for album in self._albums)

    def _next(self, adding: Album[K]) -> Album[K] | None:
        """Which album makes room for one that is added to; None where no other holds anything."""
        held: defaultdict[str | None, int] = defaultdict(int)
        for album in self._albums:
            held[album.address] += album.nbytes
        others = [album for album in self._albums if album and album is not adding]
        return min(others, key=lambda one: (-held[one.address], one.used), default=None)
