"""Boxes from a photo's pixels to the model's view: worked out by hand, and as the pixels go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from effnet_core.attribution.boxes import Box, view_box
from effnet_core.images import Preprocessing, model_view

# 64 pixels grow to 80 (1.25 times) and lose 4 on each side.
CROPPED = Preprocessing(resize=80, crop=72)
WHOLE = Preprocessing(resize=72, crop=72)


@pytest.mark.parametrize(
    ("pixels", "preprocessing", "expected"),
    [
        ((16, 24, 31, 47), CROPPED, (16.0, 26.0, 36.0, 56.0)),  # 20…40 − 4, 30…60 − 4
        ((0, 8, 63, 39), CROPPED, (0.0, 6.0, 72.0, 46.0)),  # −4…76, cut on both sides
        ((0, 0, 63, 63), WHOLE, (0.0, 0.0, 72.0, 72.0)),
        ((8, 8, 8, 15), WHOLE, (9.0, 9.0, 10.125, 18.0)),  # one pixel wide
    ],
)
def test_a_photos_box_in_the_view(
    pixels: tuple[int, ...], preprocessing: Preprocessing, expected: tuple[float, ...]
) -> None:
    box = view_box(pixels, (64, 64), preprocessing)
    assert box is not None
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx(expected)


@pytest.mark.parametrize(
    "pixels",
    [
        (-1, -1, -1, -1),
        (10, 20, 9, 30),  # ends before it begins
        (10, 20, 30, 19),
        (0, 0, 2, 63),  # 0…3.75 after enlarging: all cut off by the crop
    ],
)
def test_no_box(pixels: tuple[int, ...]) -> None:
    assert view_box(pixels, (64, 64), CROPPED) is None


@given(
    x=st.tuples(st.integers(0, 63), st.integers(0, 63)).map(sorted),
    y=st.tuples(st.integers(0, 47), st.integers(0, 47)).map(sorted),
)
def test_coverage_is_what_averaging_makes_of_a_white_box(x: list[int], y: list[int]) -> None:
    """A view at half the size whose pixels are means of 2 × 2 shows each pixel's part inside."""
    halved = Preprocessing(resize=24, crop=20, interpolation="box")
    photo = np.zeros((48, 64, 3), dtype=np.uint8)
    photo[y[0] : y[1] + 1, x[0] : x[1] + 1] = 255
    seen = np.asarray(model_view(Image.fromarray(photo), halved))[:, :, 0] / 255
    box = view_box((x[0], y[0], x[1], y[1]), (64, 48), halved)
    coverage = np.zeros((20, 20)) if box is None else box.coverage((20, 20))
    np.testing.assert_allclose(coverage, seen, atol=0.01)  # 8 bits


def test_coverage_and_distances_by_hand() -> None:
    box = Box(left=0.5, top=0.0, right=2.0, bottom=1.25)
    np.testing.assert_allclose(box.coverage((2, 3)), [[0.5, 1, 0], [0.125, 0.25, 0]])
    assert box.share((2, 3)) == pytest.approx(1.875 / 6)
    # Centres at 0.5, 1.5, 2.5 across and 0.5, 1.5 down; the last is 0.5 right and 0.25 below.
    np.testing.assert_allclose(
        box.distances((2, 3)), [[0, 0, 0.5], [0.25, 0.25, np.hypot(0.5, 0.25)]]
    )
