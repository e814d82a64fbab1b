"""Rows with a limit in place of a peer."""

from __future__ import annotations

import pytest

from benchmarks.limits import limited, slowest, table


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


def test_the_table_says_what_was_missed() -> None:
    lines = table([limited("one", [1.0, 2.0], 2.0), limited("two", [1.0, 2.0], 1.0)]).split("\n")
    assert [line.split(": ")[1] for line in lines] == ["met, 2 times", "missed, 2 times"]
