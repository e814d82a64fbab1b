"""Random pictures from stored photos: crop, flip and policy, each photo drawing its own.

All randomness of a photo is one row of uniform numbers (`draws`), a function of the seed, the step
and the photo's place in the global batch alone. `augment` turns photos and rows into pictures on
the photos' device, and `mix` (mixup, cutmix) works on what it gives.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from effnet_core.training import policies
from effnet_core.training.recipe import Recipe
from effnet_core.training.seeds import generator, mixed

# What a seed is for, beside the purposes that `seeds` names.
_DRAWS, _MIX = 101, 102

# Columns of a row: ten crops are proposed, of which the first that fits is taken.
_PROPOSALS = 10
_AREA = slice(0, _PROPOSALS)
_ASPECT = slice(_PROPOSALS, 2 * _PROPOSALS)
_LEFT, _TOP, _FLIP = range(2 * _PROPOSALS, 2 * _PROPOSALS + 3)
_CROP_DRAWS = 2 * _PROPOSALS + 3


def draw_count(recipe: Recipe) -> int:
    """How many uniform numbers one photo needs."""
    return _CROP_DRAWS + policies.number_count(recipe)


def draws(
    recipe: Recipe, count: int, *, seed: int, step: int, device: torch.device | str
) -> Tensor:
    """Uniform numbers in [0, 1) for the `count` photos of one global batch, float32.

    Shape (count, draw_count). A row depends on the recipe's policy, `seed`, `step` and its own
    place only, so that a part of the batch takes its slice of rows, whoever computes it, and a
    resumed run needs no saved state. They are drawn on the CPU and moved to `device`.
    """
    drawn = torch.rand(count, draw_count(recipe), generator=generator(seed, _DRAWS, step))
    return drawn.to(device)


def augment(images: Tensor, table: Tensor, recipe: Recipe, resolution: int) -> Tensor:
    """Cropped, flipped and changed pictures, float32 (B, 3, r, r) in [0, 1], not normalised.

    `images` is uint8 (B, 3, S, S); `table`, on the same device, holds the photos' rows of `draws`;
    r is `resolution`. The crop is resized bilinearly without antialiasing; policies work on
    its values rounded to bytes, at the resolution r.
    """
    boxes = crop_boxes(table, recipe, images.shape[-1])
    flips = table[:, _FLIP] < recipe.flip
    pictures = resized_crop(images, boxes, flips, resolution)
    if recipe.policy != "none":
        changed = pictures.round_().to(torch.uint8)
        pictures = policies.apply(changed, table[:, _CROP_DRAWS:], recipe).float()
    return pictures.div_(255).clamp_(0, 1)  # bilinear weights may add up to a little over 1


def crop_boxes(table: Tensor, recipe: Recipe, side: int) -> Tensor:
    """Each photo's crop as whole pixels (left, top, width, height), float32 (B, 4).

    The distribution is that of torchvision's RandomResizedCrop (the crop of arXiv 1409.4842): the
    share of the area is uniform in `crop_area`, the logarithm of width/height uniform in
    `crop_aspect`, both edges are rounded; of ten such proposals the first that fits into the
    photo is taken, and if none does the largest central crop whose aspect is allowed.
    """
    low, high = recipe.crop_area
    area = side**2 * (low + (high - low) * table[:, _AREA])
    log_low, log_high = map(math.log, recipe.crop_aspect)
    aspect = torch.exp(log_low + (log_high - log_low) * table[:, _ASPECT])
    widths, heights = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()  # (B, 10)
    fits = (widths <= side) & (heights <= side) & (widths > 0) & (heights > 0)
    first = fits.byte().argmax(1, keepdim=True)
    some = fits.gather(1, first).squeeze(1)
    largest_width = max(1, round(side * min(1.0, recipe.crop_aspect[1])))
    largest_height = max(1, round(side / max(1.0, recipe.crop_aspect[0])))
    width = torch.where(some, widths.gather(1, first).squeeze(1), largest_width)
    height = torch.where(some, heights.gather(1, first).squeeze(1), largest_height)
    left = torch.where(some, _place(table[:, _LEFT], side - width), ((side - width) / 2).round())
    top = torch.where(some, _place(table[:, _TOP], side - height), ((side - height) / 2).round())
    return torch.stack([left, top, width, height], dim=1)


def resized_crop(images: Tensor, boxes: Tensor, flips: Tensor, resolution: int) -> Tensor:
    """Each photo's box resized bilinearly, mirrored where `flips`, float32 (B, 3, r, r) in 0…255.

    `boxes` is as `crop_boxes` gives it, `flips` bool (B,). Equal to cutting the box out and
    resizing it without antialiasing: pixels outside the box are never seen.
    """
    left, top, width, height = boxes.unsqueeze(-1).unbind(1)  # (B, 1) each
    centres = (torch.arange(resolution, device=images.device) + 0.5) / resolution  # (r,)
    across = torch.where(flips.unsqueeze(-1), 1 - centres, centres)  # (B, r)
    x, y = _inside(left, width, across), _inside(top, height, centres)  # (B, r) each
    side = images.shape[-1]
    grid = torch.empty(len(images), resolution, resolution, 2, device=images.device)
    grid[..., 0] = _normalised(x, side).unsqueeze(1)
    grid[..., 1] = _normalised(y, side).unsqueeze(2)
    return F.grid_sample(
        images.float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )


def mix(
    images: Tensor,
    labels: Tensor,
    num_classes: int,
    recipe: Recipe,
    *,
    seed: int,
    step: int,
    part: int,
) -> tuple[Tensor, Tensor]:
    """Pictures mixed with the batch rolled by one, and targets float32 (B, num_classes).

    Mixup (arXiv 1710.09412): λ·own + (1 − λ)·partner, λ from Beta(mixup, mixup). Cutmix (arXiv
    1905.04899): a box of 1 − λ of the area, λ from Beta(cutmix, cutmix), centred anywhere and cut
    at the border, comes from the partner; targets go by the area really taken. One λ and one
    box a batch; where the recipe has both, a fair coin decides. Without either the pictures are
    returned as they are. All is drawn from (seed, step, part); labels are not smoothed.
    """
    targets = F.one_hot(labels, num_classes).float()
    rng = np.random.default_rng(mixed(seed, _MIX, step, part))
    coin = rng.random()
    if recipe.cutmix and (not recipe.mixup or coin < 0.5):
        images, share = _cut(images, rng.beta(recipe.cutmix, recipe.cutmix), rng)
    elif recipe.mixup:
        share = rng.beta(recipe.mixup, recipe.mixup)
        images = torch.lerp(images.roll(1, 0), images, share)
    else:
        return images, targets
    return images, torch.lerp(targets.roll(1, 0), targets, share)


def _cut(images: Tensor, share: float, rng: np.random.Generator) -> tuple[Tensor, float]:
    """Cutmix's pictures, and which share of each is still its own."""
    side = images.shape[-1]
    half = int(0.5 * math.sqrt(1 - share) * side)
    x, y = rng.integers(side, size=2).tolist()
    rows = slice(max(y - half, 0), min(y + half, side))
    columns = slice(max(x - half, 0), min(x + half, side))
    cut = images.clone()
    cut[..., rows, columns] = images.roll(1, 0)[..., rows, columns]
    taken = (rows.stop - rows.start) * (columns.stop - columns.start)
    return cut, 1 - taken / side**2


def _place(uniform: Tensor, room: Tensor) -> Tensor:
    """A whole number from 0 to `room`, each as likely."""
    return torch.minimum((uniform * (room + 1)).floor(), room)  # rounding may reach room + 1


def _inside(start: Tensor, length: Tensor, centres: Tensor) -> Tensor:
    """Source pixel (0 is the first one's centre) of places 0…1 along an edge, kept inside it."""
    places = start + length * centres - 0.5
    return torch.clamp(places, start, start + length - 1)


def _normalised(places: Tensor, side: int) -> Tensor:
    """Pixel numbers as `grid_sample` counts them: −1 and 1 are the photo's outer edges."""
    return (2 * places + 1) / side - 1
