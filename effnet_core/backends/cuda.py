"""CUDA as an engine: channels-last, each pass replayed from a CUDA graph, bfloat16 on request."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from effnet_core.architecture import ArchitectureSpec
from effnet_core.backends.cuda_graphs import Capture, Graphs, Outputs, capture_graph
from effnet_core.backends.eager import EagerEngine
from effnet_core.backends.engines import Look
from effnet_core.builder import free_bytes
from effnet_core.cost import summarize
from effnet_core.model import EfficientNet

HEADROOM = 4
"""A graph is recorded where as many times its memory are free: it is held for good."""


class CudaEngine(EagerEngine):
    """One pass on a CUDA device, within 1e-4 of torch's eager mode.

    The model's weights are laid out channels-last here, their values stay. The first pass of a
    shape is torch's eager mode, and the next ones replay its CUDA graph; where that cannot be had,
    eager mode goes on. With `autocast` convolutions and the classifier compute in bfloat16, which
    is less exact; weights, batch-norm's statistics and gradients stay as they are. Making one
    switches TF32 off for the whole process: torch leaves it on in convolutions, and calls it
    float32.
    """

    def __init__(
        self, model: EfficientNet, *, autocast: bool = False, capture: Capture = capture_graph
    ) -> None:
        super().__init__(model.to(memory_format=torch.channels_last))
        torch.backends.cudnn.allow_tf32 = False
        self._autocast = autocast
        self._lock = threading.Lock()
        # Made from the model alone: a reference back to this engine would outlive its last user.
        self._graphs = Graphs(
            partial(_forward, model, autocast), capture, partial(_has_room, model.spec)
        )

    @property
    def name(self) -> str:
        """What would answer now a picture of a size that was seen before."""
        return self._named(replayed=self._graphs.count > 0)

    def look(self, inputs: Tensor) -> Look:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""
        with self._lock, torch.inference_mode():
            (logits, features), replayed = self._graphs(inputs)
            return Look(_on_host(logits[0]), _on_host(features[0]), self._named(replayed=replayed))

    def logits(self, inputs: Tensor) -> Tensor:
        """Normalised pictures (B, 3, H, W) → their logits (B, classes) in float32, on the device.

        Each size of a batch gets a graph of its own: for callers that keep to one or two.
        """
        with self._lock, torch.inference_mode():
            (logits, _), _ = self._graphs(inputs)
            return logits.clone()

    def _named(self, *, replayed: bool) -> str:
        name = super().name
        name += ", CUDA graph" if replayed else ""
        return name + (", bfloat16 autocast" if self._autocast else "")


def upload(values: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on a CUDA `device`, by way of page-locked memory, without waiting.

    Torch keeps such memory for the next upload, once the copy from it has ended.
    """
    with suppress(RuntimeError):  # where the system has none left it is copied as it lies
        values = values.pin_memory()
    return values.to(device, non_blocking=True)


def _forward(model: EfficientNet, autocast: bool, inputs: Tensor) -> Outputs:
    """Logits (B, classes) and last feature map (B, head channels, h, w), float32, contiguous."""
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    # Casts that were cached outside of a graph would be missing in it.
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=autocast, cache_enabled=False):
        features = model.forward_features(inputs)
        logits = model.forward_head(features)
    return logits.float(), features.float().contiguous()


def _has_room(spec: ArchitectureSpec, inputs: Tensor) -> bool:
    batch, _, height, width = inputs.shape
    totals = summarize(
        replace(spec, resolution=max(height, width)),
        batch=batch,
        dtype=str(inputs.dtype).removeprefix("torch."),
    )
    return HEADROOM * totals.peak_activation_bytes <= free_bytes(inputs.device)


def _on_host(tensor: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.to("cpu", copy=True).numpy()
    return array
