"""What every part that follows φ shares: which networks stand at a step of the slider, and JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from app.scale.network import PHI, Network
from app.scale.pricing import TENTHS


def resting(network: Network, row: Any) -> dict[str, Any] | None:
    """`row` with the φ, in the slider's words, for which it stands; None at a step of the slider.

    A variant has no φ.
    """
    if network.variant:
        return {"at": None, "row": row}
    return None if network.phi in TENTHS else {"at": reading(network.phi), "row": row}


def reading(phi: float) -> str:
    """φ in the words of its slider."""
    return str(PHI.format) % phi


def to_json(value: Any) -> str:
    """JSON without spaces; dataclasses become objects."""
    return msgspec.json.encode(value).decode()
