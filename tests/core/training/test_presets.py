"""Recipes to begin with."""

from __future__ import annotations

import pytest

from effnet_core.errors import InvalidInput
from effnet_core.training.presets import RATES, suited
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
    assert set(RATES) == set(CHOICES["optimizer"])
    for optimizer, rate in RATES.items():
        suits = suited(100, fine_tuning=True, optimizer=optimizer)
        assert (suits.optimizer, suits.learning_rate) == (optimizer, rate)
    assert suited(100, fine_tuning=True, learning_rate=0.5).learning_rate == 0.5


def test_too_few_photos_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 photos are too few"):
        suited(2, fine_tuning=True)


def test_easy_classes_are_not_made_harder() -> None:
    hard, easy = (suited(800, fine_tuning=False, easy=easy) for easy in (False, True))
    assert (easy.drop_path, easy.dropout, easy.label_smoothing) == (0.0, 0.0, 0.0)
    assert easy.crop_area[0] > hard.crop_area[0] and easy.held_out == hard.held_out == 160
