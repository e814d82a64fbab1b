"""One figure of a soak beside its limit."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple, NoReturn


class Row(NamedTuple):
    """What was measured, and whether it keeps within its limit; the name says the unit."""

    name: str
    value: float
    limit: float
    met: bool


def at_most(name: str, value: float, limit: float) -> Row:
    """A row that is met where the value does not pass the limit."""
    return Row(name, value, limit, value <= limit)


def at_least(name: str, value: float, limit: float) -> Row:
    """A row that is met where the value reaches the limit."""
    return Row(name, value, limit, value >= limit)


def table(rows: Iterable[Row]) -> str:
    """One line a row: met or not, the value, its limit, the name."""
    return "\n".join(
        f"{'met' if row.met else 'MISSED':6} {row.value:10,.4g}  of {row.limit:8,.4g}  {row.name}"
        for row in rows
    )


def printed(rows: tuple[Row, ...]) -> NoReturn:
    """Print the rows and leave with the exit code, 1 where one is missed."""
    print(table(rows))
    sys.exit(0 if all(row.met for row in rows) else 1)
