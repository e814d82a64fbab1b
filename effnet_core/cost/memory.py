"""Whether a network finds room: the bytes that it needs against those that are free.

The tensors' own bytes are exact. What a run takes is more: a library copies weights into layouts of
its own, keeps what it may need again, and reorders feature maps. That was measured on the CPU in
float32, and is predicted from the tensors' bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from effnet_core.architecture.families import V1, find_family
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.arrays import Numbers
from effnet_core.cost.report import CostReport, summarize
from effnet_core.data.tables import read, typed
from effnet_core.errors import DoesNotFit
from effnet_core.files import decimal_size
from effnet_core.limits import PHI_MAX, PHI_MIN

PHI_STEP = 0.1
"""Step in which the largest φ that fits is looked for."""


Engine = Literal["onnx", "torch"]
TITLES: dict[Engine, str] = {"onnx": "ONNX Runtime", "torch": "torch"}


@dataclass(frozen=True, kw_only=True)
class RunModel:
    """What a run by an engine takes of memory on the CPU, for networks of one `activation`.

    The larger of `building` · weights, while the engine makes its copies of them, and `kept` ·
    weights + `tensors` · activations at their peak. `worst` is the largest relative error on the
    networks measured, `left_out` that on networks that were left out of the fit.
    """

    engine: Engine
    activation: str
    building: float
    kept: float
    tensors: float
    worst: float
    left_out: float
    source: str

    def bytes(self, weights: int, peak: int) -> int:
        """Predicted bytes of a run, from those of weights and of activations at their peak."""
        return int(self.each(np.array([weights]), np.array([peak]))[0])

    def each(self, weights: Numbers, peaks: Numbers) -> Numbers:
        """As `bytes`, of n networks at once, each array (n,)."""
        held = self.kept * weights + self.tensors * peaks
        return np.rint(np.maximum(self.building * weights, held)).astype(np.int64)


@cache
def run_model(engine: Engine, activation: str) -> RunModel:
    """What was fitted to measurements of an engine (`data/memory_fitted.csv`).

    ReLU is taken for ReLU6, which was measured: neither needs tensors beside the convolution's.
    """
    every = typed(read("memory_fitted.csv"), RunModel)
    measured = "relu6" if activation == "relu" else activation
    return next(one for one in every if (one.engine, one.activation) == (engine, measured))


def run_bytes(
    spec: ArchitectureSpec, engine: Engine, *, batch: int = 1, dtype: str = "float32"
) -> int:
    """Predicted bytes that a run on the CPU takes, weights, tensors and the engine's copies.

    Measured in float32; other formats are taken to scale with their tensors.
    """
    totals = summarize(spec, batch=batch, dtype=dtype)
    model = run_model(engine, spec.activation)
    return model.bytes(totals.weight_bytes, totals.peak_activation_bytes)


def runs(report: CostReport) -> dict[Engine, int]:
    """Predicted bytes of a run by each engine that takes the report's dtype; see `run_bytes`."""
    weights, peak = report.totals.weight_bytes, report.totals.peak_activation_bytes
    return {
        engine: run_model(engine, report.spec.activation).bytes(weights, peak)
        for engine in TITLES
        if engine == "torch" or report.dtype == "float32"
    }


def required_bytes(spec: ArchitectureSpec, *, batch: int = 1, dtype: str = "float32") -> int:
    """Bytes of weights and of the tensors of an evaluation forward pass at its peak, exactly."""
    totals = summarize(spec, batch=batch, dtype=dtype)
    return totals.weight_bytes + totals.peak_activation_bytes


def require_room(
    spec: ArchitectureSpec,
    free: int,
    device: str,
    *,
    batch: int = 1,
    dtype: str = "float32",
    engine: Engine | None = None,
) -> None:
    """Raise DoesNotFit if the predicted bytes exceed the `free` ones of `device`.

    They are those of a run by `engine`, and without one those of weights and tensors alone. The
    sentence names the largest φ of the paper's rule that fits in their place.
    """
    tensors = required_bytes(spec, batch=batch, dtype=dtype)
    needed = run_bytes(spec, engine, batch=batch, dtype=dtype) if engine else tensors
    if needed <= free:
        return
    own = find_family(spec.family)
    family = own if own.scales else V1
    phi = largest_fitting_phi(
        free, family=family, batch=batch, dtype=dtype, num_classes=spec.num_classes, engine=engine
    )
    by = f" with {TITLES[engine]} ({decimal_size(tensors)} of them tensors)" if engine else ""
    advice = "no φ fits" if phi is None else f"the largest φ that fits is {phi:g}"
    raise DoesNotFit(
        f"{spec.name} at {spec.resolution} px with batch {batch} needs about "
        f"{decimal_size(needed)} on {device}{by}, and {decimal_size(free)} are free; with the "
        f"paper's rule {advice}."
    )


def largest_fitting_phi(
    free: int,
    *,
    family: Family = V1,
    batch: int = 1,
    dtype: str = "float32",
    num_classes: int = 1000,
    engine: Engine | None = None,
) -> float | None:
    """Largest φ, in steps of 0.1, whose run, as in `require_room`, fits in `free` bytes."""
    steps = round((PHI_MAX - PHI_MIN) / PHI_STEP)
    for step in range(steps, -1, -1):
        phi = round(PHI_MIN + step * PHI_STEP, 1)
        spec = scaled(phi, family=family, num_classes=num_classes)
        needed = (
            run_bytes(spec, engine, batch=batch, dtype=dtype)
            if engine
            else required_bytes(spec, batch=batch, dtype=dtype)
        )
        if needed <= free:
            return phi
    return None
