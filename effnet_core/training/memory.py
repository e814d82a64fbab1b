"""Will a training fit into memory? On a CPU nobody says no: the system ends the process."""

from __future__ import annotations

import torch

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import analyze, summarize
from effnet_core.errors import DoesNotFit
from effnet_core.network.build import free_bytes
from effnet_core.training.distributed import World
from effnet_core.training.recipe import Recipe

KEPT_PER_OUTPUT = 2.5
"""Numbers that the backward pass keeps for each output of a convolution, at least: the output, its
normalised and its activated form are kept, and some are shared; 3.0 to 3.4 were measured."""

BYTES_A_PARAMETER = 20
"""Of weights, gradients, optimizer, average and the network that is judged, at most."""

# A step was measured to need 4.1 to 4.8 times its convolutions' outputs in float32, and a process
# that trains 0.7 GB before its first step.
_LIKELY_BYTES_AN_OUTPUT, _BYTES_OF_A_PROCESS = 20, 700_000_000

_COPIES = {"sgd": 1, "rmsprop": 2, "adamw": 2}  # of the weights, in the optimizer's state


def training_bytes(spec: ArchitectureSpec, recipe: Recipe) -> int:
    """Bytes that training takes at least in one process, without the photos themselves.

    Weights, the network that is judged, gradients, optimizer and average in float32, and what the
    backward pass of one micro-batch needs; frozen stages need no such thing.
    """
    report = analyze(spec)
    copies = 3 + _COPIES[recipe.optimizer] + bool(recipe.ema_decay)
    outputs = sum(
        stage.activations for stage in report.stages if stage.stage >= recipe.frozen_stages
    )
    element = 2 if recipe.precision == "bfloat16" else 4
    kept = KEPT_PER_OUTPUT * outputs * element * recipe.micro_batch
    return int(4 * copies * report.totals.params + kept)


def likely_bytes(spec: ArchitectureSpec, recipe: Recipe, device: torch.device) -> int:
    """Bytes that training usually takes on `device`, a process of its own included."""
    totals = summarize(spec)
    return (
        recipe.micro_batch * totals.activations * _LIKELY_BYTES_AN_OUTPUT
        + totals.params * BYTES_A_PARAMETER
        + (_BYTES_OF_A_PROCESS if device.type == "cpu" else 0)
    )


def require_room(spec: ArchitectureSpec, recipe: Recipe, world: World) -> None:
    """Raise DoesNotFit if training takes more than is free on the world's device.

    Processes without devices of their own share the machine's memory.
    """
    sharing = 1 if world.device.type == "cuda" else world.size
    needed, free = sharing * training_bytes(spec, recipe), free_bytes(world.device)
    if needed > free:
        raise DoesNotFit(
            f"Training {spec.name} at {spec.resolution} px with {recipe.micro_batch} photos at "
            f"once takes at least {needed / 1e9:.1f} GB on {world.device}, and {free / 1e9:.1f} GB "
            f"are free; raise micro_batches (now {recipe.micro_batches}), which keeps the batch of "
            f"{recipe.batch}, or take a smaller network or resolution."
        )
