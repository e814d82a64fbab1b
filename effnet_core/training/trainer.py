"""One step of training: photos in memory → augmented batch → gradients → weights.

Nothing here keeps the state of a random generator. The order of the photos, each photo's
augmentation, dropout and stochastic depth are functions of (seed, step, place in the global
batch), mixup and cutmix of (seed, step, part of the batch). So a resumed run, or one shared by
several processes, draws what a run without interruption on one device would have drawn.
"""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.network.build import free_bytes
from effnet_core.network.model import EfficientNet
from effnet_core.training import augment
from effnet_core.training.averaging import WeightAverage
from effnet_core.training.distributed import Consensus, World
from effnet_core.training.optimizer import freeze, make_optimizer, set_rate
from effnet_core.training.recipe import Recipe
from effnet_core.training.schedule import rate_factor, resolution_at
from effnet_core.training.seeds import NOISE, ORDER, generator, mixed


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


@dataclass(frozen=True)
class _Part:
    """A micro-batch: its number in the batch, and the photos' rows, `draws` and `noise`."""

    number: int
    rows: Tensor
    draws: Tensor
    noise: Tensor


class Trainer:
    """A network in training: `step` moves its weights, `state` and `restore` hold all of it.

    It trains on the photos at `rows` (int64), all by default; what is left of them after the last
    whole batch of an epoch waits for another epoch's order. Photos are kept on the world's device
    where it has room for twice as much. Raises TrainingError where the rows do not fill one batch
    or the batch cannot be shared by the world's processes, and InvalidInput for what the device or
    the network lacks.
    """

    def __init__(
        self,
        model: EfficientNet,
        photos: PhotoSet,
        recipe: Recipe,
        preprocessing: Preprocessing,
        world: World,
        *,
        rows: Tensor | None = None,
    ) -> None:
        self.recipe, self.world, self.preprocessing = recipe, world, preprocessing
        self.rows = torch.arange(len(photos)) if rows is None else rows
        self.steps_per_epoch = _steps_per_epoch(len(self.rows), recipe, world)
        self.images = _at_hand(photos.images, world.device)
        self.labels = photos.labels.to(world.device)
        self.classes = len(photos.classes)
        self.model = _arranged(model, recipe, world)
        self.frozen = freeze(self.model, recipe.frozen_stages)
        self.network = _wrapped(self.model, recipe, world)
        self.consensus = Consensus(self.model, world, recipe.micro_batches)
        self.optimizer = make_optimizer(self.model, recipe)
        self.average = WeightAverage(self.model, recipe.ema_decay) if recipe.ema_decay else None
        self.steps = 0
        self._mean, self._std = (
            torch.tensor(three, device=world.device).view(1, 3, 1, 1)
            for three in (preprocessing.mean, preprocessing.std)
        )
        self._order: tuple[int, Tensor] | None = None

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.recipe.epochs * self.steps_per_epoch

    def step(self, *, stop: bool = False) -> tuple[Tensor, bool]:
        """Take one step; the batch's mean loss, a scalar on the device, and whether to stop.

        To stop is what one of the processes wished, in this step or the one before.
        """
        recipe, world = self.recipe, self.world
        share = recipe.micro_batches // world.size
        self._training_mode()
        rate = recipe.learning_rate * rate_factor(recipe, self.steps, self.steps_per_epoch)
        set_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        self.consensus.begin()
        loss = torch.zeros((), device=world.device)
        parts = self._parts(world.rank * share, share)
        for turn, part in enumerate(parts):
            loss += self._backward(part, share, last=turn == share - 1)
            self.consensus.part_done()
        if recipe.clip_norm:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        self.optimizer.step()
        self.steps += 1
        loss, stop = self.consensus.reach(loss, stop=stop)
        if self.average is not None:
            self.average.update(self.model)
        return loss, stop

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

    def is_finite(self) -> bool:
        """Whether every weight and statistic is a finite number."""
        values = [value for value in self.model.state_dict().values() if value.is_floating_point()]
        return bool(torch.stack([value.sum() for value in values]).isfinite().all())

    def _parts(self, first: int, count: int) -> tuple[_Part, ...]:
        """This process's parts of the batch that the next step is about."""
        recipe, seed, device = self.recipe, self.recipe.seed, self.world.device
        rows = self._photos_of_step()
        crops = augment.draws(recipe, recipe.batch, seed=seed, step=self.steps, device=device)
        noises = noise(self.model, recipe.batch, seed=seed, step=self.steps, device=device)
        parts = []
        for number in range(first, first + count):
            own = slice(number * recipe.micro_batch, (number + 1) * recipe.micro_batch)
            parts.append(_Part(number, rows[own], crops[own], noises[own]))
        return tuple(parts)

    def _photos_of_step(self) -> Tensor:
        """Rows of the global batch, int64 (batch,): each epoch is one permutation."""
        epoch, place = divmod(self.steps, self.steps_per_epoch)
        if self._order is None or self._order[0] != epoch:
            drawn = generator(self.recipe.seed, ORDER, epoch)
            order = self.rows[torch.randperm(len(self.rows), generator=drawn)]
            self._order = (epoch, order)
        first = place * self.recipe.batch
        return self._order[1][first : first + self.recipe.batch]

    def _backward(self, part: _Part, share: int, *, last: bool) -> Tensor:
        """Gradients of one micro-batch, added to what is there; its share of the loss."""
        recipe = self.recipe
        images, targets = self._batch(part)
        network = self.network
        alone = last or not isinstance(network, DistributedDataParallel)
        with nullcontext() if alone else network.no_sync():  # type: ignore[operator]
            with torch.autocast(
                images.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"
            ):
                logits = network(images, part.noise)
            loss = F.cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing)
            (loss / share).backward()
        return loss.detach() / share

    def _batch(self, part: _Part) -> tuple[Tensor, Tensor]:
        """Augmented and normalised photos (b, 3, r, r) and their targets."""
        recipe, device = self.recipe, self.world.device
        epoch = self.steps // self.steps_per_epoch
        side = resolution_at(recipe, epoch, self.preprocessing.crop)
        images = self.images[part.rows.to(self.images.device)].to(device)
        images = (augment.augment(images, part.draws, recipe, side) - self._mean) / self._std
        targets = self.labels[part.rows.to(device)]
        if recipe.mixup or recipe.cutmix:
            images, targets = augment.mix(
                images,
                targets,
                self.classes,
                recipe,
                seed=recipe.seed,
                step=self.steps,
                part=part.number,
            )
        if recipe.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        return images, targets

    def _training_mode(self) -> None:
        self.network.train()
        for part in self.frozen:
            part.eval()


