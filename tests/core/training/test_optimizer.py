"""Who is trained, at which rate and decay."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest
import torch
from torch import nn, optim

from effnet_core.errors import InvalidInput
from effnet_core.training.optimizer import freeze, make_optimizer, parameter_groups, set_rate
from effnet_core.training.recipe import Optimizer, Recipe

RECIPE = Recipe(weight_decay=0.1, body_rate=0.25, learning_rate=2.0)


def test_only_weights_of_convolutions_and_the_classifier_decay(tiny: Any) -> None:
    model = tiny.model(RECIPE)
    groups = cast(list[dict[str, Any]], parameter_groups(model, RECIPE))
    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    for name, module in model.named_modules():
        for kind, parameter in module.named_parameters(recurse=False):
            decayed = isinstance(module, nn.Conv2d | nn.Linear) and kind == "weight"
            assert decays[id(parameter)] == (0.1 if decayed else 0.0), f"{name}.{kind}"
    assert len(decays) == len(list(model.parameters()))
    assert sum(len(group["params"]) for group in groups) == len(decays)


def test_the_body_has_its_share_of_the_rate(tiny: Any) -> None:
    model = tiny.model(RECIPE)
    optimizer = make_optimizer(model, RECIPE)
    set_rate(optimizer, 0.5)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        assert rates[id(parameter)] == (0.5 if name.startswith("classifier.") else 0.125)


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adamw"])
def test_each_optimizer_is_the_recipes(tiny: Any, name: Optimizer) -> None:
    recipe = dataclasses.replace(RECIPE, optimizer=name, momentum=0.8, rmsprop_decay=0.7)
    optimizer = make_optimizer(tiny.model(recipe), recipe)
    settings = optimizer.param_groups[0]
    if name == "sgd":
        assert isinstance(optimizer, optim.SGD)
        assert (settings["momentum"], settings["nesterov"]) == (0.8, True)
    elif name == "rmsprop":
        assert isinstance(optimizer, optim.RMSprop)
        kept = tuple(settings[key] for key in ("alpha", "momentum", "eps"))
        assert kept == (0.7, 0.8, 1e-3)
    else:
        assert isinstance(optimizer, optim.AdamW)
        assert settings["betas"] == (0.8, 0.999)


def test_sgd_without_momentum_is_plain() -> None:
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(3.0)
    recipe = Recipe(optimizer="sgd", momentum=0.0, weight_decay=0.5, learning_rate=0.1)
    optimizer = make_optimizer(layer, recipe)  # type: ignore[arg-type]
    layer.weight.grad = torch.full((1, 1), 2.0)
    set_rate(optimizer, 0.1)
    optimizer.step()
    assert layer.weight.item() == pytest.approx(3 - 0.1 * (2 + 0.5 * 3))


@pytest.mark.parametrize("stages", [0, 1, 3, 5])
def test_frozen_stages_stay_as_they_are_with_their_statistics(tiny: Any, stages: int) -> None:
    recipe = dataclasses.replace(tiny.everything, frozen_stages=stages)
    trainer = tiny.trainer(recipe)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.step()
    heads = ("stem.", "stages.1.", "stages.2.", "stages.3.", "head.")[:stages]
    for name, value in trainer.model.state_dict().items():
        changed = not torch.equal(value, before[name])
        assert changed == (not name.startswith(heads)), name
    assert sum(p.requires_grad for p in trainer.model.parameters()) == sum(
        not name.startswith(heads) for name, _ in trainer.model.named_parameters()
    )


def test_more_stages_than_there_are_cannot_be_frozen(tiny: Any) -> None:
    with pytest.raises(InvalidInput, match="tiny has 5 stages; 6 cannot be frozen"):
        freeze(tiny.model(RECIPE), 6)
