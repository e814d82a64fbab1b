"""One step: which photos, which gradients, which statistics."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from effnet_core.errors import InvalidInput
from effnet_core.training import trainer as trainer_module
from effnet_core.training.distributed import World
from effnet_core.training.job import preprocessing_for
from effnet_core.training.recipe import Recipe
from effnet_core.training.trainer import Trainer, TrainingError, trained_spec

PLAIN = Recipe(batch=16, epochs=2, dropout=0.0, drop_path=0.0, crop_area=(1, 1), crop_aspect=(1, 1))


def test_each_epoch_shows_every_row_at_most_once_in_another_order(tiny: Any) -> None:
    rows = torch.arange(10, 60)
    trainer = Trainer(
        tiny.model(PLAIN),
        tiny.photos(),
        PLAIN,
        preprocessing_for(tiny.spec()),
        tiny.alone,
        rows=rows,
    )
    assert (trainer.steps_per_epoch, trainer.total_steps) == (3, 6)  # 2 of 50 photos wait
    seen: list[int] = []
    for step in range(6):
        trainer.steps = step
        seen += trainer._photos_of_step().tolist()
    first, second = seen[:48], seen[48:]
    for epoch in (first, second):
        assert len(set(epoch)) == 48
        assert set(epoch) <= set(range(10, 60))
    assert first != second


def test_the_gradient_is_that_of_the_photos_and_targets_it_names(tiny: Any) -> None:
    recipe = dataclasses.replace(
        PLAIN, optimizer="sgd", momentum=0.0, weight_decay=0.0, clip_norm=0.0, warmup_epochs=0,
        learning_rate=0.5, flip=0.0, label_smoothing=0.1, channels_last=False,
    )  # fmt: skip
    trainer = tiny.trainer(recipe)
    model = copy.deepcopy(trainer.model).train()
    rows = trainer._photos_of_step()
    photos = tiny.photos()
    mean, std = (
        torch.tensor(three).view(1, 3, 1, 1)
        for three in (trainer.preprocessing.mean, trainer.preprocessing.std)
    )
    pictures = (photos.images[rows].float() / 255 - mean) / std
    loss = nn.functional.cross_entropy(model(pictures), photos.labels[rows], label_smoothing=0.1)
    loss.backward()
    told, stop = trainer.step()
    assert not stop
    assert told.item() == pytest.approx(loss.item(), rel=1e-5)
    for (name, old), new in zip(model.named_parameters(), trainer.model.parameters(), strict=True):
        expected = old - 0.5 * old.grad
        assert torch.allclose(new, expected, rtol=1e-3, atol=1e-5), name


def test_parts_add_up_to_the_whole_batch(tiny: Any) -> None:
    """With batch-norm standing still (all frozen) nothing can tell how a batch is cut."""
    recipe = dataclasses.replace(tiny.everything, mixup=0.0, frozen_stages=5)
    whole, parts = (
        tiny.trainer(dataclasses.replace(recipe, micro_batches=count)) for count in (1, 4)
    )
    for _ in range(3):
        losses = [trainer.step()[0].item() for trainer in (whole, parts)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert torch.allclose(whole.model.classifier.weight, parts.model.classifier.weight, atol=1e-6)


def test_statistics_are_the_mean_of_what_each_part_makes_of_them(tiny: Any) -> None:
    recipe = dataclasses.replace(tiny.everything, micro_batches=4)
    trainer = tiny.trainer(recipe)
    model = copy.deepcopy(trainer.model).train()
    start = copy.deepcopy(model.state_dict())
    found = []
    for part in trainer._parts(0, 4):
        model.load_state_dict(start)
        model(trainer._batch(part)[0], part.noise)
        found.append(model.state_dict()["stages.3.0.depthwise.norm.running_var"].clone())
    assert not torch.allclose(found[0], found[1])
    trainer.step()
    kept = trainer.model.state_dict()["stages.3.0.depthwise.norm.running_var"]
    assert torch.allclose(kept, torch.stack(found).mean(0), rtol=1e-5)


def test_gradients_are_clipped_to_the_norm(tiny: Any) -> None:
    recipe = dataclasses.replace(
        PLAIN, optimizer="sgd", momentum=0.0, weight_decay=0.0, warmup_epochs=0, learning_rate=1.0
    )
    moves = []
    for clip in (0.0, 0.01):
        trainer = tiny.trainer(dataclasses.replace(recipe, clip_norm=clip))
        before = [value.detach().clone() for value in trainer.model.parameters()]
        trainer.step()
        pairs = zip(trainer.model.parameters(), before, strict=True)
        moves.append(torch.cat([(new - old).flatten() for new, old in pairs]))
    assert moves[0].norm().item() > 0.1
    assert moves[1].norm().item() == pytest.approx(0.01, rel=1e-3)
    assert torch.cosine_similarity(moves[0], moves[1], dim=0).item() == pytest.approx(1, abs=1e-4)


def test_bfloat16_is_close_to_float32_and_the_weights_stay_float32(tiny: Any) -> None:
    losses = {}
    for precision in ("float32", "bfloat16"):
        trainer = tiny.trainer(dataclasses.replace(PLAIN, precision=precision))
        losses[precision] = trainer.step()[0].item()
        assert {value.dtype for value in trainer.model.parameters()} == {torch.float32}
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)


def test_channels_last_changes_the_layout_alone(tiny: Any) -> None:
    trainers = [
        tiny.trainer(dataclasses.replace(PLAIN, channels_last=last)) for last in (True, False)
    ]
    assert trainers[0].model.stem.conv.weight.is_contiguous(memory_format=torch.channels_last)
    losses = [trainer.step()[0].item() for trainer in trainers]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_photos_that_would_crowd_the_device_stay_where_they_are(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tiny.photos()
    asked: list[torch.device] = []

    def room(device: torch.device) -> int:
        asked.append(device)
        return 2 * photos.images.nbytes - 1

    monkeypatch.setattr(trainer_module, "free_bytes", room)
    meta = torch.device("meta")
    assert trainer_module._at_hand(photos.images, meta).device.type == "cpu"
    monkeypatch.setattr(trainer_module, "free_bytes", lambda device: 2 * photos.images.nbytes)
    assert trainer_module._at_hand(photos.images, meta).device.type == "meta"
    assert asked == [meta]


def test_what_cannot_be_trained_is_a_sentence(tiny: Any) -> None:
    with pytest.raises(TrainingError, match="80 photos to train on, fewer than one batch of 96"):
        tiny.trainer(dataclasses.replace(PLAIN, batch=96))
    two = World(0, 2, torch.device("cpu"))
    with pytest.raises(TrainingError, match="set micro_batches to a multiple of 2"):
        tiny.trainer(PLAIN, world=two)
    with pytest.raises(InvalidInput, match="needs CUDA devices"):
        tiny.trainer(dataclasses.replace(PLAIN, sync_batch_norm=True))


def test_a_recipe_that_is_silent_leaves_the_spec_as_it_is(tiny: Any) -> None:
    spec = tiny.spec(dropout=0.37)
    assert trained_spec(spec, Recipe()) == spec
    told = trained_spec(spec, Recipe(dropout=0.0, drop_path=0.2))
    assert (told.dropout, told.stochastic_depth) == (0.0, 0.2)
    assert trained_spec(told, Recipe(dropout=0.0, drop_path=0.2)) == told


@pytest.mark.gpu
def test_on_cuda_photos_and_noise_stay_on_the_device(tiny: Any) -> None:
    cuda = World(0, 1, torch.device("cuda", 0))
    recipe = dataclasses.replace(
        tiny.everything, precision="bfloat16", sync_batch_norm=True, epochs=20, mixup=0.0
    )
    trainer = tiny.trainer(recipe, world=cuda)
    assert trainer.images.device == trainer._parts(0, 2)[0].noise.device == cuda.device
    losses = [trainer.step()[0].item() for _ in range(trainer.total_steps)]
    assert trainer.is_finite()
    assert sum(losses[-10:]) < sum(losses[:10])
