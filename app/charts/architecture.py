"""What the picture of a network can be coloured by, and its colours; `app/live` draws it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """What the slabs can be coloured by: a field of `cost.PartCost`, in bytes ("B") or counts."""

    label: str
    field: str
    unit: str = ""


METRICS = {
    "flops": Metric("FLOPs", "mult_adds"),
    "params": Metric("parameters", "params"),
    "activations": Metric("activations", "activations"),
    "memory": Metric("peak memory", "peak_activation_bytes", unit="B"),
}
SHADES = ("#3A6F98", "#2A8A8C", "#26A187", "#4DB873", "#8CCB4A")
"""Viridis without its ends: the darkest blue is lost on a dark page, the yellow on a light one."""

STEPPED_BACK = 0.8
"""The opacity of what is not chosen."""
