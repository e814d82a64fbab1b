"""What a network can be measured by on an axis, and networks priced by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache

from app.text import count, milliseconds, minus, size
from effnet_core.cost.arrays import CostArrays
from effnet_core.cost.report import CostTotals
from effnet_core.latency import Calibration
from effnet_core.results.axes import BEYOND


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What the quantities are read from; `others` are the operations of batch-norm and pooling."""

    params: int
    mult_adds: int
    activations: int
    others: int
    weight_bytes: int
    peak_activation_bytes: int
    blocks: int

    @staticmethod
    def of(totals: CostTotals) -> Totals:
        """The same of a network that was counted layer by layer."""
        return Totals(
            params=totals.params,
            mult_adds=totals.mult_adds,
            activations=totals.activations,
            others=totals.fvcore.batch_norm + totals.fvcore.adaptive_avg_pool2d,
            weight_bytes=totals.weight_bytes,
            peak_activation_bytes=totals.peak_activation_bytes,
            blocks=totals.blocks,
        )

    @staticmethod
    def each(costs: CostArrays) -> tuple[Totals | None, ...]:
        """The same of each of many networks; None where one does not exist."""
        columns = (
            costs.params,
            costs.mult_adds,
            costs.activations,
            costs.batch_norm + costs.adaptive_avg_pool2d,
            costs.weight_bytes,
            costs.peak_activation_bytes,
            costs.blocks,
        )
        names = [field.name for field in fields(Totals)]
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return tuple(
            Totals(**dict(zip(names, row, strict=True))) if exists else None
            for exists, row in zip(costs.exists.tolist(), rows, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class Priced:
    """A network on a chart; `phi` is None where the formula does not apply.

    `work` is what a calibration's model multiplies by its coefficients (`calibration.terms`), and
    `measured_ms` the time that was taken here, None where it was not.
    """

    title: str
    phi: float | None
    resolution: int
    totals: Totals
    work: tuple[float, ...]
    measured_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number that every network has; `of` gives None where it has none.

    `caveat` is what a network's number needs said after it, where it needs any.
    """

    key: str
    label: str
    of: Callable[[Priced], float | None]
    show: Callable[[float], str] = count
    unit: str = ""
    caveat: Callable[[Priced], str] = lambda _: ""

    def said(self, priced: Priced) -> str:
        """The network's number as people read it; empty where it has none."""
        value = self.of(priced)
        return "" if value is None else self.show(value) + self.caveat(priced)

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
        of=lambda p: p.totals.others,
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

MS, MS_LABEL = "ms", "Milliseconds on this machine"
LABELS = {quantity.key: quantity.label for quantity in QUANTITIES} | {MS: MS_LABEL}
"""Every quantity's name by key, the one that needs a calibration of this machine among them."""


@lru_cache(maxsize=4)
def latency(calibration: Calibration) -> Quantity:
    """Milliseconds of one float32 image on the machine of `calibration`.

    Predicted, with the band in words, where they were not measured; of a network with fewer or
    more multiply-adds than any that was timed, it says so.
    """
    model = calibration.model
    coefficients, (fast, slow) = model.coefficients, model.band

    def of(priced: Priced) -> float:
        if priced.measured_ms is not None:
            return priced.measured_ms
        return sum(a * b for a, b in zip(priced.work, coefficients, strict=True))

    def show(ms: float) -> str:
        ends = " – ".join(milliseconds(part * ms).removesuffix(" ms") for part in (fast, slow))
        return f"{milliseconds(ms)} predicted ({ends})"

    def caveat(priced: Priced) -> str:
        measured = priced.measured_ms is not None
        return "" if measured or not model.extrapolates(priced.totals.mult_adds) else f", {BEYOND}"

    return Quantity(key=MS, label=MS_LABEL, of=of, show=show, caveat=caveat)
