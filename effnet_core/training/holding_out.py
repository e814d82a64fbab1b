"""Which photos are kept from training, so that every class is judged."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from effnet_core.datasets.photo_set import PhotoSet, held_out_rows
from effnet_core.errors import InvalidInput
from effnet_core.training.recipe import Recipe

BY_CLASS = {"held_out_by": "class"}
"""What a run's record says where its photos were held out class by class."""


def held_out_by_class(labels: Tensor, count: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """The places of the photos to train on, and of `count` held out with `seed`; as `labels` (N,).

    Each class gives in proportion to its photos, by the method of Huntington and Hill: the next
    photo is of the class with the largest n / √(q (q + 1)), n photos of which q are held out. So
    each gives one before any gives two. A class's last photo is held out only when none of another
    is left. Both results are int64 and rise. Raises InvalidInput if nothing would be left.
    """
    photos = len(labels)
    if not 0 <= count < photos:
        raise InvalidInput(f"Of {photos:,} photos {count:,} cannot be held out.")
    order = torch.randperm(photos, generator=torch.Generator().manual_seed(seed)).tolist()
    of_class: dict[int, list[int]] = {}
    for row in order:
        of_class.setdefault(int(labels[row]), []).append(row)
    waiting = [(_rank(len(rows), 0), label) for label, rows in of_class.items()]
    heapq.heapify(waiting)
    given = dict.fromkeys(of_class, 0)
    for _ in range(count):
        _, label = heapq.heappop(waiting)
        given[label] += 1
        if given[label] < len(of_class[label]):
            heapq.heappush(waiting, (_rank(len(of_class[label]), given[label]), label))
    held = torch.zeros(photos, dtype=torch.bool)
    held[[row for label, rows in of_class.items() for row in rows[: given[label]]]] = True
    return (~held).nonzero()[:, 0], held.nonzero()[:, 0]


def _rank(photos: int, given: int) -> tuple[bool, bool, float]:
    """The lower, the sooner the next photo of the class is held out."""
    last = given + 1 == photos
    return last, given > 0, -photos / math.sqrt(given * (given + 1) or 1)


def hold_out(
    photos: PhotoSet, recipe: Recipe, about: Mapping[str, Any] | None
) -> tuple[Tensor, Tensor]:
    """The rows to train on and those held out; `about` is the record of a run that goes on.

    A run that was begun when photos were drawn from all classes together keeps those.
    """
    if about is not None and not BY_CLASS.items() <= about.items():
        return held_out_rows(len(photos), recipe.held_out, seed=recipe.split_seed)
    return held_out_by_class(photos.labels, recipe.held_out, seed=recipe.split_seed)


def told_of(photos: PhotoSet, held: Tensor) -> dict[str, Any]:
    """What a run's record says of its held-out photos: `unjudged` classes have none of them."""
    judged = set(photos.labels[held].tolist())
    unjudged = [name for number, name in enumerate(photos.classes) if number not in judged]
    return {**BY_CLASS, "unjudged": unjudged if len(held) else []}
