"""Small devices as ready-made budgets, each with its source; the data are `data/devices.csv`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from effnet_core.cost.budget.limits import QUANTITIES, Limits
from effnet_core.data.tables import read
from effnet_core.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device: what it limits, why that, and who says so.

    `dtype` is the only format that makes sense there, None where any does.
    """

    key: str
    title: str
    dtype: str | None
    limits: Limits
    why: str
    source: str
    url: str


@lru_cache(maxsize=1)
def devices() -> tuple[Device, ...]:
    """Every device, from the smallest to the largest."""
    return tuple(
        Device(
            key=row["key"],
            title=row["title"],
            dtype=row["dtype"] or None,
            limits=Limits(**{name: int(row[name]) for name in QUANTITIES if row.get(name)}),
            why=row["why"],
            source=row["source"],
            url=row["url"],
        )
        for row in read("devices.csv")
    )


def device(key: str) -> Device:
    """The device called `key`; raises InvalidInput for any other name."""
    for known in devices():
        if known.key == key:
            return known
    names = ", ".join(known.key for known in devices())
    raise InvalidInput(f"No device is called {key!r:.40}; known: {names}.")
