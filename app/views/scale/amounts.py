"""Predicted milliseconds with their band, as the budget writes them."""

from __future__ import annotations

from app.text import milliseconds
from effnet_core.cost.budget import Band
from effnet_core.results.axes import BEYOND


def band(found: Band) -> str:
    """The best guess with the edges of its band: "9.12 ms (8.40 – 10.3)"."""
    low, high = (milliseconds(edge).removesuffix(" ms") for edge in (found.low_ms, found.high_ms))
    beyond = f", {BEYOND}" if found.extrapolated else ""
    return f"{milliseconds(found.ms)} ({low} – {high}){beyond}"
