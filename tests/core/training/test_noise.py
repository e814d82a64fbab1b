"""Dropout and stochastic depth: drawn for each photo by itself, as often as the spec says."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from effnet_core.network.layers import Block
from effnet_core.training.trainer import noise, trained_spec

COUNT = 4000
CPU = torch.device("cpu")


def dropped(tiny: Any, recipe: Any) -> dict[int, Tensor]:
    """Which samples' branch each block with a shortcut dropped in one pass, bool (COUNT,)."""
    model = tiny.model(recipe).train()
    found: dict[int, Tensor] = {}
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    for number, block in enumerate(blocks):

        def merge(
            x: Tensor,
            shortcut: Tensor,
            draws: Tensor | None = None,
            number: int = number,
            block: Block = block,
        ) -> Tensor:
            ones = torch.ones(len(x), 1, 1, 1)
            found[number] = Block.merge(block, ones, torch.zeros(()), draws).flatten() == 0
            return Block.merge(block, x, shortcut, draws)

        vars(block)["merge"] = merge
    with torch.no_grad():
        model(torch.zeros(COUNT, 3, 32, 32), noise(model, COUNT, seed=3, step=7, device=CPU))
    return found


def test_each_block_is_dropped_as_often_as_its_spec_says(tiny: Any) -> None:
    recipe = dataclasses.replace(tiny.everything, drop_path=0.5)
    spec = trained_spec(tiny.spec(), recipe)
    assert [block.drop_path for block in spec.blocks] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    found = dropped(tiny, recipe)
    assert list(found) == [number for number, block in enumerate(spec.blocks) if block.skip]
    for number, samples in found.items():
        rate = spec.blocks[number].drop_path
        spread = (rate * (1 - rate) / COUNT) ** 0.5
        assert abs(samples.double().mean().item() - rate) <= 4 * spread


def test_blocks_are_dropped_independently_of_each_other(tiny: Any) -> None:
    found = dropped(tiny, dataclasses.replace(tiny.everything, drop_path=0.9))
    one, other = (found[number].double() for number in (2, 3))
    together = (one * other).mean().item()
    assert together == pytest.approx(one.mean().item() * other.mean().item(), abs=0.03)


def test_what_is_kept_is_scaled_so_that_the_mean_stays(tiny: Any) -> None:
    block = tiny.model(dataclasses.replace(tiny.everything, drop_path=0.5)).blocks(2)[1].train()
    assert block.drop_path == pytest.approx(0.2)
    branch, draws = torch.full((2, 3, 1, 1), 4.0), torch.tensor([0.79, 0.81])
    merged = block.merge(branch, torch.ones(2, 3, 1, 1), draws)
    assert merged[0].flatten().tolist() == pytest.approx([4 / 0.8 + 1] * 3)
    assert merged[1].flatten().tolist() == [1.0] * 3


def test_dropout_drops_pooled_channels_at_its_rate(tiny: Any) -> None:
    model = tiny.model(dataclasses.replace(tiny.everything, dropout=0.3)).train()
    draws = torch.rand(COUNT, 32, generator=torch.Generator().manual_seed(0))
    features = torch.ones(COUNT, 32, 1, 1)
    with torch.no_grad():
        model.classifier.weight.copy_(torch.eye(4, 32))
        answers = model.forward_head(features, draws)
    assert torch.equal(answers != 0, draws[:, :4] < 0.7)
    assert answers.max().item() == pytest.approx(1 / 0.7)
    assert torch.equal(model.eval().forward_head(features, draws), model.forward_head(features))


@pytest.mark.parametrize("parts", [1, 2, 8])
def test_a_photos_noise_does_not_depend_on_how_the_batch_is_cut(tiny: Any, parts: int) -> None:
    recipe = dataclasses.replace(tiny.everything, micro_batches=parts)
    trainer = tiny.trainer(recipe)
    pieces = trainer._parts(0, parts)
    whole = tiny.trainer(dataclasses.replace(recipe, micro_batches=1))._parts(0, 1)[0]
    for name in ("rows", "draws", "noise"):
        assert torch.equal(
            torch.cat([getattr(piece, name) for piece in pieces]), getattr(whole, name)
        )
    rows = {tuple(row) for row in whole.noise.tolist()}
    assert len(rows) == recipe.batch  # no two photos share theirs


def test_noise_is_another_at_another_step_and_seed(tiny: Any) -> None:
    model = tiny.model(tiny.everything)
    tables = [
        noise(model, 8, seed=seed, step=step, device=CPU)
        for seed, step in ((0, 0), (0, 1), (1, 0), (0, 0))
    ]
    assert torch.equal(tables[0], tables[3])
    assert not any(torch.equal(tables[0], other) for other in tables[1:3])
    assert tables[0].shape == (8, model.draw_count) == (8, 5 + 32)


def test_the_global_generator_is_left_alone(tiny: Any) -> None:
    trainer = tiny.trainer(tiny.everything)
    before = torch.random.get_rng_state()
    trainer.step()
    assert torch.equal(torch.random.get_rng_state(), before)
