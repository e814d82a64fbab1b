"""Augmentation policies: which operations a picture goes through, and how strongly.

AutoAugment for ImageNet (arXiv 1805.09501), RandAugment (arXiv 1909.13719) and TrivialAugment in
its wide form (arXiv 2103.10158), with torchvision's scales of magnitudes. Each picture draws its
own operations; those that drew the same one in a step go through it together.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from effnet_core.training.pixel_ops import OPERATIONS
from effnet_core.training.recipe import Policy, Recipe

# (operation, probability, level 0…9) twice; where the operation knows no magnitude the level is 0.
IMAGENET_POLICY = (
    (("Posterize", 0.4, 8), ("Rotate", 0.6, 9)),
    (("Solarize", 0.6, 5), ("AutoContrast", 0.6, 0)),
    (("Equalize", 0.8, 0), ("Equalize", 0.6, 0)),
    (("Posterize", 0.6, 7), ("Posterize", 0.6, 6)),
    (("Equalize", 0.4, 0), ("Solarize", 0.2, 4)),
    (("Equalize", 0.4, 0), ("Rotate", 0.8, 8)),
    (("Solarize", 0.6, 3), ("Equalize", 0.6, 0)),
    (("Posterize", 0.8, 5), ("Equalize", 1.0, 0)),
    (("Rotate", 0.2, 3), ("Solarize", 0.6, 8)),
    (("Equalize", 0.6, 0), ("Posterize", 0.4, 6)),
    (("Rotate", 0.8, 8), ("Color", 0.4, 0)),
    (("Rotate", 0.4, 9), ("Equalize", 0.6, 0)),
    (("Equalize", 0.0, 0), ("Equalize", 0.8, 0)),
    (("Invert", 0.6, 0), ("Equalize", 1.0, 0)),
    (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
    (("Rotate", 0.8, 8), ("Color", 1.0, 2)),
    (("Color", 0.8, 8), ("Solarize", 0.8, 7)),
    (("Sharpness", 0.4, 7), ("Invert", 0.6, 0)),
    (("ShearX", 0.6, 5), ("Equalize", 1.0, 0)),
    (("Color", 0.4, 0), ("Equalize", 0.6, 0)),
    (("Equalize", 0.4, 0), ("Solarize", 0.2, 4)),
    (("Solarize", 0.6, 5), ("AutoContrast", 0.6, 0)),
    (("Invert", 0.6, 0), ("Equalize", 1.0, 0)),
    (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
    (("Equalize", 0.8, 0), ("Equalize", 0.6, 0)),
)
"""The 25 sub-policies that AutoAugment found on ImageNet."""

NAMES = tuple(OPERATIONS)
"""Operations in the order of their numbers."""

SIGNED = (
    *("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"),
    *("Brightness", "Color", "Contrast", "Sharpness"),
)
"""Operations whose magnitude is negated for half of the pictures."""

RANDOM_CHOICES = tuple(name for name in NAMES if name != "Invert")
"""The 14 operations among which RandAugment and TrivialAugment draw."""


def number_count(recipe: Recipe) -> int:
    """How many uniform numbers the recipe's policy needs for one picture."""
    per_picture = {
        "none": 0,
        "autoaugment": 5,
        "randaugment": 2 * recipe.policy_operations,
        "trivialaugment": 3,
    }
    return per_picture[recipe.policy]


def apply(images: Tensor, numbers: Tensor, recipe: Recipe) -> Tensor:
    """The pictures after the recipe's policy.

    `images` is uint8 (B, 3, side, side), which may be changed in place; `numbers`, on the same
    device, uniform in [0, 1), (B, number_count).
    """
    for operations, magnitudes in zip(*choose(numbers, recipe, images.shape[-1]), strict=True):
        images = perform(images, operations, magnitudes)
    return images


def perform(images: Tensor, operations: Tensor, magnitudes: Tensor) -> Tensor:
    """Each picture after its own operation, a number of NAMES, (B,), in place.

    Each operation that occurs runs once, on all the pictures that drew it.
    """
    order = operations.argsort(stable=True)
    counts = operations.bincount(minlength=len(NAMES)).tolist()
    for name, rows in zip(NAMES, order.split(counts), strict=True):
        if name != "Identity" and len(rows):
            changed = OPERATIONS[name](images.index_select(0, rows), magnitudes[rows])
            images.index_copy_(0, rows, changed)
    return images


