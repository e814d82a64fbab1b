"""The average of the weights against one worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from effnet_core.training.averaging import WeightAverage


def weights(value: float, count: int = 0) -> nn.Module:
    """One parameter, one buffer of floats and one of whole numbers."""
    module = nn.Module()
    module.weight = nn.Parameter(torch.tensor([value]))
    module.register_buffer("mean", torch.tensor([10 * value]))
    module.register_buffer("count", torch.tensor(count))
    return module


def test_three_steps_by_hand() -> None:
    # d is min(0.25, (1 + n) / (10 + n)): 2/11, 3/12 = 0.25, and 0.25, for 4/13 is more.
    average = WeightAverage(weights(1.0), 0.25)
    average.update(weights(2.0, 5))
    first = 1 * 2 / 11 + 2 * 9 / 11
    assert average.tensors["weight"].item() == pytest.approx(first)
    average.update(weights(4.0, 6))
    second = first * 0.25 + 4 * 0.75
    assert average.tensors["weight"].item() == pytest.approx(second)
    average.update(weights(-1.0, 7))
    third = second * 0.25 - 1 * 0.75
    assert average.tensors["weight"].item() == pytest.approx(third)
    assert average.tensors["mean"].item() == pytest.approx(10 * third)
    assert average.tensors["count"].item() == 7


def test_it_is_a_copy_that_leaves_the_weights_alone() -> None:
    model = weights(1.0)
    average = WeightAverage(model, 0.9)
    model.get_parameter("weight").data.fill_(5.0)
    assert average.tensors["weight"].item() == 1.0
    average.update(model)
    assert model.get_parameter("weight").item() == 5.0
    assert not average.tensors["weight"].requires_grad


def test_restored_it_goes_on_as_before() -> None:
    average = WeightAverage(weights(1.0), 0.999)
    for value in (2.0, 3.0):
        average.update(weights(value))
    other = WeightAverage(weights(7.0), 0.999)
    other.restore(average.state())
    for one in (average, other):
        one.update(weights(9.0))
    assert other.updates == average.updates == 3
    assert torch.equal(other.tensors["weight"], average.tensors["weight"])
