"""The learning rate at each step of a run."""

from __future__ import annotations

import math

from effnet_core.training.recipe import Recipe


def rate_factor(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """What multiplies the recipe's learning rate at `step` (0 is the first).

    Rises linearly over the warm-up and then follows half a cosine to 0 (arXiv 1608.03983) or the
    paper's steps: × decay_factor every decay_epochs, counted from the start of training.
    """
    epoch = step / steps_per_epoch
    if epoch < recipe.warmup_epochs:
        return (step + 1) / math.ceil(recipe.warmup_epochs * steps_per_epoch + 1)
    if recipe.schedule == "step":
        # 7.2 / 2.4 may come out a hair below 3.
        return float(recipe.decay_factor ** math.floor(epoch / recipe.decay_epochs + 1e-9))
    done = (epoch - recipe.warmup_epochs) / (recipe.epochs - recipe.warmup_epochs)
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


STAGES = 4
"""Parts of a run with a resolution of their own (arXiv 2104.00298, section 4.2)."""


def resolution_at(recipe: Recipe, epoch: int, resolution: int) -> int:
    """Pixels a side that photos are shown at in `epoch` (0 is the first); `resolution` at the end.

    Multiples of 8, unless it is the network's own resolution.
    """
    stage = min(epoch * STAGES // recipe.epochs, STAGES - 1)
    if recipe.first_resolution == 1 or stage == STAGES - 1 or recipe.epochs < STAGES:
        return resolution
    share = recipe.first_resolution + (1 - recipe.first_resolution) * stage / (STAGES - 1)
    return min(max(8 * math.floor(share * resolution / 8 + 0.5), 32), resolution)


def work(recipe: Recipe, step: int, steps_per_epoch: int, resolution: int) -> float:
    """What the first `step` steps cost, in steps at the whole resolution: cost goes by pixels."""
    epoch, rest = divmod(step, steps_per_epoch)
    shares = [(resolution_at(recipe, e, resolution) / resolution) ** 2 for e in range(epoch + 1)]
    return steps_per_epoch * sum(shares[:-1]) + rest * shares[-1]