def noise(model: EfficientNet, count: int, *, seed: int, step: int, device: torch.device) -> Tensor:
    """What decides dropout and stochastic depth of a global batch of `count` photos.

    Uniform numbers in [0, 1), float32 (count, draw_count), a row a photo, as `augment.draws` are;
    but there are many, so they are drawn where they are used, and a CUDA device draws others.
    """
    drawn = torch.Generator(device).manual_seed(mixed(seed, NOISE, step))
    return torch.rand(count, model.draw_count, generator=drawn, device=device)


def _at_hand(images: Tensor, device: torch.device) -> Tensor:
    """The photos on `device`, or where they are if they would take over half of its room."""
    return images if 2 * images.nbytes > free_bytes(device) else images.to(device)


def _steps_per_epoch(photos: int, recipe: Recipe, world: World) -> int:
    if recipe.micro_batches % world.size:
        raise TrainingError(
            f"{world.size} processes cannot share a batch cut into {recipe.micro_batches} parts; "
            f"set micro_batches to a multiple of {world.size}."
        )
    steps = photos // recipe.batch
    if not steps:
        raise TrainingError(
            f"There are {photos:,} photos to train on, fewer than one batch of "
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
        network = DistributedDataParallel(model, device_ids=devices, broadcast_buffers=False)
    if recipe.compiled:
        network.compile()
    return network
