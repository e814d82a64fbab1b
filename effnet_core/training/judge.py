"""How right a network in training is on the photos that are held out from it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.evaluation.accuracy import (
    Accuracy,
    logits,
    mean_of_classes,
    right,
    right_by_class,
    views,
)
from effnet_core.images import Preprocessing
from effnet_core.network.build import materialise
from effnet_core.network.model import EfficientNet
from effnet_core.training.distributed import World


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """The held-out photos that fall to this process, and the network that is judged on them.

    `seen` is what that network sees of them, uint8 (N, 3, crop, crop).
    """

    world: World
    photos: PhotoSet
    seen: Tensor
    shown: Preprocessing
    network: EfficientNet

    @staticmethod
    def of(spec: ArchitectureSpec, photos: PhotoSet, shown: Preprocessing, world: World) -> Judge:
        """The judge of networks as `spec` says, whose weights come with each judgement."""
        network, seen = materialise(spec, world.device), views(photos, shown)
        return Judge(world=world, photos=photos, seen=seen, shown=shown, network=network)

    def accuracy(self, weights: dict[str, Tensor]) -> Accuracy:
        """How right `weights` are on the held-out photos of all processes."""
        self.network.load_state_dict(weights, strict=True)
        device, classes = self.world.device, len(self.photos.classes)
        sums = torch.zeros(4 + 2 * classes, dtype=torch.float64)
        if len(self.photos):  # fewer photos than processes leave some without
            answers = logits(self.network, self.seen, self.shown, device=device)
            labels = self.photos.labels
            sums = torch.cat([right(answers, labels), right_by_class(answers, labels)])
        sums = self.world.total_(sums.to(device)).cpu()
        count, first, five, loss = sums[:4].tolist()
        return Accuracy(
            photos=int(count),
            top1=first / count,
            top5=five / count,
            loss=loss / count,
            class_mean=mean_of_classes(*sums[4:].view(2, classes)),
        )
