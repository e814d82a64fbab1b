"""One figure of a soak beside its limit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """What was measured, and whether it keeps within its limit; the name says the unit."""

    name: str
    value: float
    limit: float
    met: bool


def at_most(name: str, value: float, limit: float) -> Row:
    """A row that is met where the value does not pass the limit."""
    return Row(name, value, limit, value <= limit)


def text(rows: Iterable[Row]) -> str:
    """One line a row."""
    return "\n".join(
        f"{row.name}: {row.value:,.0f} (at most {row.limit:,.0f}) {'met' if row.met else 'MISSED'}"
        for row in rows
    )
