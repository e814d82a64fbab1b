"""What a network can be measured by on an axis, and networks priced by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.text import count, minus, size
from effnet_core.cost import CostTotals


@dataclass(frozen=True, kw_only=True)
class Priced:
    """A network on a chart; `phi` is None where the formula does not apply."""

    title: str
    phi: float | None
    resolution: int
    totals: CostTotals


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number that every network has; `of` gives None where it has none."""

    key: str
    label: str
    of: Callable[[Priced], float | None]
    show: Callable[[float], str] = count
    unit: str = ""

    @property
    def always_linear(self) -> bool:
        """φ has a sign: it is never drawn on a logarithmic axis."""
        return self.key == "phi"


QUANTITIES = (
    Quantity(key="phi", label="φ", of=lambda p: p.phi, show=minus),
    Quantity(key="params", label="Parameters", of=lambda p: p.totals.params),
    Quantity(key="flops", label="FLOPs (multiply-adds)", of=lambda p: p.totals.mult_adds),
    Quantity(key="activations", label="Activations", of=lambda p: p.totals.activations),
    Quantity(
        key="others",
        label="Batch-norm and pooling (operations)",
        of=lambda p: p.totals.fvcore.batch_norm + p.totals.fvcore.adaptive_avg_pool2d,
    ),
    Quantity(
        key="peak",
        label="Peak memory of activations",
        of=lambda p: p.totals.peak_activation_bytes,
        show=size,
        unit="B",
    ),
    Quantity(
        key="weights",
        label="Memory of weights",
        of=lambda p: p.totals.weight_bytes,
        show=size,
        unit="B",
    ),
    Quantity(
        key="blocks", label="Blocks", of=lambda p: p.totals.blocks, show=lambda v: f"{v:,.0f}"
    ),
    Quantity(
        key="resolution",
        label="Input resolution (pixels)",
        of=lambda p: p.resolution,
        show=lambda v: f"{v:,.0f}",
    ),
)
BY_KEY = {quantity.key: quantity for quantity in QUANTITIES}
