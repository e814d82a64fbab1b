"""The rows of the table: this project beside a peer, or beside a limit, and the verdict."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.protocol import Block, Call, Plan, paired_ratio, pooled, time_in_blocks

Quartiles = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison, lower being better: `ratio` is ours over the peer's, met at `target` or less.

    Without a target nothing is met or missed. Where something could not be measured it is None, so
    are ratio and verdict, and `note` says why. `passes` and `peer_passes` are how many values each
    median is of; `others` is the part of the processor that other programs had meanwhile, the worse
    of both sides' medians over blocks.
    """

    name: str
    peer_name: str
    unit: str = "ms"
    ours: float | None = None
    peer: float | None = None
    ours_quartiles: Quartiles | None = None
    peer_quartiles: Quartiles | None = None
    ratio: float | None = None
    ratio_quartiles: Quartiles | None = None
    target: float | None = None
    met: bool | None = None
    passes: int = 0
    peer_passes: int = 0
    others: float | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Somebody else's way: `target` bounds ours over theirs; no `call`: `note` says why."""

    name: str
    call: Call | None
    target: float | None = None
    note: str = ""


def compare(name: str, ours: Call, peers: Sequence[Peer], plan: Plan) -> tuple[Row, ...]:
    """Time our call and every peer that is there in the same rounds; one row a peer."""
    calls = [peer.call for peer in peers if peer.call is not None]
    mine, *others = time_in_blocks([ours, *calls], plan)
    times = iter(others)
    return tuple(
        _absent(name, mine, peer) if peer.call is None else _row(name, mine, peer, next(times))
        for peer in peers
    )


def beside(
    name: str,
    ours: Sequence[Sequence[float]],
    peer_name: str,
    theirs: Sequence[Sequence[float]],
    target: float | None = None,
) -> Row:
    """A row of milliseconds taken by others than `compare`, both sides in the same rounds."""
    mine, other = ([Block(tuple(times), 0.0) for times in rounds] for rounds in (ours, theirs))
    row = _row(name, mine, Peer(name=peer_name, call=None, target=target), other)
    return replace(row, others=None)


def slow_end(
    name: str,
    ours: Sequence[Sequence[float]],
    peer_name: str,
    theirs: Sequence[Sequence[float]],
) -> Row:
    """What 95 % of the values of both sides keep below, without a target.

    In place of the quartiles stand this and the largest value.
    """
    (mine, most), (other, their_most) = (
        (statistics.quantiles(values, n=20, method="inclusive")[-1], max(values))
        for values in ([each for one in rounds for each in one] for rounds in (ours, theirs))
    )
    return Row(
        name=f"{name}, 95 %",
        peer_name=peer_name,
        ours=mine,
        peer=other,
        ours_quartiles=(mine, most),
        peer_quartiles=(other, their_most),
        ratio=mine / other,
        passes=sum(map(len, ours)),
        peer_passes=sum(map(len, theirs)),
    )


def unmeasured(name: str, note: str, *, peer_name: str = "limit", unit: str = "ms") -> Row:
    """A row that says why there is no figure."""
    return Row(name=name, peer_name=peer_name, unit=unit, target=1.0, note=note)


def _row(name: str, mine: Sequence[Block], peer: Peer, other: Sequence[Block]) -> Row:
    ours, theirs, ratio = pooled(mine), pooled(other), paired_ratio(mine, other)
    return Row(
        name=name,
        peer_name=peer.name,
        ours=ours.median,
        peer=theirs.median,
        ours_quartiles=(ours.low, ours.high),
        peer_quartiles=(theirs.low, theirs.high),
        ratio=ratio.median,
        ratio_quartiles=(ratio.low, ratio.high),
        target=peer.target,
        met=None if peer.target is None else ratio.median <= peer.target,
        passes=_calls(mine),
        peer_passes=_calls(other),
        others=max(_others(mine), _others(other)),
        note=peer.note,
    )


def _calls(blocks: Sequence[Block]) -> int:
    return sum(len(block.times) for block in blocks)


def _others(blocks: Sequence[Block]) -> float:
    return statistics.median(block.others for block in blocks)


def _absent(name: str, mine: Sequence[Block], peer: Peer) -> Row:
    ours = pooled(mine)
    return Row(
        name=name,
        peer_name=peer.name,
        ours=ours.median,
        ours_quartiles=(ours.low, ours.high),
        target=peer.target,
        passes=_calls(mine),
        note=peer.note,
    )
