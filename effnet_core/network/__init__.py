"""Any architecture as a torch module: `build` it on a device, if there is room.

`network.verify` holds its cost against fvcore's and torch's own counters, `network.export` takes it
elsewhere.
"""

from __future__ import annotations

from effnet_core.cost.memory import required_bytes
from effnet_core.network.build import build, check_fits, free_bytes, resolve_device
from effnet_core.network.model import EfficientNet

__all__ = [
    "EfficientNet",
    "build",
    "check_fits",
    "free_bytes",
    "required_bytes",
    "resolve_device",
]
