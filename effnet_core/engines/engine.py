"""One pass of a network, whatever computes it: `Engine` and what it gives, `ForwardPass`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor


@dataclass(frozen=True)
class ForwardPass:
    """What one pass over one picture gives, as read-only float32 arrays.

    `logits` has shape (classes,) and `features`, the last feature map, (head channels, h, w);
    `engine` names what computed them.
    """

    logits: npt.NDArray[np.float32] = field(repr=False)
    features: npt.NDArray[np.float32] = field(repr=False)
    engine: str

    def __post_init__(self) -> None:
        self.logits.flags.writeable = False
        self.features.flags.writeable = False

    @property
    def nbytes(self) -> int:
        """Bytes of both arrays."""
        return self.logits.nbytes + self.features.nbytes

    def probabilities(self) -> npt.NDArray[np.float32]:
        """The softmax of the logits, read-only (classes,)."""
        powers = np.exp(self.logits.astype(np.float64) - self.logits.max())
        found: npt.NDArray[np.float32] = (powers / powers.sum()).astype(np.float32)
        found.flags.writeable = False
        return found


FeatureGradient = tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]
"""A stage's feature maps and a logit's gradient by them, each (C, h, w)."""


class Passes(Protocol):
    """Passes over one model, by an engine or a `Predictor`, for any number of threads at once."""

    def forward(self, inputs: Tensor) -> ForwardPass:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""

    def gradients(
        self, inputs: Tensor, class_index: int, stages: tuple[int, ...]
    ) -> tuple[FeatureGradient, ...]:
        """What `stages` put out for one picture (1, 3, H, W), and a logit's gradients there.

        `stages` rise, from 0 (stem) to N + 1 (head convolution), and begin with an inner one: at
        the last the gradient is the class's weights, and `forward` gives the feature map.
        """


class Engine(Passes, Protocol):
    """Computes passes; `name` is for read-outs."""

    @property
    def name(self) -> str:
        """What computes, with its version."""
