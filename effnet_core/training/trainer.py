"""One step of training: photos in memory → augmented batch → gradients → weights.

Nothing here keeps the state of a random generator. The order of the photos, each photo's
augmentation, dropout and stochastic depth are functions of (seed, step, place in the global
batch), so a resumed run, or one shared by several processes, draws what a run without
interruption on one device would have drawn.
"""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from effnet_core.architecture import ArchitectureSpec
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.model import EfficientNet
from effnet_core.training import augment
from effnet_core.training.averaging import WeightAverage
from effnet_core.training.data import PhotoSet
from effnet_core.training.optimizer import freeze, make_optimizer, set_rate
from effnet_core.training.recipe import Recipe
from effnet_core.training.schedule import rate_factor, resolution_at
from effnet_core.training.seeds import NOISE, ORDER, generator, mixed
from effnet_core.training.world import Statistics, World


class TrainingError(EffnetError):
    """A run cannot begin or go on."""


def trained_spec(spec: ArchitectureSpec, recipe: Recipe) -> ArchitectureSpec:
    """The spec with the recipe's dropout and stochastic depth, where it states them."""
    if recipe.dropout is not None:
        spec = dataclasses.replace(spec, dropout=recipe.dropout)
    if recipe.drop_path is None:
        return spec
    count = len(spec.blocks)
    blocks = tuple(
        dataclasses.replace(block, drop_path=recipe.drop_path * index / count)
        for index, block in enumerate(spec.blocks)
    )
    return dataclasses.replace(spec, stochastic_depth=recipe.drop_path, blocks=blocks)


class Trainer:
    """A network in training: `step` moves its weights, `state` and `restore` hold all of it.

    `photos` are kept on the world's device. Raises TrainingError where the photos do not fill one
    batch or the batch cannot be shared by the world's processes.
    """

    def __init__(
        self,
        model: EfficientNet,
        photos: PhotoSet,
        recipe: Recipe,
        preprocessing: Preprocessing,
        world: World,
    ) -> None:
        self.recipe, self.world, self.preprocessing = recipe, world, preprocessing
        self.steps_per_epoch = _steps_per_epoch(photos, recipe, world)
        self.images = photos.images.to(world.device)
        self.labels = photos.labels.to(world.device)
        self.classes = len(photos.classes)
        self.model = _arranged(model, recipe, world)
        self.frozen = freeze(self.model, recipe.frozen_stages)
        self.network = _wrapped(self.model, recipe, world)
        self.statistics = Statistics(self.model)
        self.optimizer = make_optimizer(self.model, recipe)
        self.average = WeightAverage(self.model, recipe.ema_decay) if recipe.ema_decay else None
        self.steps = 0
        self._mean, self._std = _normalisation(preprocessing, world.device)
        self._order: tuple[int, Tensor] | None = None

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.recipe.epochs * self.steps_per_epoch

    def step(self) -> Tensor:
        """Take one step; returns this process's mean loss, a scalar on the device."""
        recipe, world = self.recipe, self.world
        rows = self._photos_of_step()
        share = recipe.micro_batches // world.size
        self._training_mode()
        rate = recipe.learning_rate * rate_factor(recipe, self.steps, self.steps_per_epoch)
        set_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        table = augment.draws(
            recipe, recipe.batch, seed=recipe.seed, step=self.steps, device=world.device
        )
        loss = torch.zeros((), device=world.device)
        for turn in range(share):
            part = world.rank * share + turn
            loss += self._backward(rows, table, part, share, last=turn == share - 1)
        if recipe.clip_norm:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        self.optimizer.step()
        self.steps += 1
        return loss

    def settle(self, *, stop: bool = False) -> bool:
        """After a step: statistics agreed, weights averaged. Whether any process wants to stop."""
        stop = self.statistics.agree(self.world, stop=stop)
        if self.average is not None:
            self.average.update(self.model)
        return stop

    def state(self) -> dict[str, Any]:
        """All that `restore` needs to go on as if nothing had happened."""
        return {
            "steps": self.steps,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": None if self.average is None else self.average.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.model.load_state_dict(state["model"], strict=True)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.restore(state["average"])
        self.steps = int(state["steps"])

    def kept_weights(self) -> dict[str, Tensor]:
        """The weights that are evaluated and kept: the average where there is one."""
        return self.model.state_dict() if self.average is None else self.average.tensors

    def _photos_of_step(self) -> Tensor:
        """Indices of the global batch, int64 (batch,): each epoch is one permutation."""
        epoch, place = divmod(self.steps, self.steps_per_epoch)
        if self._order is None or self._order[0] != epoch:
            drawn = generator(self.recipe.seed, ORDER, epoch)
            order = torch.randperm(len(self.labels), generator=drawn)
            self._order = (epoch, order.to(self.world.device))
        first = place * self.recipe.batch
        return self._order[1][first : first + self.recipe.batch]

    def _backward(
        self, rows: Tensor, table: Tensor, part: int, share: int, *, last: bool
    ) -> Tensor:
        """Gradients of one micro-batch, added to what is there; its share of the loss."""
        recipe = self.recipe
        size = recipe.micro_batch
        chosen = slice(part * size, (part + 1) * size)
        images, targets = self._batch(rows[chosen], table[chosen], part)
        # Dropout and stochastic depth draw from the global generator.
        torch.manual_seed(mixed(recipe.seed, NOISE, self.steps, part))
        several = isinstance(self.network, nn.parallel.DistributedDataParallel)
        with nullcontext() if last or not several else self.network.no_sync():
            with torch.autocast(
                images.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"
            ):
                logits = self.network(images)
            loss = F.cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing)
            (loss / share).backward()
        return loss.detach() / share

    def _batch(self, rows: Tensor, table: Tensor, part: int) -> tuple[Tensor, Tensor]:
        """Augmented and normalised photos (b, 3, r, r) and their targets."""
        recipe = self.recipe
        epoch = self.steps // self.steps_per_epoch
        side = resolution_at(recipe, epoch, self.preprocessing.crop)
        images = augment.augment(self.images[rows], table, recipe, side)
        images = (images - self._mean) / self._std
        targets = self.labels[rows]
        if recipe.mixup or recipe.cutmix:
            images, targets = augment.mix(
                images,
                targets,
                self.classes,
                recipe,
                seed=recipe.seed,
                step=self.steps,
                part=part,
            )
        if recipe.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        return images, targets

    def _training_mode(self) -> None:
        self.network.train()
        for part in self.frozen:
            part.eval()


