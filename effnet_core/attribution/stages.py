"""Which stage has a map of at least so many positions, from the spec alone. No torch here."""

from __future__ import annotations

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import analyze
from effnet_core.errors import InvalidInput


def deepest_stage(
    spec: ArchitectureSpec, at_least: int = 5, *, resolution: int | None = None
) -> int:
    """The last stage, as `features` counts them, whose map is `at_least` positions high and wide.

    `resolution` is the input's side (default: the spec's own). At 72 pixels the last map has 3 × 3
    positions, and stage 5 is the deepest of 5 × 5. Raises InvalidInput if no stage has as many.
    """
    stages = analyze(spec, resolution=resolution).stages
    wide = [stage.stage for stage in stages if min(stage.out_shape[1:]) >= at_least]
    if not wide:
        side = spec.resolution if resolution is None else resolution
        raise InvalidInput(
            f"No stage of {spec.name} has a map of {at_least} × {at_least} at {side} pixels; "
            "choose a larger input."
        )
    return wide[-1]
