"""The benchmark's protocol: alternating calls, quartiles, and the verdict."""

from __future__ import annotations

import time

import pytest

from benchmarks.protocol import compare, machine, summary


def test_calls_alternate_after_the_warm_up() -> None:
    events: list[str] = []
    row = compare(
        "name",
        lambda: events.append("ours"),
        "peer",
        lambda: events.append("peer"),
        target=1.0,
        runs=4,
        warm_up=2,
    )
    rounds = [tuple(events[i : i + 2]) for i in range(4, 12, 2)]
    assert events[:4] == ["ours", "peer"] * 2
    assert rounds == [("peer", "ours"), ("ours", "peer")] * 2
    assert (row.runs, row.warm_up) == (4, 2)


def test_the_slower_of_two_misses_its_target() -> None:
    def slow() -> None:
        time.sleep(0.01)

    def quick() -> None:
        time.sleep(0.001)

    missed = compare("slow", slow, "quick", quick, target=1.0, runs=4)
    assert missed.ratio == pytest.approx(missed.ours / missed.peer)
    assert missed.ours >= 10
    assert missed.ratio > 2
    assert not missed.met
    assert compare("quick", quick, "slow", slow, target=1.0, runs=4).met


def test_summary_is_median_and_quartiles() -> None:
    timing = summary([5.0, 1.0, 2.0, 3.0, 4.0])
    assert (timing.low, timing.median, timing.high) == (2.0, 3.0, 4.0)


def test_machine_says_what_times_depend_on() -> None:
    assert set(machine()) == {"processor", "cores", "threads", "system", "python"}
