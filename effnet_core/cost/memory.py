"""Whether a network finds room: the bytes that it needs against those that are free."""

from __future__ import annotations

from effnet_core.architecture.families import V1, find_family
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize
from effnet_core.errors import DoesNotFit
from effnet_core.files import decimal_size
from effnet_core.limits import PHI_MAX, PHI_MIN

PHI_STEP = 0.1
"""Step in which the largest φ that fits is looked for."""


def required_bytes(spec: ArchitectureSpec, *, batch: int = 1, dtype: str = "float32") -> int:
    """Predicted bytes of weights and of an evaluation forward pass at its peak."""
    totals = summarize(spec, batch=batch, dtype=dtype)
    return totals.weight_bytes + totals.peak_activation_bytes


def require_room(
    spec: ArchitectureSpec, free: int, device: str, *, batch: int = 1, dtype: str = "float32"
) -> None:
    """Raise DoesNotFit if the predicted bytes exceed the `free` ones of `device`.

    The sentence names the largest φ of the paper's rule that fits in their place.
    """
    needed = required_bytes(spec, batch=batch, dtype=dtype)
    if needed <= free:
        return
    own = find_family(spec.family)
    family = own if own.scales else V1
    phi = largest_fitting_phi(
        free, family=family, batch=batch, dtype=dtype, num_classes=spec.num_classes
    )
    advice = "no φ fits" if phi is None else f"the largest φ that fits is {phi:g}"
    raise DoesNotFit(
        f"{spec.name} at {spec.resolution} px with batch {batch} needs about "
        f"{decimal_size(needed)} on {device}, and {decimal_size(free)} are free; with the paper's "
        f"rule {advice}."
    )


def largest_fitting_phi(
    free: int,
    *,
    family: Family = V1,
    batch: int = 1,
    dtype: str = "float32",
    num_classes: int = 1000,
) -> float | None:
    """Largest φ, in steps of 0.1, whose weights and peak activations fit in `free` bytes."""
    steps = round((PHI_MAX - PHI_MIN) / PHI_STEP)
    for step in range(steps, -1, -1):
        phi = round(PHI_MIN + step * PHI_STEP, 1)
        spec = scaled(phi, family=family, num_classes=num_classes)
        if required_bytes(spec, batch=batch, dtype=dtype) <= free:
            return phi
    return None
