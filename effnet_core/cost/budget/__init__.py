"""Which network fits a budget: the largest φ, or the free depth, width and resolution.

Counts are exact; milliseconds come in as a callable that gives a band, and the band's slow edge is
held to the limit. Nothing here says anything about accuracy. This package needs no torch.
"""

from __future__ import annotations

from effnet_core.cost.budget.answers import Answer, Candidate, Priced, Room, rooms
from effnet_core.cost.budget.bounds import Bounds
from effnet_core.cost.budget.devices import Device, device, devices
from effnet_core.cost.budget.free import best_free
from effnet_core.cost.budget.limits import (
    BUDGET_DTYPES,
    LABELS,
    QUANTITIES,
    Band,
    Latency,
    Limits,
    Setting,
)
from effnet_core.cost.budget.phi import PHI_STEP, largest_phi

__all__ = [
    "BUDGET_DTYPES",
    "LABELS",
    "PHI_STEP",
    "QUANTITIES",
    "Answer",
    "Band",
    "Bounds",
    "Candidate",
    "Device",
    "Latency",
    "Limits",
    "Priced",
    "Room",
    "Setting",
    "best_free",
    "device",
    "devices",
    "largest_phi",
    "rooms",
]
