"""One process or several under `torchrun`: who am I, and what do we all agree on?

Every process holds all photos, but crops, changes and shows to the network only its own share of
each batch; gradients (by DDP), batch-norm's statistics, the loss and the wish to stop are agreed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from effnet_core.errors import InvalidInput
from effnet_core.network.build import resolve_device


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


def world_size() -> int:
    """How many processes `torchrun` says there are, before they have met; raises InvalidInput."""
    text = os.environ.get("WORLD_SIZE", "1")
    if not text.isdigit() or int(text) < 1:
        raise InvalidInput(f"WORLD_SIZE must be a whole number of at least 1; got {text!r:.40}.")
    return int(text)


@contextmanager
def joined(device: str = "auto") -> Iterator[World]:
    """The world that `torchrun` describes in the environment, or one process alone.

    Several processes on CUDA take a device each and speak NCCL, otherwise gloo. Unless something
    goes wrong, none of them leaves before all are done.
    """
    size = world_size()
    if size == 1:
        yield World(0, 1, resolve_device(device))
        return
    target = resolve_device(device)
    if target.type == "cuda":
        target = resolve_device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
        torch.cuda.set_device(target)
    dist.init_process_group("nccl" if target.type == "cuda" else "gloo")
    world = World(dist.get_rank(), size, target)
    try:
        yield world
        # gloo's threads let go of tensors, for which they need Python: one that is leaving aborts,
        # and torchrun then ends the others, whatever they are writing.
        world.wait()
    finally:
        dist.destroy_process_group()


def is_lost_peer(error: BaseException) -> bool:
    """Whether `error` says that another process of the world is gone."""
    if isinstance(error, dist.DistError):
        return True
    told = isinstance(error, RuntimeError) and dist.is_initialized()
    return told and any(word in str(error) for word in ("gloo", "Gloo", "NCCL", "by peer"))


class Consensus:
    """What the parts of a batch agree on after a step, whoever took them: statistics and loss.

    Batch-norm's running statistics become the mean of what each part alone would have made of them,
    so that processes which share the parts and one process that takes them in turn end alike.
    """

    def __init__(self, model: nn.Module, world: World, parts: int) -> None:
        self._world = world
        self._share = parts // world.size
        self._buffers = [value for value in model.buffers() if value.is_floating_point()]
        self._before: list[Tensor] = []
        self._sums: list[Tensor] = []
        self._flag: Tensor | None = None

    def begin(self) -> None:
        """Before a step: note the statistics that every part of it starts from."""
        if self._share > 1:
            self._before = [value.clone() for value in self._buffers]
            self._sums = [torch.zeros_like(value) for value in self._buffers]

    @torch.no_grad()
    def part_done(self) -> None:
        """After a part: keep its statistics, and go back to those it started from."""
        if self._share > 1:
            torch._foreach_add_(self._sums, self._buffers)
            torch._foreach_copy_(self._buffers, self._before)

    @torch.no_grad()
    def reach(self, loss: Tensor, *, stop: bool) -> tuple[Tensor, bool]:
        """After a step: all processes' (mean loss, whether one of them wants to stop).

        Among several processes the wish is known to all one step later, so that a device need not
        be waited for.
        """
        if self._share > 1:
            torch._foreach_div_(self._sums, self._share)
            torch._foreach_copy_(self._buffers, self._sums)
        if self._world.size == 1:
            return loss, stop
        told = torch.stack([loss, loss.new_tensor(float(stop))])
        flat = self._world.mean_(torch.cat([told, *(value.flatten() for value in self._buffers)]))
        parts = flat[2:].split([value.numel() for value in self._buffers])
        for value, part in zip(self._buffers, parts, strict=True):
            value.copy_(part.view_as(value))
        earlier, self._flag = self._flag, flat[1]
        return flat[0], earlier is not None and bool(earlier > 0)
