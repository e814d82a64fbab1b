"""Attribution: where in a picture a class's logit comes from, by six methods, and how right it is.

`METHODS`, `Attribution`, `MapScores` and the drawing in `render` import without torch, so that a
page can lay out its form before torch is loaded; the functions that compute are imported when first
asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from effnet_core.attribution.parameters import Parameter, Value
from effnet_core.attribution.registry import METHODS, Method, find_method
from effnet_core.attribution.result import Attribution
from effnet_core.attribution.scores import MapScores

if TYPE_CHECKING:
    from effnet_core.attribution.compute import attribute, attribute_stages, grad_cam_classes
    from effnet_core.attribution.scoring import score_maps

__all__ = [
    "METHODS",
    "Attribution",
    "MapScores",
    "Method",
    "Parameter",
    "Value",
    "attribute",
    "attribute_stages",
    "find_method",
    "grad_cam_classes",
    "score_maps",
]


def __getattr__(name: str) -> object:
    """Load what needs torch on first use."""
    if name in ("attribute", "attribute_stages", "grad_cam_classes"):
        from effnet_core.attribution import compute

        return getattr(compute, name)
    if name == "score_maps":
        from effnet_core.attribution import scoring

        return scoring.score_maps
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
