"""A value that is made once, in the background, while others do without it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Background(Generic[T]):
    """What `make` returns, made by a thread of its own that the first `get` starts.

    If `make` raises, that is logged and it is tried once more: what is in the way may be gone. If
    it raises again, there never is a value.
    """

    def __init__(self, make: Callable[[], T], title: str) -> None:
        self._make: Callable[[], T] | None = make
        self._title = title
        self._lock = threading.Lock()
        self._begun = False
        self._done = threading.Event()
        self._value: T | None = None

    @property
    def value(self) -> T | None:
        """The value if it stands; nothing is begun."""
        return self._value

    def get(self) -> T | None:
        """The value if it stands; returns at once."""
        self._begin()
        return self._value

    def wait(self, seconds: float | None = None) -> T | None:
        """The value, once `make` has ended or `seconds` have passed; None if there is none."""
        self._begin()
        self._done.wait(seconds)
        return self._value

    def _begin(self) -> None:
        with self._lock:
            if self._begun:
                return
            self._begun = True
        # Not a daemon: native code that is cut off while the interpreter ends may crash it.
        threading.Thread(target=self._run, name=self._title).start()

    def _run(self) -> None:
        make, self._make = self._make, None  # and with it what it holds
        assert make is not None
        try:
            for then in ("it is tried once more", "torch answers instead"):
                try:
                    self._value = make()
                    break
                except Exception:  # noqa: BLE001 - others do without it: nothing may reach them
                    _log.warning("%s could not be made; %s", self._title, then, exc_info=True)
        finally:
            self._done.set()
