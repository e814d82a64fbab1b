"""The rows of the benchmark in Chromium: a limit in place of a peer."""

from __future__ import annotations

import pytest

from benchmarks.browser import limited, slowest


@pytest.mark.parametrize(("limit", "met"), [(3.0, True), (2.9, False)])
def test_a_limit_on_the_median(limit: float, met: bool) -> None:
    row = limited("name", [1.0, 2.0, 3.0, 4.0, 90.0], limit)
    assert (row.ours, row.peer, row.met, row.runs) == (3.0, limit, met, 5)
    assert row.ratio == pytest.approx(3.0 / limit)


def test_a_limit_on_what_95_percent_keep_below() -> None:
    times = [float(number) for number in range(101)]
    row = slowest("name", times, 95.0)
    assert row.ours == 95.0 and row.met
    assert not slowest("name", [*times, 500.0], 95.0).met
