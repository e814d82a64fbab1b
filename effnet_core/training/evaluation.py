"""How right a network is on labelled photos: top-1, top-5 and what stands behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from effnet_core.images import Preprocessing, model_view
from effnet_core.training.data import PhotoSet

BATCH = 250


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Shares of `photos` whose class is the first, or among the first five; the mean loss."""

    photos: int
    top1: float
    top5: float
    loss: float


def views(photos: PhotoSet, preprocessing: Preprocessing) -> Tensor:
    """What the network sees of each photo, uint8 (N, 3, crop, crop), as on any page."""
    side = preprocessing.crop
    seen = torch.empty((len(photos), 3, side, side), dtype=torch.uint8)
    for index, image in enumerate(photos.images):
        picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
        seen[index] = torch.from_numpy(np.array(model_view(picture, preprocessing))).permute(
            2, 0, 1
        )
    return seen


def logits(
    model: nn.Module,
    seen: Tensor,
    preprocessing: Preprocessing,
    *,
    device: torch.device,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda done: None,
) -> Tensor:
    """The network's answers (N, classes), float32 on the CPU, to `views`; `model` is in eval."""
    mean, std = (
        torch.tensor(three, device=device).view(1, 3, 1, 1)
        for three in (preprocessing.mean, preprocessing.std)
    )
    answers = []
    with torch.inference_mode():
        for first in range(0, len(seen), batch):
            images = seen[first : first + batch].to(device).float().div_(255)
            images = ((images - mean) / std).contiguous(memory_format=torch.channels_last)
            answers.append(model(images).float().cpu())
            progress(min(first + batch, len(seen)))
    return torch.cat(answers)


def right(answers: Tensor, labels: Tensor) -> Tensor:
    """Sums over the photos: (count, first right, among five, loss), float64 (4,)."""
    places = (answers > answers.gather(1, labels[:, None])).sum(1)
    loss = F.cross_entropy(answers.double(), labels, reduction="sum")
    found = [len(labels), (places < 1).sum(), (places < 5).sum(), loss]
    return torch.tensor([float(value) for value in found], dtype=torch.float64)
