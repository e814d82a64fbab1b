"""Amounts of what a budget limits, as the command line writes them."""

from __future__ import annotations

from effnet_core.cost.budget import LABELS, Band, Room


def amount(name: str, amount: float) -> str:
    """An amount of what is limited, with its name: counts in full, short times in three digits."""
    short = name == "latency_ms" and amount < 100
    return f"{format(amount, '.3g' if short else ',.0f')} {LABELS[name]}"


def over(room: Room) -> str:
    """By how much a limit is missed."""
    return amount(room.name, -room.left)


def milliseconds(band: Band | None) -> str | None:
    """Predicted milliseconds with their band; None without a prediction."""
    if band is None:
        return None
    beyond = ", beyond what was timed" if band.extrapolated else ""
    return f"{band.ms:.1f} ({band.low_ms:.1f} – {band.high_ms:.1f}){beyond}"


def listed(words: list[str]) -> str:
    """One or more words as "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
