"""Torch's eager mode as an engine: ready at once, on any device and in any number type."""

from __future__ import annotations

import torch
from torch import Tensor

from effnet_core.backends.engines import Look
from effnet_core.model import EfficientNet


class EagerEngine:
    """Runs the model as it is. The model must be in evaluation mode and is never changed."""

    def __init__(self, model: EfficientNet) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """torch and its version, without what names the build."""
        return f"torch {torch.__version__.partition('+')[0]}"

    def look(self, inputs: Tensor) -> Look:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""
        with torch.inference_mode():
            features = self._model.forward_features(inputs)
            logits = self._model.forward_head(features)
            return Look(
                logits=logits[0].float().cpu().numpy(),
                features=features[0].float().cpu().numpy(),
                engine=self.name,
            )

    def prefix(self, inputs: Tensor, stage: int) -> Tensor:
        """(B, 3, H, W) → what `stage` puts out; raises InvalidInput for an unknown stage."""
        with torch.inference_mode(False), torch.no_grad():
            return self._model.prefix(inputs, stage)
