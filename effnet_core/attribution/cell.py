"""One cell of a feature map and the sums that made it, as frozen results. No torch here.

Every layer of an EfficientNet is, at one cell, a sum of products that is scaled, shifted and
activated: a convolution with its batch-norm, the two layers and the product of
squeeze-and-excitation, the shortcut. `Sum` is that, and a cell's arithmetic is a row of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.steps import Role

Array = npt.NDArray[np.float64]

SumRole = Role | Literal["reduce", "excite", "gate", "shortcut"]
SumActivation = Literal["none", "silu", "relu6", "relu", "sigmoid"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A place in a feature map: the output of `block` of `stage`, or of a stage's last block.

    `stage` counts as torchvision's `features` do: 0 is the stem and the last is the head, which
    have no blocks. Everything counts from 0.
    """

    stage: int
    channel: int
    row: int
    column: int
    block: int | None = None


@dataclass(frozen=True, kw_only=True)
class Term:
    """One product of a sum; row and column are where the value stands in the map that is read.

    They are None where a sum goes over channels alone.
    """

    channel: int
    row: int | None
    column: int | None
    value: float
    weight: float

    @property
    def product(self) -> float:
        """Value times weight."""
        return self.value * self.weight


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """What one channel adds to a sum: its values and weights, each (k, k), and their products'."""

    channel: int
    values: Array = field(repr=False)
    weights: Array = field(repr=False)
    total: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Sum:
    """activation(scale · Σ value · weight + shift): what one layer puts out at one cell.

    `values` and `weights` are read-only float64 (c, k, k), and (c, 1, 1) where one place or a
    vector is read; `values` is 0 beyond the border. `first_channel` is the channel of `values[0]`,
    and `corner` the row and column of its corner in the map that is read, negative in the padding;
    None for a vector and where a cell's own value is only scaled or added to. Scale and shift are
    those of batch-norm (arXiv 1502.03167, algorithm 2), γ / √(σ² + ε) and β − μ · scale, or 1 and a
    layer's bias. `channel` is the one that is put out.
    """

    role: SumRole
    channel: int
    values: Array = field(repr=False)
    weights: Array = field(repr=False)
    first_channel: int = 0
    corner: tuple[int, int] | None = None
    side: int = 1
    scale: float = 1.0
    shift: float = 0.0
    activation: SumActivation = "none"

    def __post_init__(self) -> None:
        self.values.flags.writeable = False
        self.weights.flags.writeable = False

    @property
    def total(self) -> float:
        """Σ value · weight: the sum before batch-norm."""
        return float((self.values * self.weights).sum())

    @property
    def normalised(self) -> float:
        """The sum scaled and shifted: what the activation is given."""
        return self.total * self.scale + self.shift

    @property
    def output(self) -> float:
        """What the layer puts out at this cell."""
        return float(ACTIVATIONS[self.activation](np.array(self.normalised)))

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Which values (k, k) stand in the map and not in the padding around it."""
        kernel = self.values.shape[-1]
        if self.corner is None:
            return np.ones((kernel, kernel), bool)
        rows, columns = (start + np.arange(kernel) for start in self.corner)
        within = [(places >= 0) & (places < self.side) for places in (rows, columns)]
        found: npt.NDArray[np.bool_] = within[0][:, None] & within[1]
        return found

    def strongest(self, count: int) -> tuple[tuple[Term, ...], float]:
        """The `count` products of largest magnitude, falling, and the sum of all the others.

        They add up to `total`. Products beyond the border, all 0, are never among the strongest.
        """
        products = self.values * self.weights
        order = np.argsort(-np.where(self.inside, np.abs(products), -1.0), axis=None, kind="stable")
        chosen = order[: min(count, len(self.values) * int(self.inside.sum()))]
        terms = tuple(self._term(int(place)) for place in chosen)
        return terms, self.total - sum(term.product for term in terms)

    def slices(self, count: int) -> tuple[tuple[Slice, ...], float]:
        """The `count` channels of largest magnitude, falling, and the sum of all the others.

        They add up to `total`, as the terms of `strongest` do.
        """
        each = (self.values * self.weights).sum(axis=(1, 2))
        chosen = np.argsort(-np.abs(each), kind="stable")[:count].tolist()
        found = tuple(
            Slice(
                channel=self.first_channel + place,
                values=self.values[place],
                weights=self.weights[place],
                total=float(each[place]),
            )
            for place in chosen
        )
        return found, self.total - sum(one.total for one in found)

    def _term(self, place: int) -> Term:
        channel, row, column = (int(i) for i in np.unravel_index(place, self.values.shape))
        top, left = self.corner or (0, 0)
        return Term(
            channel=self.first_channel + channel,
            row=None if self.corner is None else top + row,
            column=None if self.corner is None else left + column,
            value=float(self.values[channel, row, column]),
            weight=float(self.weights[channel, row, column]),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class CellArithmetic:
    """How one cell came about.

    `sums` are in the order in which the network computes them, and the last gives the cell. Where a
    layer reads many values, the sum before it is that of its strongest term. `network` is the value
    that the network itself put there, in float32. `plane` is the whole channel (h, w).
    """

    cell: Cell
    sums: tuple[Sum, ...]
    network: float
    plane: npt.NDArray[np.float32] = field(repr=False)

    @property
    def value(self) -> float:
        """What the sums come to, in float64."""
        return self.sums[-1].output


def sigmoid(x: npt.NDArray[np.float64]) -> Array:
    """σ(x) = 1 / (1 + e^−x), written so that no x overflows."""
    found: Array = 0.5 * (1 + np.tanh(0.5 * x))
    return found


ACTIVATIONS: dict[SumActivation, Callable[[Array], Array]] = {
    "none": lambda x: x,
    "silu": lambda x: x * sigmoid(x),
    "relu6": lambda x: np.clip(x, 0, 6),
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": sigmoid,
}
"""What follows a sum: SiLU x · σ(x) (arXiv 1702.03118), ReLU6, ReLU, or σ as the gates take it."""
