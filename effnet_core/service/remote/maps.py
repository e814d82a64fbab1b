"""Explanations as they travel: the prediction once, and the yardstick by what it measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution.maps import MapRequest
from effnet_core.attribution.reference import Reference
from effnet_core.attribution.result import Attribution
from effnet_core.engines.prediction import Prediction
from effnet_core.service.requests import Explanation

Measure = Callable[[str, "Measured"], float]
"""Gives the reference range of what is to be measured, for a model."""


@dataclass(frozen=True)
class Yardstick:
    """What measures a map's reference range on the engine, when it is first asked for."""

    measure: Callable[[], float] = field(repr=False)
    is_known: bool

    def __call__(self) -> float:
        """The range; raises DoesNotFit."""
        return self.measure()


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Whose reference range it is: a map as `asked` of an architecture, at an input's `size`."""

    spec: ArchitectureSpec
    asked: MapRequest
    size: tuple[int, int]

    def as_map(self) -> Attribution:
        """An empty map with this yardstick, for the service to ask."""
        return Attribution(
            method=self.asked.method,
            stage=self.asked.stage,
            class_index=0,
            raw=np.zeros((1, 1), np.float32),
            reference=Reference(self.spec, self.asked, self.size),
            milliseconds=0.0,
        )


@dataclass(frozen=True, kw_only=True)
class TravellingMap:
    """An `Attribution`, whose yardstick is of the kind `asked`; it may be known already."""

    method: str
    stage: int | None
    class_index: int
    raw: npt.NDArray[np.float32]
    milliseconds: float
    at_last: bool
    asked: MapRequest
    known: bool

    def unpacked(self, measure: Callable[[MapRequest], float]) -> Attribution:
        """The attribution; `measure` is called when its reference range is asked for."""
        return Attribution(
            method=self.method,
            stage=self.stage,
            class_index=self.class_index,
            raw=self.raw,
            reference=Yardstick(partial(measure, self.asked), self.known),
            milliseconds=self.milliseconds,
            at_last=self.at_last,
        )


@dataclass(frozen=True)
class Explained:
    """Explanations of one prediction, by a network of this `spec` for an input of this `size`."""

    prediction: Prediction
    spec: ArchitectureSpec
    size: tuple[int, int]
    maps: tuple[TravellingMap, ...]

    def unpacked(self, measure: Measure) -> tuple[Explanation, ...]:
        """The explanations."""

        def measured(asked: MapRequest) -> float:
            what = Measured(spec=self.spec, asked=asked, size=self.size)
            return measure(self.prediction.weights, what)

        return tuple(Explanation(self.prediction, one.unpacked(measured)) for one in self.maps)


def is_explained(value: object) -> TypeGuard[Explanation | tuple[Explanation, ...]]:
    """Whether an answer is an explanation, or several of one prediction."""
    first = value[0] if isinstance(value, tuple) and value else value
    return isinstance(first, Explanation)


def packed(value: Explanation | tuple[Explanation, ...]) -> Explained:
    """Explanations of one prediction, as they travel."""
    every = (value,) if isinstance(value, Explanation) else value
    first = _reference(every[0].attribution)
    maps = tuple(_map(one.attribution) for one in every)
    return Explained(every[0].prediction, first.spec, first.size, maps)


def _map(found: Attribution) -> TravellingMap:
    reference = _reference(found)
    return TravellingMap(
        method=found.method,
        stage=found.stage,
        class_index=found.class_index,
        raw=found.raw,
        milliseconds=found.milliseconds,
        at_last=found.at_last,
        asked=reference.request,
        known=reference.is_known,
    )


def _reference(found: Attribution) -> Reference:
    """The yardstick of a map that was made here."""
    assert isinstance(found.reference, Reference)
    return found.reference
