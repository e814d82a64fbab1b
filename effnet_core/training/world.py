"""One process or several under `torchrun`: who am I, and what do we all agree on?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from effnet_core.builder import resolve_device


@dataclass(frozen=True)
class World:
    """This process among `size` that train together, on its own device."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes the files and speaks."""
        return self.rank == 0

    def mean_(self, tensor: Tensor) -> Tensor:
        """Replace a floating-point tensor by its mean over all processes."""
        if self.size > 1:
            dist.all_reduce(tensor)
            tensor /= self.size
        return tensor

    def total_(self, tensor: Tensor) -> Tensor:
        """Replace a tensor by its sum over all processes."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def wait(self) -> None:
        """Return once every process has come here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def joined(device: str = "auto") -> Iterator[World]:
    """The world that `torchrun` describes in the environment, or one process alone.

    Several processes on CUDA take a device each and speak NCCL, otherwise gloo.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(0, 1, resolve_device(device))
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    target = resolve_device(device)
    if target.type == "cuda":
        target = resolve_device(f"cuda:{local}")
        torch.cuda.set_device(target)
    dist.init_process_group("nccl" if target.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), size, target)
    finally:
        dist.destroy_process_group()


class Statistics:
    """Batch-norm's running statistics of a network, kept equal on all processes.

    Each process sees its own share of the photos; after a step all take the mean.
    """

    def __init__(self, model: nn.Module) -> None:
        self._buffers = [value for value in model.buffers() if value.is_floating_point()]

    @torch.no_grad()
    def agree(self, world: World, *, stop: bool) -> bool:
        """Average the statistics over all processes; whether any process wants to stop."""
        if world.size == 1:
            return stop
        flag = self._buffers[0].new_tensor([float(stop)])
        flat = world.mean_(torch.cat([flag, *(value.flatten() for value in self._buffers)]))
        parts = flat[1:].split([value.numel() for value in self._buffers])
        for value, part in zip(self._buffers, parts, strict=True):
            value.copy_(part.view_as(value))
        return bool(flat[0] > 0)