def _steps_per_epoch(photos: PhotoSet, recipe: Recipe, world: World) -> int:
    if recipe.micro_batches % world.size:
        raise TrainingError(
            f"{world.size} processes cannot share a batch cut into {recipe.micro_batches} parts; "
            f"set micro_batches to a multiple of {world.size}."
        )
    steps = len(photos) // recipe.batch
    if not steps:
        raise TrainingError(
            f"There are {len(photos):,} photos to train on, fewer than one batch of "
            f"{recipe.batch}; make the batch smaller or hold out fewer photos."
        )
    return steps


def _arranged(model: EfficientNet, recipe: Recipe, world: World) -> EfficientNet:
    if recipe.sync_batch_norm:
        if world.device.type != "cuda":
            raise InvalidInput("Batch-norm over several devices needs CUDA devices.")
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    if recipe.channels_last:
        model = model.to(memory_format=torch.channels_last)
    return model.to(world.device)


def _wrapped(model: EfficientNet, recipe: Recipe, world: World) -> nn.Module:
    network: nn.Module = model
    if world.size > 1:
        devices = [world.device] if world.device.type == "cuda" else None
        network = nn.parallel.DistributedDataParallel(
            model, device_ids=devices, broadcast_buffers=False
        )
    if recipe.compiled:
        network.compile()
    return network


def _normalisation(preprocessing: Preprocessing, device: torch.device) -> tuple[Tensor, Tensor]:
    mean, std = (
        torch.tensor(three, device=device).view(1, 3, 1, 1)
        for three in (preprocessing.mean, preprocessing.std)
    )
    return mean, std
