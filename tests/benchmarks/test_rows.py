"""Rows: who is compared with whom, and the verdict."""

from __future__ import annotations

import time
from functools import partial

import pytest

from benchmarks.protocol import Plan
from benchmarks.rows import Peer, beside, compare, slow_end, unmeasured

PLAN = Plan(rounds=3, seconds=0, untimed=0, tries=1, pause_seconds=0)
QUICK, SLOW = partial(time.sleep, 0.001), partial(time.sleep, 0.02)


def test_one_row_a_peer_in_their_order_with_what_was_met() -> None:
    peers = [
        Peer(name="slow", call=SLOW, target=1 / 2),
        Peer(name="absent", call=None, target=0.1, note="absent: not installed."),
        Peer(name="as quick", call=QUICK, target=1 / 2),
        Peer(name="no target", call=SLOW),
    ]
    slow, absent, quick, no_target = compare("what", QUICK, peers, PLAN)
    assert [row.name for row in (slow, absent, quick, no_target)] == ["what"] * 4
    assert (slow.met, absent.met, quick.met, no_target.met) == (True, None, False, None)
    assert slow.ours is not None and slow.peer is not None and slow.ratio is not None
    assert slow.ours < slow.peer and slow.ratio < 1 / 2
    assert slow.ours == quick.ours == absent.ours  # timed once, in the same rounds
    assert (absent.peer, absent.ratio, absent.note) == (None, None, "absent: not installed.")
    assert (slow.passes, slow.peer_passes) == (3, 3)


def test_with_no_peer_at_all_ours_is_timed() -> None:
    (row,) = compare("what", QUICK, [Peer(name="absent", call=None, note="why")], PLAN)
    assert row.ours is not None and row.ours >= 1.0


def test_what_could_not_be_measured_is_neither_met_nor_missed() -> None:
    row = unmeasured("what", "Chromium was not found.")
    assert (row.ours, row.ratio, row.met, row.note) == (None, None, None, "Chromium was not found.")


@pytest.mark.parametrize("target", [None, 0.5])
def test_a_verdict_needs_a_target(target: float | None) -> None:
    (row,) = compare("what", QUICK, [Peer(name="slow", call=SLOW, target=target)], PLAN)
    assert row.met is (None if target is None else True)


def test_values_taken_elsewhere_stand_beside_each_other_round_by_round() -> None:
    ours, theirs = [[1.0, 1.0], [4.0, 4.0], [3.0]], [[2.0], [2.0, 2.0], [2.0]]
    row = beside("what", ours, "peer", theirs, 1.5)
    assert (row.ratio, row.met, row.others) == (1.5, True, None)
    assert (row.ours, row.peer, row.passes, row.peer_passes) == (3.0, 2.0, 5, 4)
    assert beside("what", ours, "peer", theirs, 1.4).met is False


def test_the_slow_end_of_both_sides_has_no_target() -> None:
    values = [float(number) for number in range(101)]
    row = slow_end("what", [values], "peer", [values[:50], [2 * each for each in values[50:]]])
    assert (row.ours, row.peer, row.ratio) == (95.0, 190.0, 0.5)
    assert (row.ours_quartiles, row.target, row.met) == ((95.0, 100.0), None, None)
