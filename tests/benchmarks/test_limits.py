"""Rows with a limit in place of a peer."""

from __future__ import annotations

import pytest

from benchmarks.limits import errors, largest, limited


@pytest.mark.parametrize(("limit", "met"), [(3.0, True), (2.9, False)])
def test_a_limit_on_the_median(limit: float, met: bool) -> None:
    row = limited("name", [1.0, 2.0, 3.0, 4.0, 90.0], limit, unit="MB")
    assert (row.ours, row.peer, row.met, row.passes) == (3.0, limit, met, 5)
    assert (row.ours_quartiles, row.unit) == ((2.0, 4.0), "MB")
    assert row.ratio == pytest.approx(3.0 / limit)


@pytest.mark.parametrize(("limit", "met"), [(90.0, True), (89.0, False)])
def test_a_limit_that_no_value_may_pass(limit: float, met: bool) -> None:
    row = largest("name", [3.0, 90.0, 1.0], limit, unit="MB")
    assert (row.ours, row.ours_quartiles, row.unit) == (90.0, (90.0, 90.0), "MB")
    assert (row.met, row.passes) == (met, 3)


def test_limits_on_the_mean_and_the_largest_of_errors() -> None:
    mean, largest = errors("name", [1.0, 2.0, 3.0, 14.0], 5.0, 13.0)
    assert (mean.name, mean.ours, mean.unit, mean.met) == ("name, mean error", 5.0, "%", True)
    assert mean.ours_quartiles == (1.75, 5.75)
    assert (largest.ours, largest.met, largest.passes) == (14.0, False, 4)
