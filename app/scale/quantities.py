"""What a network can be measured by on an axis, and networks priced by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from app.text import count, milliseconds, minus, size
from effnet_core.latency import Calibration
from effnet_core.results.axes import BEYOND

COUNTED = (
    "params",
    "mult_adds",
    "activations",
    "other_ops",
    "weight_bytes",
    "peak_activation_bytes",
    "blocks",
)
"""What `Priced` holds of `cost.CostTotals`, which counts one network, and `cost.CostArrays`."""


@dataclass(frozen=True, kw_only=True)
class Priced:
    """A network with its price, as the quantities read it; COUNTED are as in `cost.CostTotals`.

    `phi` is None where the formula does not apply. `work` is what a calibration's model multiplies
    by its coefficients (`latency.terms`), and `measured_ms` the time that was taken here, None
    where it was not.
    """

    title: str
    phi: float | None
    resolution: int
    params: int
    mult_adds: int
    activations: int
    other_ops: int
    weight_bytes: int
    peak_activation_bytes: int
    blocks: int
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
    caveat: Callable[[Priced], str] = lambda _: ""

    def said(self, priced: Priced) -> str:
        """The network's number as people read it; empty where it has none."""
        value = self.of(priced)
        return "" if value is None else self.show(value) + self.caveat(priced)

    @property
    def unit(self) -> str:
        """What stands behind a number on an axis."""
        return "B" if self.show is size else ""

    @property
    def always_linear(self) -> bool:
        """φ has a sign: it is never drawn on a logarithmic axis."""
        return self.key == "phi"


def _held(key: str, label: str, field: str, show: Callable[[float], str] = count) -> Quantity:
    """The quantity that is a field of `Priced`."""
    return Quantity(key=key, label=label, of=attrgetter(field), show=show)


def _whole(value: float) -> str:
    return f"{value:,.0f}"


QUANTITIES = (
    _held("phi", "φ", "phi", minus),
    _held("params", "Parameters", "params"),
    _held("flops", "FLOPs (multiply-adds)", "mult_adds"),
    _held("activations", "Activations", "activations"),
    _held("others", "Batch-norm and pooling (operations)", "other_ops"),
    _held("peak", "Peak memory of activations", "peak_activation_bytes", size),
    _held("weights", "Memory of weights", "weight_bytes", size),
    _held("blocks", "Blocks", "blocks", _whole),
    _held("resolution", "Input resolution (pixels)", "resolution", _whole),
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
        return "" if measured or not model.extrapolates(priced.mult_adds) else f", {BEYOND}"

    return Quantity(key=MS, label=MS_LABEL, of=of, show=show, caveat=caveat)
