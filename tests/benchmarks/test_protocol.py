"""The protocol: blocks of calls in rotating rounds, again while others disturb, and quartiles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import protocol
from benchmarks.protocol import Block, Call, Plan, paired_ratio, pooled, summary, time_in_blocks


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the watch says, block by block; 0 after the last."""
    told: list[float] = []

    class Told:
        def others(self) -> float:
            return told.pop(0) if told else 0.0

    monkeypatch.setattr(protocol, "Watch", Told)
    return told


def test_blocks_rotate_and_begin_with_calls_that_are_not_timed(others: list[float]) -> None:
    events: list[str] = []
    names = ("a", "b", "c")
    calls = [lambda name=name: events.append(name) for name in names]
    plan = Plan(rounds=3, seconds=0, untimed=2, pause_seconds=0)
    blocks = time_in_blocks(calls, plan)
    assert "".join(events) == "abc" + "aaabbbccc" + "bbbcccaaa" + "cccaaabbb"
    assert [[len(block.times) for block in each] for each in blocks] == [[1] * 3] * 3


def test_calls_are_timed_until_the_time_is_up(
    others: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock: Iterator[float] = iter(range(100))
    monkeypatch.setattr(protocol.time, "perf_counter", lambda: next(clock))  # 1 s a call
    plan = Plan(rounds=1, seconds=2.5, untimed=0, pause_seconds=0)
    ((block,),) = time_in_blocks([lambda: None], plan)
    assert block.times == (1000.0, 1000.0, 1000.0)


def test_a_plan_may_bring_its_own_timer(others: list[float]) -> None:
    def timer(call: Call) -> float:
        assert call() == "called"
        return 3.0

    plan = Plan(rounds=1, seconds=0.008, untimed=0, pause_seconds=0, timer=timer)
    ((block,),) = time_in_blocks([lambda: "called"], plan)
    assert block.times == (3.0, 3.0, 3.0)


@pytest.mark.parametrize(
    ("told", "blocks", "kept"),
    [
        ([0.02], 1, 0.02),
        ([0.5, 0.02, 0.9], 2, 0.02),
        ([0.5, 0.3, 0.4, 0.0], 3, 0.3),  # three tries; the least disturbed counts
    ],
)
def test_a_disturbed_block_is_timed_again(
    others: list[float], told: list[float], blocks: int, kept: float
) -> None:
    others += told
    calls: list[None] = []
    plan = Plan(rounds=1, seconds=0, untimed=0, tries=3, pause_seconds=0)
    ((block,),) = time_in_blocks([lambda: calls.append(None)], plan)
    assert (block.others, len(calls)) == (kept, 1 + blocks)


def test_the_ratio_is_of_rounds_and_the_median_of_all_calls() -> None:
    ours = (Block((1.0, 1.0, 7.0), 0), Block((4.0,), 0), Block((1.0,), 0))
    peer = (Block((2.0,), 0), Block((4.0, 4.0), 0), Block((10.0,), 0))
    assert pooled(ours).median == 1.0
    ratio = paired_ratio(ours, peer)  # 1/2, 4/4, 1/10
    assert (ratio.low, ratio.median, ratio.high) == pytest.approx((0.3, 0.5, 0.75))


def test_summary_is_median_and_quartiles() -> None:
    timing = summary([5.0, 1.0, 2.0, 3.0, 4.0])
    assert (timing.low, timing.median, timing.high) == (2.0, 3.0, 4.0)
