"""Rows with a limit in place of a peer: what this project must keep below, whoever else does."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from benchmarks.protocol import Row, summary


def limited(name: str, times: list[float], limit: float) -> Row:
    """A row whose peer is a limit on the median."""
    found = summary(times)
    return _row(name, times, found.median, (found.low, found.high), limit)


def slowest(name: str, times: list[float], limit: float) -> Row:
    """A row whose peer is a limit on what 95 % of the times keep below."""
    most = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return _row(name, times, most, (most, max(times)), limit)


def _row(
    name: str, times: list[float], ours: float, spread: tuple[float, float], limit: float
) -> Row:
    return Row(
        name=name,
        peer_name="limit",
        ours=ours,
        peer=limit,
        ours_quartiles=spread,
        peer_quartiles=(limit, limit),
        ratio=ours / limit,
        target=1.0,
        met=ours <= limit,
        runs=len(times),
        warm_up=0,
    )


def table(rows: Iterable[Row]) -> str:
    """The rows as lines: value with its quartiles (or its largest), limit, verdict."""
    return "\n".join(
        f"{row.name:58}{row.ours:9.1f} ({row.ours_quartiles[0]:.1f}–{row.ours_quartiles[1]:.1f}), "
        f"limit {row.peer:g}: {'met' if row.met else 'missed'}, {row.runs} times"
        for row in rows
    )
