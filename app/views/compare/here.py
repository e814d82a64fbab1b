"""Time here: milliseconds on this machine, measured and predicted."""

from __future__ import annotations

from app.views.compare import packaged, timing


def draw() -> None:
    """Draw the times of any network, then those of the networks on Classify."""
    timing.draw()
    packaged.draw(times=True)
