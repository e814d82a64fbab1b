"""CUDA as an engine: channels-last, each pass replayed from a CUDA graph, bfloat16 on request."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize
from effnet_core.engines.cuda.graphs import Capture, Graphs, Outputs, Turns, capture_graph
from effnet_core.engines.engine import ForwardPass, Inputs
from effnet_core.engines.torch import EagerEngine
from effnet_core.network.build import free_bytes
from effnet_core.network.model import EfficientNet

HEADROOM = 4
"""A graph is recorded where as many times its memory are free: it is held for good."""


class CudaEngine(EagerEngine):
    """One pass on a CUDA device, within 1e-4 of torch's eager mode.

    The model's weights are laid out channels-last here, their values stay. The first pass of a
    shape is torch's eager mode; from the second on its CUDA graph is replayed, and where that
    cannot be had, eager mode goes on. Threads may call it on whatever streams they like: passes
    come one after the other on the device too.

    With `autocast` convolutions and the classifier compute in bfloat16, which is less exact; their
    weights are held a second time, rounded, which takes half of their memory again. What computes
    gradients keeps the weights as they are. Making one switches TF32 off for the whole process:
    torch leaves it on in convolutions, and calls it float32.
    """

    def __init__(
        self, model: EfficientNet, *, autocast: bool = False, capture: Capture = capture_graph
    ) -> None:
        super().__init__(model)
        torch.backends.cudnn.allow_tf32 = False
        self._autocast = autocast
        self._turns = Turns()
        # The first pass may come on another stream than weights are laid out and rounded on.
        with self._turns.take(model.classifier.weight.device):
            model.to(memory_format=torch.channels_last)
            computing = rounded(model) if autocast else model
        # Made from models alone: a reference back to this engine would outlive its last user.
        self._graphs = Graphs(
            partial(_forward, computing, autocast), capture, partial(_has_room, model.spec)
        )

    @property
    def name(self) -> str:
        """What would answer now a picture of a size that came twice before."""
        return self._named(replayed=self._graphs.count > 0)

    def tensor(self, inputs: Inputs) -> Tensor:
        """Inputs on the device, by way of page-locked memory."""
        if isinstance(inputs, np.ndarray):
            inputs = upload(torch.from_numpy(inputs), self.model.classifier.weight.device)
        return super().tensor(inputs)

    def forward(self, inputs: Inputs) -> ForwardPass:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""
        with self._pass(self.tensor(inputs)) as ((logits, features), replayed):
            return ForwardPass(
                _on_host(logits[0]), _on_host(features[0]), self._named(replayed=replayed)
            )

    def logits(self, inputs: Tensor) -> Tensor:
        """Normalised pictures (B, 3, H, W) → their logits (B, classes) in float32, on the device.

        Each size of a batch gets a graph of its own: for callers that keep to one or two.
        """
        with self._pass(inputs) as ((logits, _), _):
            return logits.clone()

    @contextmanager
    def _pass(self, inputs: Tensor) -> Iterator[tuple[Outputs, bool]]:
        """What `_forward` gives, the next pass's once the block ends, and if it was replayed."""
        with self._turns.take(inputs.device), torch.inference_mode():
            yield self._graphs(inputs)

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


def rounded(model: EfficientNet) -> EfficientNet:
    """`model` with weights and biases of convolutions and classifier in bfloat16; all else shared.

    Under autocast it gives `model`'s answers to the digit: autocast rounds the same tensors in the
    same way, but in every pass, and in every replay of a graph.
    """
    kept: dict[int, object] = {id(each): each for each in (*model.parameters(), *model.buffers())}
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            for each in module.parameters(recurse=False):
                values = each.detach().to(torch.bfloat16)
                kept[id(each)] = nn.Parameter(values, requires_grad=False)
    return copy.deepcopy(model, kept)


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
