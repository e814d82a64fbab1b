"""A logit as a sum: what every place and every channel of the last feature map pays for it.

With A the last feature map (C, h, w), W and b the classifier's weights and bias and S the logit of
class k, global average pooling and a linear layer are one sum (arXiv 1512.04150, eq. 1 and 2, there
without the division and the bias):

    S = b_k + Σ_c Σ_y,x W_kc · A_c,y,x / (h · w)

so S splits exactly over places, and as exactly over channels. The difference of two logits is the
same sum with W_k − W_j and b_k − b_j: why k, and not j? Sums are in float64, none by numpy's BLAS
(see `cam`). No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from effnet_core import files
from effnet_core.errors import InvalidInput

if TYPE_CHECKING:
    from effnet_core.engines.engine import ForwardPass

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """One place of the feature map, its row and column counted from 0, and its share."""

    row: int
    column: int
    share: float


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of the feature map, its share, and its map (h, w), whose sum is the share."""

    index: int
    share: float
    map: Doubles = field(repr=False)


@dataclass(frozen=True)
class Line:
    """One line of a sum in words: what pays, its share, and the sum so far."""

    what: str
    share: float
    total: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Ledger:
    """How the logit of a class adds up, or its lead over the class `against`.

    `logit` is the engine's own, `cells` (h, w) and `channels` (C,) are the shares of places and of
    channels: `bias` + Σ cells = `bias` + Σ channels = `logit` − `residual`. The feature map
    `features` (C, h, w) and the class's `weights` (C,) are what they were computed from. All four
    are read-only; a share has the logit's unit.
    """

    class_index: int
    against: int | None
    logit: float
    bias: float
    cells: Doubles = field(repr=False)
    channels: Doubles = field(repr=False)
    features: npt.NDArray[np.float32] = field(repr=False)
    weights: Doubles = field(repr=False)

    def __post_init__(self) -> None:
        for values in (self.cells, self.channels, self.features, self.weights):
            values.setflags(write=False)

    @property
    def grid(self) -> tuple[int, int]:
        """(height, width) of the feature map."""
        height, width = self.cells.shape
        return height, width

    @property
    def residual(self) -> float:
        """What the sum leaves of the engine's logit: the rounding of its own arithmetic.

        In float32 under 1e-5 of the logits' size; more in narrower formats.
        """
        return self.logit - (self.bias + float(self.cells.sum()))

    def places_for(self, count: int = 5) -> tuple[Place, ...]:
        """The `count` places that pay most for the class, the largest first; none that take."""
        return tuple(place for place in self._ranked(-self.cells, count) if place.share > 0)

    def places_against(self, count: int = 5) -> tuple[Place, ...]:
        """The `count` places that take most from the class, the largest first; none that pay."""
        return tuple(place for place in self._ranked(self.cells, count) if place.share < 0)

    def top_channels(self, count: int = 10) -> tuple[Channel, ...]:
        """The `count` channels that matter most, by absolute share."""
        return tuple(
            Channel(index, float(self.channels[index]), self._channel_map(index))
            for index in self.channel_order[:count].tolist()
        )

    @property
    def channel_order(self) -> npt.NDArray[np.intp]:
        """All channels (C,), by falling absolute share."""
        return np.argsort(-np.abs(self.channels), kind="stable")

    def place_lines(self, count: int = 5) -> tuple[Line, ...]:
        """The sum over places: bias, `count` for and against, all others, rounding."""
        shown = self.places_for(count) + self.places_against(count)
        named = [(f"row {place.row}, column {place.column}", place.share) for place in shown]
        return self._lines(named, self.cells, "places")

    def channel_lines(self, count: int = 10) -> tuple[Line, ...]:
        """The sum over channels: bias, the `count` that matter most, all others, rounding."""
        shown = self.top_channels(count)
        named = [(f"channel {channel.index}", channel.share) for channel in shown]
        return self._lines(named, self.channels, "channels")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: all cells, and all channels by falling absolute share."""
        shares = self.channels.tolist()
        return {
            "class_index": self.class_index,
            "against": self.against,
            "logit": self.logit,
            "bias": self.bias,
            "residual": self.residual,
            "cells": self.cells.tolist(),
            "channels": [
                {"index": index, "share": shares[index]} for index in self.channel_order.tolist()
            ],
        }

    def _lines(
        self, shown: list[tuple[str, float]], shares: Doubles, name: str
    ) -> tuple[Line, ...]:
        rest = float(shares.sum()) - sum(share for _, share in shown)
        others = (f"the other {shares.size - len(shown):,} {name}", rest)
        every = [("bias", self.bias), *shown, others, ("rounding", self.residual)]
        totals = accumulate(share for _, share in every)
        return tuple(Line(*one, total) for one, total in zip(every, totals, strict=True))

    def _channel_map(self, index: int) -> Doubles:
        found: Doubles = self.weights[index] / self.cells.size * self.features[index]
        return found

    def _ranked(self, keys: Doubles, count: int) -> list[Place]:
        order = np.argsort(keys, axis=None, kind="stable")[:count]
        rows, columns = np.unravel_index(order, keys.shape)
        return [
            Place(row, column, float(self.cells[row, column]))
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]


def ledger(
    by: ForwardPass,
    weights: npt.NDArray[np.floating],
    biases: npt.NDArray[np.floating],
    *,
    class_index: int,
    against: int | None = None,
    one_logit: bool = False,
) -> Ledger:
    """The ledger of a class in one pass, with the classifier's weights (classes, C) and biases.

    With `against` that of the difference of the two logits. `one_logit` says that both classes are
    one logit's, which is the log-odds of the one against the other already: `against` then changes
    nothing. Raises InvalidInput for a class that the model lacks, a class against itself, and
    values that are not finite.
    """
    _require_classes(class_index, against, len(biases))
    other = None if one_logit else against
    row, bias, logit = (
        _difference(values, class_index, other) for values in (weights, biases, by.logits)
    )
    each = row / (by.features.shape[1] * by.features.shape[2])  # (C,), what one unit pays
    features = by.features.astype(np.float64)
    cells: Doubles = np.einsum("c,chw->hw", each, features)
    if not (np.isfinite(cells).all() and np.isfinite(logit)):
        raise InvalidInput(
            "The logit does not add up, because it has parts that are not finite: the weights are "
            "damaged, or the number format is too narrow (float32 is the safe choice)."
        )
    return Ledger(
        class_index=class_index,
        against=other,
        logit=float(logit),
        bias=float(bias),
        cells=cells,
        channels=each * features.sum(axis=(1, 2)),
        features=by.features,
        weights=row,
    )


def to_csv(ledger: Ledger) -> str:
    """Both sums as CSV: one row a place, one a channel, then bias, rounding and logit.

    Rows, columns and channels count from 0; the last column's name says whose logit it is.
    """
    whose = f"share of the logit of class {ledger.class_index}"
    if ledger.against is not None:
        whose += f" minus that of class {ledger.against}"
    rows: list[tuple[object, ...]] = [("part", "row", "column", "channel", whose)]
    rows += (("place", *at, None, float(share)) for at, share in np.ndenumerate(ledger.cells))
    rows += (("channel", None, None, *one) for one in enumerate(ledger.channels.tolist()))
    last = {"bias": ledger.bias, "rounding": ledger.residual, "logit": ledger.logit}
    rows += ((part, None, None, None, share) for part, share in last.items())
    return files.csv_text(rows)


def _difference(values: npt.NDArray[np.floating], class_index: int, against: int | None) -> Doubles:
    """A class's entry in float64, less that of the class `against`."""
    own = np.array(values[class_index], dtype=np.float64)
    return own if against is None else np.asarray(own - values[against])


def _require_classes(class_index: int, against: int | None, count: int) -> None:
    for index in (class_index,) if against is None else (class_index, against):
        if isinstance(index, bool) or not (isinstance(index, int) and 0 <= index < count):
            raise InvalidInput(
                f"The class must be a whole number from 0 to {count - 1}; got {index!r:.40}."
            )
    if class_index == against:
        raise InvalidInput(
            f"Class {class_index} cannot be weighed against itself; name another class."
        )
