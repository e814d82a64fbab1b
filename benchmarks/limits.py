"""Rows with a limit in place of a peer: what this project must keep below, whoever else does."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.protocol import summary
from benchmarks.rows import Quartiles, Row


def limited(name: str, values: Sequence[float], limit: float, *, unit: str = "ms") -> Row:
    """A row whose peer is a limit on the median."""
    found = summary(values)
    return _row(name, values, found.median, (found.low, found.high), limit, unit)


def largest(name: str, values: Sequence[float], limit: float, *, unit: str = "ms") -> Row:
    """A row whose peer is a limit that no value may pass; it stands in place of the quartiles."""
    most = max(values)
    return _row(name, values, most, (most, most), limit, unit)


def errors(name: str, values: Sequence[float], mean: float, worst: float) -> tuple[Row, Row]:
    """Rows for limits on the mean and on the largest of errors in percent.

    Beside the mean stand the quartiles, beside the largest itself.
    """
    found = summary(values)
    spread = (found.low, found.high)
    ours = statistics.fmean(values)
    return (
        _row(f"{name}, mean error", values, ours, spread, mean, "%"),
        largest(f"{name}, largest error", values, worst, unit="%"),
    )


def _row(
    name: str, values: Sequence[float], ours: float, spread: Quartiles, limit: float, unit: str
) -> Row:
    return Row(
        name=name,
        peer_name="limit",
        unit=unit,
        ours=ours,
        peer=limit,
        ours_quartiles=spread,
        ratio=ours / limit,
        target=1.0,
        met=ours <= limit,
        passes=len(values),
    )
