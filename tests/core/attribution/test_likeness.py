"""Overlap and rank correlation of maps, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from effnet_core.attribution.likeness import likeness, on_part, overlap, rank_correlation

WHOLE = (0.0, 0.0, 4.0, 4.0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # p = (1/4, 0, 3/4, 0), q = (1/2, 1/2, 0, 0): 1/4 together.
        ([[1, 0], [3, 0]], [[5, 5], [0, 0]], 0.25),
        ([[1, 2], [3, 4]], [[10, 20], [30, 40]], 1.0),
        ([[1, 0], [0, 0]], [[0, 1], [0, 0]], 0.0),
        # What speaks against does not count: p = (1, 0, 0, 0), q = (1/2, 1/2, 0, 0).
        ([[2, -9], [0, -1]], [[1, 1], [-1, 0]], 0.5),
        ([[-1, -2], [0, 0]], [[1, 1], [1, 1]], 0.0),
    ],
)
def test_overlap_by_hand(first: list[list[int]], second: list[list[int]], expected: float) -> None:
    maps = np.array(first, np.float32), np.array(second, np.float32)
    assert overlap(*maps) == pytest.approx(expected)
    assert overlap(*maps[::-1]) == pytest.approx(expected)


def test_rank_correlation_by_hand() -> None:
    # Ranks 1 2 3 4 and 2 1 3 4: 1 − 6 · Σd² / (n (n² − 1)) = 1 − 6 · 2 / 60.
    first, second = np.array([[1.0, 2.0], [3.0, 9.0]]), np.array([[5.0, 4.0], [6.0, 7.0]])
    assert rank_correlation(first, second) == pytest.approx(0.8)


def test_rank_correlation_is_scipys() -> None:
    generator = np.random.default_rng(4)
    first = generator.integers(0, 9, (7, 8)).astype(np.float32)  # many equal values
    second = first + 4 * generator.random((7, 8), dtype=np.float32)
    expected = spearmanr(first.ravel(), second.ravel()).statistic
    assert rank_correlation(first, second) == pytest.approx(expected)
    assert rank_correlation(first, np.exp(first)) == pytest.approx(1)
    assert rank_correlation(first, -first) == pytest.approx(-1)
    assert rank_correlation(first, np.ones_like(first)) == 0


def test_maps_are_compared_where_both_views_lie() -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    middle = on_part(values, WHOLE, (1.0, 1.0, 3.0, 3.0), side=2)
    np.testing.assert_allclose(middle, [[5, 6], [9, 10]])
    inner = values[1:3, 1:3]  # another network, which sees the middle alone
    found = likeness(values, inner, WHOLE, (1.0, 1.0, 3.0, 3.0))
    assert found.rank_correlation > 0.95
    moved = likeness(values, inner[::-1, ::-1], WHOLE, (1.0, 1.0, 3.0, 3.0))
    assert moved.rank_correlation < -0.95


def test_a_map_is_wholly_like_itself_at_any_grid() -> None:
    values = np.random.default_rng(0).normal(size=(7, 9)).astype(np.float32)
    found = likeness(values, 3 * values, WHOLE, WHOLE)
    assert found.overlap == pytest.approx(1, abs=1e-6)
    assert found.rank_correlation == pytest.approx(1, abs=1e-3)
