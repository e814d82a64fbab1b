"""Torch's eager mode as an engine: ready at once, on any device and in any number type."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.cores import CORES
from effnet_core.engines.engine import FeatureGradient, ForwardPass, Inputs
from effnet_core.network.model import EfficientNet


class EagerEngine:
    """Runs the model as it is, on its device and in its number type.

    The model must be in evaluation mode and is never changed.
    """

    def __init__(self, model: EfficientNet) -> None:
        self.model = model

    @property
    def spec(self) -> ArchitectureSpec:
        """What the model is."""
        return self.model.spec

    @property
    def device(self) -> str:
        """What it computes on: "cpu" or "cuda:N"."""
        return str(self.model.classifier.weight.device)

    def class_weights(self, classes: Sequence[int]) -> npt.NDArray[np.float32]:
        """The classifier's rows (n, head channels) of n classes."""
        rows = self.model.classifier.weight.detach()[list(classes)]
        found: npt.NDArray[np.float32] = rows.float().cpu().numpy()
        return found

    def tensor(self, inputs: Inputs) -> Tensor:
        """Inputs as a tensor on the model's device, in its number type."""
        like = self.model.classifier.weight
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # read-only arrays
            values = torch.as_tensor(inputs)
        return values.to(like.device, like.dtype)

    @property
    def name(self) -> str:
        """torch and its version, without what names the build."""
        return f"torch {torch.__version__.partition('+')[0]}"

    def rest(self) -> None:
        """Nothing: only the model is kept."""

    def forward(self, inputs: Inputs) -> ForwardPass:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""
        with self._turn(), torch.inference_mode():
            features = self.model.forward_features(self.tensor(inputs))
            logits = self.model.forward_head(features)
            return ForwardPass(
                logits=logits[0].float().cpu().numpy(),
                features=features[0].float().cpu().numpy(),
                engine=self.name,
            )

    def gradients(
        self, inputs: Inputs, class_index: int, stages: tuple[int, ...]
    ) -> tuple[FeatureGradient, ...]:
        """Feature maps and a logit's gradients at `stages`, by autograd; float64 stays float64.

        For one stage the prefix runs without gradients, its feature map is detached, and the
        suffix alone is differentiated by it; for several, one pass runs forward and one back.
        """
        with self._turn(), torch.inference_mode(False):
            maps, logit = self._differentiable(self.tensor(inputs), class_index, stages)
            gradients = torch.autograd.grad(logit, maps)
        return tuple(
            (_array(features[0]), _array(gradient[0]))
            for features, gradient in zip(maps, gradients, strict=True)
        )

    def _differentiable(
        self, inputs: Tensor, class_index: int, stages: tuple[int, ...]
    ) -> tuple[list[Tensor], Tensor]:
        """The feature maps of `stages`, by which the logit can be differentiated, and the logit."""
        model = self.model
        if len(stages) == 1:
            with torch.no_grad():
                features = model.prefix(inputs, stages[0]).requires_grad_()
            with torch.enable_grad():
                return [features], model.suffix(features, stages[0])[0, class_index]
        with torch.enable_grad():
            every = model.feature_maps(inputs.clone().requires_grad_())
            logit = model.forward_head(every[-1])[0, class_index]
        return [every[stage] for stage in stages], logit

    def _turn(self) -> AbstractContextManager[None]:
        """On the CPU a pass takes every core."""
        on_cpu = self.model.classifier.weight.device.type == "cpu"
        return CORES.alone() if on_cpu else nullcontext()


def _array(values: Tensor) -> npt.NDArray[np.floating]:
    """Of any device; float64 as it is, every other type as float32."""
    values = values.detach().cpu()
    array: npt.NDArray[np.floating] = (
        values if values.dtype == torch.float64 else values.float()
    ).numpy()
    return array
