"""How right a network in training is on the photos that are held out from it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.evaluation.accuracy import Accuracy, logits, right, views
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
        device, sums = self.world.device, torch.zeros(4, dtype=torch.float64)
        if len(self.photos):  # fewer photos than processes leave some without
            answers = logits(self.network, self.seen, self.shown, device=device)
            sums = right(answers, self.photos.labels)
        count, first, five, loss = self.world.total_(sums.to(device)).tolist()
        return Accuracy(photos=int(count), top1=first / count, top5=five / count, loss=loss / count)
