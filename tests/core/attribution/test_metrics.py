"""Each metric on a toy of a few pixels, worked out by hand."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from effnet_core.attribution.boxes import Box
from effnet_core.attribution.controls import random_map
from effnet_core.attribution.metrics import (
    curve,
    drop,
    energy_inside,
    enlarged,
    exchanged,
    explained,
    increase,
    pointing_game,
)
from effnet_core.errors import InvalidInput
from tests.core.attribution.curves import deletion, insertion

SQUARE = (2, 2)
RISING = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
RIGHT_COLUMN = Box(left=1, top=0, right=2, bottom=2)
TOP_ROW = Box(left=0, top=0, right=2, bottom=1)

# Two channels of four pixels. Pixel by pixel 3·first + second = 4, 3, 2, 1 tenths: together 1.
PICTURE = np.array([[[0.1, 0.1], [0.0, 0.0]], [[0.1, 0.0], [0.2, 0.1]]], dtype=np.float32)
FALLING = np.array([[4.0, 3.0], [2.0, 1.0]], dtype=np.float32)
DARK = np.zeros_like(PICTURE)


def linear(pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """A network that needs no layers: 3 · first channel + second, summed over the pixels."""
    return np.einsum("nchw,c->n", pictures.astype(np.float64), [3.0, 1.0])


def test_enlarging_is_torchs_bilinear_interpolation() -> None:
    coarse = random_map((3, 5), np.random.default_rng(1))
    torchs = F.interpolate(torch.from_numpy(coarse)[None, None], size=(72, 60), mode="bilinear")
    np.testing.assert_allclose(enlarged(coarse, (72, 60)), torchs[0, 0].numpy(), atol=1e-6)
    assert enlarged(coarse, (3, 5)) is coarse


@pytest.mark.parametrize(
    ("values", "box", "expected"),
    [
        (RISING, RIGHT_COLUMN, 1.0),  # 4 is in the right column
        (RISING, TOP_ROW, 0.0),
        (np.array([[5.0, 1.0], [1.0, 5.0]]), RIGHT_COLUMN, 0.5),  # one of the two largest
        (np.array([[-1.0, -2.0], [-3.0, -4.0]]), Box(left=0, top=0, right=1, bottom=1), 0.25),
    ],
)
def test_pointing_game_by_hand(values: npt.NDArray[np.float64], box: Box, expected: float) -> None:
    assert pointing_game(values, box, SQUARE) == expected


def test_the_corner_of_an_enlarged_map_is_a_plateau_and_counts_by_its_part() -> None:
    """[[1, 0]] at 8 × 8: columns 0 and 1 lie left of the first value's middle, both hold 1."""
    edge = np.array([[1.0, 0.0]], dtype=np.float32)
    assert enlarged(edge, (8, 8))[0] == pytest.approx([1, 1, 0.875, 0.625, 0.375, 0.125, 0, 0])
    assert pointing_game(edge, Box(left=1, top=0, right=8, bottom=4), (8, 8)) == 0.25


def test_pointing_game_allows_the_tolerance_asked_for() -> None:
    """The largest value's centre (1.5, 1.5) is half a pixel below the top row."""
    assert pointing_game(RISING, TOP_ROW, SQUARE, tolerance=0.49) == 0.0
    assert pointing_game(RISING, TOP_ROW, SQUARE, tolerance=0.5) == 1.0


@pytest.mark.parametrize(
    ("values", "box", "expected"),
    [
        (RISING, RIGHT_COLUMN, 0.6),  # (2 + 4) / 10
        (RISING, Box(left=0, top=0, right=1.5, bottom=2), 0.7),  # (1 + 3 + (2 + 4) / 2) / 10
        (np.array([[-9.0, 2.0], [3.0, -9.0]]), TOP_ROW, 0.4),  # 2 / (2 + 3)
        (-RISING, Box(left=0, top=0, right=1.5, bottom=1), 0.375),  # the box's part
    ],
)
def test_energy_by_hand(values: npt.NDArray[np.float32], box: Box, expected: float) -> None:
    assert energy_inside(values, box, SQUARE) == pytest.approx(expected)


@given(
    x=st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted),
    y=st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted),
)
def test_a_map_that_is_the_box_is_right_altogether(x: list[int], y: list[int]) -> None:
    box = Box(left=x[0], top=y[0], right=x[1] + 1, bottom=y[1] + 1)
    indicator = box.coverage((13, 13))
    assert set(np.unique(indicator)) <= {0.0, 1.0}
    assert pointing_game(indicator, box, (13, 13)) == 1.0
    assert energy_inside(indicator, box, (13, 13)) == pytest.approx(1.0)


