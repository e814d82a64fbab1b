"""The looks taken last, so that another class, or Explain after Classify, costs no further pass."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor

from effnet_core.attribution import Attribution
from effnet_core.engines.engine import Look, Slope
from effnet_core.engines.predictor import ClassProbability, Prediction, Predictor
from effnet_core.service.requests import Explanation

CACHE_BYTES = 64 * 2**20
"""Some 150 pictures by B0 at 224 pixels, 13 by B7 at 600."""

Key = tuple[bytes, str]
"""A picture's digest and a model's id."""


@dataclass(frozen=True)
class Seen:
    """What one model said of one picture, and the look that it said it by."""

    prediction: Prediction
    look: Look

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        said = self.prediction
        return self.look.nbytes + said.probabilities.nbytes + said.pixels.nbytes


class Looks:
    """Keeps what was seen last, `max_bytes` in all, in memory only; for any number of threads."""

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Seen] = OrderedDict()  # least recently used first
        self._bytes = 0

    def get(self, key: Key) -> Seen | None:
        """What was seen, if it is kept still."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Key, seen: Seen) -> None:
        """Keep it; what was used longest ago makes room."""
        with self._lock:
            self._drop(key)
            self._kept[key] = seen
            self._bytes += seen.nbytes
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._kept)))

    def forget(self, model: str) -> None:
        """Let go of all that this model saw."""
        with self._lock:
            for key in [key for key in self._kept if key[1] == model]:
                self._drop(key)

    def _drop(self, key: Key) -> None:
        if (seen := self._kept.pop(key, None)) is not None:
            self._bytes -= seen.nbytes


@dataclass(frozen=True)
class KnownPasses:
    """The passes of a predictor over one picture, of which the look is known already."""

    predictor: Predictor
    known: Look

    def look(self, inputs: Tensor) -> Look:
        """The known look; `inputs` are those of the picture."""
        return self.known

    def slopes(
        self, inputs: Tensor, class_index: int, stages: tuple[int, ...]
    ) -> tuple[Slope, ...]:
        """Of the predictor, by a pass."""
        return self.predictor.slopes(inputs, class_index, stages)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What an attribution starts from: a model, a picture as its input, and the class chosen."""

    predictor: Predictor
    seen: Seen
    target: ClassProbability
    inputs: Tensor

    @property
    def passes(self) -> KnownPasses:
        """The model's passes over this picture."""
        return KnownPasses(self.predictor, self.seen.look)

    def explanation(self, attribution: Attribution) -> Explanation:
        """The answer that this attribution makes."""
        return Explanation(
            weights=self.predictor.weights_id,
            target=self.target,
            attribution=attribution,
            prediction=self.seen.prediction,
        )
