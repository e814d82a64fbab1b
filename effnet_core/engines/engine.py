"""One pass of a network, whatever computes it: `Engine` and what it gives, `ForwardPass`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from effnet_core.architecture import outputs
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import EffnetError

if TYPE_CHECKING:
    from torch import Tensor

    from effnet_core.network.model import EfficientNet

Inputs: TypeAlias = "npt.NDArray[np.floating] | Tensor"
"""Normalised pictures (B, 3, H, W): an array, or a tensor of torch."""


@dataclass(frozen=True)
class ForwardPass:
    """What one pass over one picture gives, as read-only float32 arrays.

    `logits` has shape (classes,) and `features`, the last feature map, (head channels, h, w);
    `engine` names what computed them. Raises EffnetError for logits that are no finite numbers.
    """

    logits: npt.NDArray[np.float32] = field(repr=False)
    features: npt.NDArray[np.float32] = field(repr=False)
    engine: str

    def __post_init__(self) -> None:
        if not np.isfinite(self.logits).all():
            raise EffnetError(
                "The network's answer is no finite number: its weights are damaged or too large, "
                "or the number format is too narrow for them. Try float32, or other weights."
            )
        self.logits.flags.writeable = False
        self.features.flags.writeable = False

    @property
    def nbytes(self) -> int:
        """Bytes of both arrays."""
        return self.logits.nbytes + self.features.nbytes

    def probabilities(self, activation: outputs.Activation = "softmax") -> npt.NDArray[np.float32]:
        """What the logits say, read-only (classes,); raises InvalidInput for softmax of one."""
        found = outputs.probabilities(self.logits, activation).astype(np.float32)
        found.flags.writeable = False
        return found


FeatureGradient = tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]
"""A stage's feature maps and a logit's gradient by them, each (C, h, w)."""


class Passes(Protocol):
    """A model and passes over it, by an engine or a `Predictor`, for many threads at once."""

    @property
    def spec(self) -> ArchitectureSpec:
        """What the model is."""

    @property
    def device(self) -> str:
        """What it computes on: "cpu" or "cuda:N"."""

    @property
    def model(self) -> EfficientNet:
        """The model as a torch module in evaluation mode, which is never changed."""

    def class_weights(self, classes: Sequence[int]) -> npt.NDArray[np.float32]:
        """The classifier's rows (n, head channels) of n classes."""

    def forward(self, inputs: Inputs) -> ForwardPass:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""

    def gradients(
        self, inputs: Inputs, class_index: int, stages: tuple[int, ...]
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

    def rest(self) -> None:
        """Let go of what is kept for many who ask at once; it is made again when they do."""