def test_deletion_of_a_linear_toy_by_hand() -> None:
    """What is left: 1, less 0.4, less 0.3, less 0.2, less 0.1."""
    best = deletion(FALLING, PICTURE, linear, steps=4)
    assert best.fractions == (0, 0.25, 0.5, 0.75, 1)
    assert best.confidences == pytest.approx([1, 0.6, 0.3, 0.1, 0], abs=1e-7)
    assert best.area == pytest.approx((0.5 + 0.6 + 0.3 + 0.1 + 0) / 4)
    worst = deletion(-FALLING, PICTURE, linear, steps=4)
    assert worst.confidences == pytest.approx([1, 0.9, 0.7, 0.4, 0], abs=1e-7)
    assert worst.area == pytest.approx(0.625)


def test_insertion_of_a_linear_toy_by_hand() -> None:
    """From a blurred picture worth 0.2 in all; each pixel adds its tenths less 0.05."""
    blurred = np.zeros_like(PICTURE)
    blurred[1] = 0.05
    found = insertion(FALLING, PICTURE, blurred, linear, steps=4)
    assert found.confidences == pytest.approx([0.2, 0.55, 0.8, 0.95, 1.0])
    assert found.area == pytest.approx((0.1 + 0.55 + 0.8 + 0.95 + 0.5) / 4)


def test_steps_that_do_not_divide_the_pixels_keep_true_fractions() -> None:
    """3 steps through 4 pixels exchange 1, 2 and 4 of them: areas 0.25·0.8, 0.25·0.45, 0.5·0.15."""
    found = deletion(FALLING, PICTURE, linear, steps=3)
    assert found.fractions == (0, 0.25, 0.5, 1)
    assert found.confidences == pytest.approx([1, 0.6, 0.3, 0], abs=1e-7)
    assert found.area == pytest.approx(0.2 + 0.1125 + 0.075)


def test_one_step_is_the_straight_line_between_the_ends() -> None:
    found = deletion(RISING, PICTURE, linear, steps=1)
    assert astuple(found) == ((0.0, 1.0), (pytest.approx(1), 0.0))
    assert curve([0.2, 0.8], (3, 3)).area == pytest.approx(0.5)


@pytest.mark.parametrize("steps", [0, -1, 5])
def test_unusable_steps_are_refused(steps: int) -> None:
    with pytest.raises(InvalidInput, match="from 1 to one a pixel, 4; got"):
        exchanged(RISING, PICTURE, DARK, steps)


def test_equal_values_are_exchanged_in_no_direction_and_always_alike() -> None:
    """Half of an even map's pixels are exchanged after half the steps, in every quarter some."""
    even, white, black = np.ones((1, 1)), np.ones((1, 32, 32), np.float32), np.zeros((1, 32, 32))
    between = exchanged(even, black.astype(np.float32), white, 4)
    assert between.shape == (3, 1, 32, 32)
    assert between.sum(axis=(1, 2, 3)).tolist() == [256, 512, 768]
    assert (np.diff(between, axis=0) >= 0).all()  # what has come stays
    half = between[1, 0]
    quarters = half.reshape(2, 16, 2, 16).mean(axis=(1, 3))
    assert ((quarters > 0.4) & (quarters < 0.6)).all()
    np.testing.assert_array_equal(between, exchanged(even, black.astype(np.float32), white, 4))


def test_explanation_map_by_hand() -> None:
    """Positive part over its largest value: 0, 0.5, 0, 1."""
    values = np.array([[-1.0, 2.0], [0.0, 4.0]], dtype=np.float32)
    kept = explained(values, PICTURE)
    np.testing.assert_allclose(kept, np.array([[[0, 0.05], [0, 0]], [[0, 0], [0, 0.1]]]))
    assert kept.dtype == np.float32
    np.testing.assert_array_equal(explained(-RISING, PICTURE), DARK)
    np.testing.assert_array_equal(explained(np.full((1, 1), 0.01), PICTURE), PICTURE)


def test_average_drop_and_increase_by_hand() -> None:
    """Three photos: from 0.8 to 0.6, from 0.5 to 0.7, from 0.4 to 0.4."""
    pairs = ((0.8, 0.6), (0.5, 0.7), (0.4, 0.4))
    assert [drop(*pair) for pair in pairs] == pytest.approx([0.25, 0, 0])
    assert [increase(*pair) for pair in pairs] == [0, 1, 0]
    assert drop(0.0, 0.0) == 0.0
