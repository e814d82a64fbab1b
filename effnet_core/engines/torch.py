"""Torch's eager mode as an engine: ready at once, on any device and in any number type."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from effnet_core.engines.cores import CORES
from effnet_core.engines.engine import FeatureGradient, ForwardPass
from effnet_core.network.model import EfficientNet


class EagerEngine:
    """Runs the model as it is. The model must be in evaluation mode and is never changed."""

    def __init__(self, model: EfficientNet) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """torch and its version, without what names the build."""
        return f"torch {torch.__version__.partition('+')[0]}"

    def forward(self, inputs: Tensor) -> ForwardPass:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""
        with self._turn(), torch.inference_mode():
            features = self._model.forward_features(inputs)
            logits = self._model.forward_head(features)
            return ForwardPass(
                logits=logits[0].float().cpu().numpy(),
                features=features[0].float().cpu().numpy(),
                engine=self.name,
            )

    def gradients(
        self, inputs: Tensor, class_index: int, stages: tuple[int, ...]
    ) -> tuple[FeatureGradient, ...]:
        """Feature maps and a logit's gradients at `stages`, by autograd; float64 stays float64.

        For one stage the prefix runs without gradients, its feature map is detached, and the
        suffix alone is differentiated by it; for several, one pass runs forward and one back.
        """
        with self._turn(), torch.inference_mode(False):
            maps, logit = self._differentiable(inputs, class_index, stages)
            gradients = torch.autograd.grad(logit, maps)
        return tuple(
            (_array(features[0]), _array(gradient[0]))
            for features, gradient in zip(maps, gradients, strict=True)
        )

    def _differentiable(
        self, inputs: Tensor, class_index: int, stages: tuple[int, ...]
    ) -> tuple[list[Tensor], Tensor]:
        """The feature maps of `stages`, by which the logit can be differentiated, and the logit."""
        model = self._model
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
        on_cpu = self._model.classifier.weight.device.type == "cpu"
        return CORES.alone() if on_cpu else nullcontext()


def _array(values: Tensor) -> npt.NDArray[np.floating]:
    """Of any device; float64 as it is, every other type as float32."""
    values = values.detach().cpu()
    array: npt.NDArray[np.floating] = (
        values if values.dtype == torch.float64 else values.float()
    ).numpy()
    return array
