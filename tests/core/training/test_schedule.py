"""Rates and resolutions against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from effnet_core.training.recipe import Recipe
from effnet_core.training.schedule import rate_factor, resolution_at, work

COSINE = Recipe(epochs=10, warmup_epochs=2, schedule="cosine")
STEP = Recipe(epochs=10, warmup_epochs=0, schedule="step", decay_factor=0.5, decay_epochs=2.4)


def test_the_warm_up_rises_evenly_and_never_from_nothing() -> None:
    # 2 epochs of 4 steps: 1/9 … 8/9, and the first step after it has the whole rate.
    rates = [rate_factor(COSINE, step, 4) for step in range(9)]
    assert rates == pytest.approx([*(n / 9 for n in range(1, 9)), 1.0])


def test_a_warm_up_of_part_of_an_epoch() -> None:
    half = Recipe(epochs=10, warmup_epochs=0.5)
    assert [rate_factor(half, step, 4) for step in range(3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_the_cosine_falls_from_the_end_of_the_warm_up_to_zero() -> None:
    # After the warm-up 8 epochs are left; 2, 4 and 6 of them are at cos(45°), cos(90°), cos(135°).
    at = {epoch: rate_factor(COSINE, epoch * 4, 4) for epoch in (4, 6, 8)}
    assert at[4] == pytest.approx((1 + math.sqrt(0.5)) / 2)
    assert at[6] == pytest.approx(0.5)
    assert at[8] == pytest.approx((1 - math.sqrt(0.5)) / 2)
    assert 0 < rate_factor(COSINE, 39, 4) < 0.003
    assert rate_factor(COSINE, 40, 4) == pytest.approx(0)


def test_the_papers_steps() -> None:
    # 10 steps an epoch: 2.4, 4.8, 7.2 and 9.6 epochs are steps 24, 48, 72 and 96.
    rates = [rate_factor(STEP, step, 10) for step in range(100)]
    changes = [step for step in range(1, 100) if rates[step] != rates[step - 1]]
    assert changes == [24, 48, 72, 96]
    assert (rates[0], rates[50], rates[99]) == (1.0, 0.25, 0.0625)


def test_steps_count_from_the_start_of_training_through_the_warm_up() -> None:
    warm = Recipe(epochs=10, warmup_epochs=5, schedule="step", decay_factor=0.5, decay_epochs=2.4)
    assert rate_factor(warm, 50, 10) == 0.25


def test_every_decay_falls_on_its_step_whatever_the_epochs_length() -> None:
    for steps in (1, 3, 7, 10, 703):
        for times in range(1, 40):
            step = round(2.4 * times * steps)
            if step / steps == 2.4 * times:  # only then is there a step at that very moment
                recipe = Recipe(epochs=1000, warmup_epochs=0, schedule="step", decay_factor=0.5)
                assert rate_factor(recipe, step, steps) == 0.5**times


def test_resolution_steps_up_by_quarters_to_the_whole() -> None:
    recipe = Recipe(epochs=8, first_resolution=0.5)
    # 0.5, 0.667, 0.833 and 1 of 128, to multiples of 8.
    assert [resolution_at(recipe, e, 128) for e in range(8)] == [64, 64, 88, 88, 104, 104, 128, 128]
    assert resolution_at(recipe, 7, 100) == 100  # the network's own is taken as it is
    assert [resolution_at(recipe, e, 40) for e in range(0, 8, 2)] == [32, 32, 32, 40]


def test_without_progressive_learning_the_resolution_stays() -> None:
    assert {resolution_at(Recipe(epochs=8), e, 72) for e in range(8)} == {72}
    short = Recipe(epochs=3, first_resolution=0.5)
    assert {resolution_at(short, e, 72) for e in range(3)} == {72}


def test_work_goes_by_pixels() -> None:
    recipe = Recipe(epochs=4, first_resolution=0.5)  # 32, 40, 56 and 64 pixels
    shares = [(side / 64) ** 2 for side in (32, 40, 56, 64)]
    assert work(recipe, 0, 10, 64) == 0
    assert work(recipe, 5, 10, 64) == pytest.approx(5 * shares[0])
    assert work(recipe, 25, 10, 64) == pytest.approx(10 * (shares[0] + shares[1]) + 5 * shares[2])
    assert work(recipe, 40, 10, 64) == pytest.approx(10 * sum(shares))
