"""Downloads of weights, each in a thread of its own: leaving or reloading the page stops none."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from effnet_core.errors import EffnetError

LOGGER = logging.getLogger("effnet.app")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Download:
    """How far one download has come, in bytes; `sentence` says why it failed, if it did."""

    done: int = 0
    total: int = 0
    sentence: str = ""

    @property
    def finished(self) -> bool:
        """Whether it has failed; one that succeeded is not known any more."""
        return bool(self.sentence)

    @property
    def fraction(self) -> float:
        """The part that has arrived, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


class Downloads:
    """Runs `fetch(weights, progress)` once for each set of weights, however many people ask.

    What is under way is seen by every session. A failed download is kept, with its sentence, until
    it is started again; one that succeeded is forgotten, since the weights are then on the disk.
    """

    def __init__(self, fetch: Callable[[str, Progress], object]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._known: dict[str, Download] = {}

    def state(self, weights: str) -> Download | None:
        """How far the download has come; None if there is none, or none any more."""
        with self._lock:
            return self._known.get(weights)

    def start(self, weights: str) -> None:
        """Begin to download, unless that is under way already."""
        with self._lock:
            known = self._known.get(weights)
            if known is not None and not known.finished:
                return
            self._known[weights] = Download()
        threading.Thread(target=self._run, args=(weights,), daemon=True).start()

    def _run(self, weights: str) -> None:
        def progress(done: int, total: int) -> None:
            with self._lock:
                self._known[weights] = Download(done, total)

        sentence = ""
        try:
            self._fetch(weights, progress)
        except EffnetError as error:
            sentence = str(error)
        except Exception:
            LOGGER.exception("The download of %s failed", weights)
            sentence = "The download failed; the server's log says why."
        with self._lock:
            ended = self._known.pop(weights)
            if sentence:
                self._known[weights] = replace(ended, sentence=sentence)
