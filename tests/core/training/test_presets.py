"""Recipes to begin with."""

from __future__ import annotations

import pytest

from effnet_core.errors import InvalidInput
from effnet_core.training.presets import RATES, for_drawn, suited
from effnet_core.training.recipe import CHOICES


@pytest.mark.parametrize("fine_tuning", [False, True])
@pytest.mark.parametrize("photos", [3, 7, 10, 100, 20_000])
@pytest.mark.parametrize("epochs", [None, 1, 50])
def test_every_number_of_photos_gets_a_batch_and_some_held_out(
    fine_tuning: bool, photos: int, epochs: int | None
) -> None:
    recipe = suited(photos, fine_tuning=fine_tuning, epochs=epochs)
    assert 1 <= recipe.held_out <= 2000
    assert 2 <= recipe.batch <= photos - recipe.held_out
    assert recipe.body_rate == (0.1 if fine_tuning else 1.0)
    assert epochs is None or recipe.epochs == epochs


def test_every_optimizer_has_a_rate_of_its_own() -> None:
    assert {optimizer for _, optimizer in RATES} == set(CHOICES["optimizer"])
    for (fine_tuning, optimizer), rate in RATES.items():
        suits = suited(100, fine_tuning=fine_tuning, optimizer=optimizer)
        assert (suits.optimizer, suits.learning_rate) == (optimizer, rate)
    assert suited(100, fine_tuning=True, learning_rate=0.5).learning_rate == 0.5


def test_too_few_photos_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 photos are too few"):
        suited(2, fine_tuning=True)


def test_the_shapes_are_not_made_harder() -> None:
    recipe = for_drawn(800)
    assert (recipe.held_out, recipe.drop_path, recipe.label_smoothing) == (160, 0.0, 0.0)
