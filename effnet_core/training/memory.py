"""Will a training fit into memory? On a CPU nobody says no: the system ends the process."""

from __future__ import annotations

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import analyze
from effnet_core.errors import DoesNotFit
from effnet_core.network.build import free_bytes
from effnet_core.training.distributed import World
from effnet_core.training.recipe import Recipe

KEPT_PER_OUTPUT = 2.5
"""Numbers that the backward pass keeps for each output of a convolution, at least: the output, its
normalised and its activated form are kept, and some are shared; 3.0 to 3.4 were measured."""

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
