"""Recipes to begin with, for fine-tuning, and for few photos and a patience of minutes."""

from __future__ import annotations

from effnet_core.errors import InvalidInput
from effnet_core.training.recipe import Optimizer, Policy, Recipe

RATES: dict[Optimizer, float] = {"adamw": 0.002, "sgd": 0.05, "rmsprop": 0.002}
"""Learning rates to begin with, for batches of 16 to 32."""

BASE_RESOLUTION = 128
"""Pixels at φ = 0: the photos people train on here are few, and their patience is minutes."""

EPOCHS = {False: 12, True: 8}
"""Epochs to begin with, by whether it is a fine-tuning."""

FINE_TUNING = Recipe(
    epochs=8,
    batch=32,
    learning_rate=0.05,
    body_rate=0.1,
    weight_decay=1e-4,
    warmup_epochs=0.5,
    ema_decay=0.99,
)
"""Where a fine-tuning's recipe begins: few epochs, and a tenth of the rate for the body."""

_DECAY: dict[Optimizer, float] = {"adamw": 0.02, "sgd": 1e-4, "rmsprop": 1e-5}
_BATCH = {False: 16, True: 32}
_SHARE_HELD_OUT, _MOST_HELD_OUT = 5, 2000
_EASY = {"crop_area": (0.7, 1.0), "label_smoothing": 0.0, "drop_path": 0.0, "dropout": 0.0}


def suited(
    photos: int,
    *,
    fine_tuning: bool,
    easy: bool = False,
    epochs: int | None = None,
    optimizer: Optimizer = "adamw",
    learning_rate: float | None = None,
    policy: Policy = "none",
    frozen_stages: int = 0,
) -> Recipe:
    """A recipe for `photos` training photos, a fifth of them held out; None takes what suits.

    A fine-tuning gives the body a tenth of the learning rate. Classes that are `easy` to tell apart
    are learnt sooner without what is meant to make it harder. Raises InvalidInput, also for fewer
    than three photos.
    """
    held_out = min(max(photos // _SHARE_HELD_OUT, 1), _MOST_HELD_OUT)
    batch = _BATCH[fine_tuning]
    while batch > photos - held_out:
        batch //= 2
    if batch < 2:
        raise InvalidInput(f"{photos} photos are too few to train on and to hold some out.")
    epochs = epochs or EPOCHS[fine_tuning]
    recipe = Recipe(
        epochs=epochs,
        batch=batch,
        optimizer=optimizer,
        learning_rate=learning_rate or RATES[optimizer],
        weight_decay=_DECAY[optimizer],
        warmup_epochs=min(0.5, epochs / 4),
        policy=policy,
        crop_area=(0.5, 1.0),
        label_smoothing=0.1,
        frozen_stages=frozen_stages,
        body_rate=0.1 if fine_tuning else 1.0,
        held_out=held_out,
    )
    return Recipe.from_dict(recipe.to_dict() | _EASY) if easy else recipe
