"""The drawn data set."""

from __future__ import annotations

import numpy as np

from effnet_core.datasets.drawn import SHAPES, draw, drawn_zip


def test_a_drawn_shape_is_not_empty_and_the_zip_is_a_function_of_its_arguments() -> None:
    assert drawn_zip(2) == drawn_zip(2) != drawn_zip(2, seed=1)
    for shape in SHAPES:
        picture = np.asarray(draw(shape, np.random.default_rng(5)).convert("L"), float)
        assert picture.shape == (64, 64)
        assert abs(picture - np.median(picture)).max() > 60
