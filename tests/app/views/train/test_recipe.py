"""What Train says of a network is what a training order makes of it."""

from __future__ import annotations

from app.views.train import recipe
from effnet_core.service.training import orders


def test_the_page_and_the_order_start_from_the_same_pixels() -> None:
    assert recipe.BASE == orders.BASE_RESOLUTION
