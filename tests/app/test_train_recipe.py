"""What Train says of a network is what a training order makes of it."""

from __future__ import annotations

from app.views import train_recipe
from effnet_core.service import training_orders


def test_the_page_and_the_order_start_from_the_same_pixels() -> None:
    assert train_recipe.BASE == training_orders.BASE_RESOLUTION