def choose(numbers: Tensor, recipe: Recipe, side: int) -> tuple[Tensor, Tensor]:
    """The operations (numbers of NAMES, int64) and magnitudes (float32) of each step.

    Both have the shape (steps, B); `numbers` is as in `apply`, `side` the pictures'.
    """
    columns = numbers.unbind(1)
    scales = _scales(recipe.policy, side, numbers.device)
    if recipe.policy == "autoaugment":
        chosen, probabilities, levels = _sub_policies(numbers.device)
        which = _pick(columns[0], len(IMAGENET_POLICY))
        applied = torch.stack(columns[1:3]) < probabilities[:, which]
        operations = torch.where(applied, chosen[:, which], NAMES.index("Identity"))
        return operations, _signed(scales, operations, levels[:, which], torch.stack(columns[3:]))
    if recipe.policy == "randaugment":
        operations = _pick_operation(numbers[:, ::2].T)
        level = torch.full_like(operations, recipe.policy_magnitude)
        return operations, _signed(scales, operations, level, numbers[:, 1::2].T)
    if recipe.policy == "trivialaugment":
        operations = _pick_operation(columns[0].unsqueeze(0))
        level = _pick(columns[1].unsqueeze(0), scales.shape[1])
        return operations, _signed(scales, operations, level, columns[2].unsqueeze(0))
    nothing = numbers.new_empty(0, len(numbers))
    return nothing.long(), nothing


def magnitude_scales(policy: Policy, side: int) -> dict[str, Tensor]:
    """The magnitudes from which a policy chooses by level, float32 (levels,), by operation.

    AutoAugment knows 10 levels, the others 31; translations are in pixels and, but for
    TrivialAugment, a share of `side`. All 0 where an operation knows no magnitude.
    """
    wide = policy == "trivialaugment"
    levels = 10 if policy == "autoaugment" else 31

    def rising(top: float) -> Tensor:
        return torch.linspace(0, top, levels)

    bits_lost = 6 if wide else 4
    return dict.fromkeys(NAMES, torch.zeros(levels)) | {
        **dict.fromkeys(("ShearX", "ShearY"), rising(0.99 if wide else 0.3)),
        **dict.fromkeys(("TranslateX", "TranslateY"), rising(32 if wide else 150 / 331 * side)),
        "Rotate": rising(135 if wide else 30),
        **dict.fromkeys(
            ("Brightness", "Color", "Contrast", "Sharpness"), rising(0.99 if wide else 0.9)
        ),
        "Posterize": 8 - (torch.arange(levels) / ((levels - 1) / bits_lost)).round(),
        "Solarize": torch.linspace(255, 0, levels),
    }


@lru_cache(maxsize=16)
def _scales(policy: Policy, side: int, device: torch.device) -> Tensor:
    """`magnitude_scales` as (operations, levels), in the order of NAMES."""
    scales = magnitude_scales(policy, side)
    return torch.stack([scales[name] for name in NAMES]).to(device)


@lru_cache(maxsize=8)
def _sub_policies(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Operations, probabilities and levels of IMAGENET_POLICY, each (2, 25)."""
    steps = tuple(zip(*IMAGENET_POLICY, strict=True))
    return (
        torch.tensor([[NAMES.index(name) for name, _, _ in step] for step in steps]).to(device),
        torch.tensor([[probability for _, probability, _ in step] for step in steps]).to(device),
        torch.tensor([[level for _, _, level in step] for step in steps]).to(device),
    )


@lru_cache(maxsize=8)
def _numbers_of(names: tuple[str, ...], device: torch.device) -> Tensor:
    return torch.tensor([NAMES.index(name) for name in names]).to(device)


def _pick(uniform: Tensor, count: int) -> Tensor:
    """Whole numbers from 0 to count − 1, each as likely."""
    return (uniform * count).long().clamp_(max=count - 1)  # rounding may reach count


def _pick_operation(uniform: Tensor) -> Tensor:
    choices = _numbers_of(RANDOM_CHOICES, uniform.device)
    return choices[_pick(uniform, len(choices))]


def _signed(scales: Tensor, operations: Tensor, levels: Tensor, uniform: Tensor) -> Tensor:
    """The magnitudes at `levels`, negated for the lower half of `uniform` where signs exist."""
    magnitudes = scales[operations, levels]
    signed = torch.isin(operations, _numbers_of(SIGNED, uniform.device))
    return torch.where(signed & (uniform < 0.5), -magnitudes, magnitudes)
