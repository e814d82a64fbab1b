"""Scoring a network's maps on labelled photos with boxes, of whichever source."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from effnet_core.attribution import MapScores, score_maps
from effnet_core.attribution.boxes import Box, view_box
from effnet_core.attribution.compute import Stage
from effnet_core.datasets.photo_files import LabelledPhotos, PhotoFiles, picture
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.evaluation.matching import for_classes
from effnet_core.images import Decoded, Preprocessing
from effnet_core.images.resizing import resized_view


def evaluate_maps(
    predictor: Predictor,
    photos: LabelledPhotos,
    *,
    method: str = "grad-cam",
    stages: tuple[Stage, ...] | None = None,
    count: int = 500,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[MapScores, ...]:
    """`score_maps` on `count` of the photos whose class the model has, matched by `for_classes`.

    Of photos in files only those drawn are read, and their maps belong to the view of the original
    picture; a file that is no picture is passed over, and another one drawn. Raises what both
    functions raise.
    """
    known, _ = for_classes(photos, predictor.classes)
    if isinstance(known, PhotoFiles):
        predictor, known = _views(predictor, known, count=count, seed=seed)
    return score_maps(
        predictor,
        known,
        method=method,
        stages=stages,
        count=count,
        seed=seed,
        progress=progress,
    )


def _views(
    predictor: Predictor, photos: PhotoFiles, *, count: int, seed: int
) -> tuple[Predictor, PhotoSet]:
    """`count` boxed photos in the model's view, and the predictor that takes these as they are.

    They are those that `score_maps` would draw, were every box in the view. The boxes are float64,
    exact.
    """
    if count < 1 or seed < 0:
        raise InvalidInput(f"At least one photo is drawn, and a seed is 0 or more; got {count}.")
    boxed = [place for place, box in enumerate(photos.boxes) if box is not None]
    seen: dict[int, tuple[Tensor, Box]] = {}
    for index in np.random.default_rng(seed).permutation(len(boxed)).tolist():
        if len(seen) == count:
            break
        found = _view(predictor, photos, boxed[index])
        if found is not None:
            seen[boxed[index]] = found
    side = predictor.preprocessing.crop
    places = sorted(seen)
    images = [seen[place][0] for place in places] or [torch.empty((3, side, side)).byte()]
    boxes = [seen[place][1] for place in places]
    corners = [(box.left, box.top, box.right - 1, box.bottom - 1) for box in boxes]  # inclusive
    viewer = copy.copy(predictor)
    viewer.preprocessing = dataclasses.replace(predictor.preprocessing, resize=side)
    return viewer, PhotoSet(
        images=torch.stack(images),
        labels=photos.labels[places],
        classes=photos.classes,
        class_ids=photos.class_ids,
        names=tuple(photos.names[place] for place in places),
        boxes=torch.tensor(corners, dtype=torch.float64) if corners else None,
    )


def _view(predictor: Predictor, photos: PhotoFiles, place: int) -> tuple[Tensor, Box] | None:
    """The model's view of a photo and its box there; None without the one or the other."""
    corners = photos.boxes[place]
    assert corners is not None
    try:
        seen = picture(photos, place)
    except EffnetError:
        return None
    box = view_box(corners, seen.size, predictor.preprocessing)
    return None if box is None else (_colours(seen, predictor.preprocessing), box)


def _colours(seen: Decoded, preprocessing: Preprocessing) -> Tensor:
    """A photo's view, uint8 (3, crop, crop), in colour also where the network is fed grey."""
    return torch.from_numpy(resized_view(seen, preprocessing).copy()).permute(2, 0, 1)
