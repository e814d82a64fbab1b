"""The exponential moving average of a network's weights, which is what is evaluated and kept."""

from __future__ import annotations

import torch
from torch import nn


class WeightAverage:
    """avg ← d · avg + (1 − d) · weights after every step, over parameters and buffers.

    d = min(decay, (1 + n) / (10 + n)) after n steps, so that the first weights, which know nothing,
    are soon forgotten (TensorFlow's ExponentialMovingAverage with `num_updates`).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.tensors = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights as they are now."""
        self.updates += 1
        share = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        now = model.state_dict()
        floating = [name for name, value in now.items() if value.is_floating_point()]
        averages = [self.tensors[name] for name in floating]
        torch._foreach_lerp_(averages, [now[name].detach() for name in floating], share)
        for name in now.keys() - set(floating):
            self.tensors[name].copy_(now[name])

    def state(self) -> dict[str, object]:
        """What a checkpoint needs."""
        return {"updates": self.updates, "tensors": self.tensors}

    def restore(self, state: dict[str, object]) -> None:
        """Take back what `state` gave."""
        updates, tensors = state["updates"], state["tensors"]
        assert isinstance(updates, int) and isinstance(tensors, dict)
        self.updates = updates
        for name, value in tensors.items():
            self.tensors[name].copy_(value)
