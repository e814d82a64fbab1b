"""The meanings of cost, and what each published record costs in each of them.

They disagree: an axis is a count, a benchmark that somebody ran, or a time taken on this machine.
Every cost says whether it was computed here, published, measured or predicted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from effnet_core.architecture.names import variant
from effnet_core.errors import InvalidInput
from effnet_core.latency.calibration import Calibration
from effnet_core.latency.measuring import LatencyMeasurement
from effnet_core.results.published import (
    PublishedResult,
    benchmarks,
    price,
    published_cost,
    results,
    speed,
)

HERE = "here"
"""The key of the axis whose values are measured on this machine."""

# Count → its name in CostTotals, its name in PublishedCost, and the unit of the latter.
_COUNTS = {
    "params": ("params", "params_m", 1e6),
    "flops": ("mult_adds", "mult_adds_b", 1e9),
    "activations": ("activations", "activations_m", 1e6),
}

BEYOND = "beyond what was timed"
"""Said of a prediction for a network that is smaller or larger than any that was timed."""

Basis = Literal["computed", "published", "measured", "predicted"]


@dataclass(frozen=True, kw_only=True)
class CostAxis:
    """A meaning of cost; `unit` is empty for counts, `detail` says how the values came about."""

    key: str
    title: str
    kind: Literal["count", "pixels", "benchmark", "here"]
    unit: str
    detail: str
    more_is_better: bool = False

    @property
    def column(self) -> str:
        """Its name in a table, with the unit: "flops", "i9_10940x_fp32_compiled_ms"."""
        unit = self.unit.replace("images/s", "images_per_s")
        return f"{self.key}_{unit}" if unit else self.key


@dataclass(frozen=True, kw_only=True)
class Cost:
    """A value on an axis; `note` says what was counted or timed, and by whom."""

    value: float
    basis: Basis
    note: str


@dataclass(frozen=True, kw_only=True)
class PredictedTiming:
    """A latency of this machine that was not measured; `low_ms` and `high_ms` are its band.

    `note` says what it was predicted from, `extrapolated` that no network as small or as large
    was timed.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    note: str
    extrapolated: bool = False


Timing = LatencyMeasurement | PredictedTiming
Timings = Mapping[tuple[str, int], Timing]
"""Latencies of this machine by (architecture, input resolution)."""


@cache
def cost_axes() -> Mapping[str, CostAxis]:
    """Every axis by key: counts, resolution, one for each published benchmark, this machine."""
    counted = "computed here for this project's architectures, as published for all others"
    axes = [
        CostAxis(key="params", title="Parameters", kind="count", unit="", detail=counted),
        CostAxis(key="flops", title="FLOPs (multiply-adds)", kind="count", unit="", detail=counted),
        CostAxis(key="activations", title="Activations", kind="count", unit="", detail=counted),
        CostAxis(
            key="resolution",
            title="Test resolution",
            kind="pixels",
            unit="pixels",
            detail="the side of the square input at which the accuracy was measured",
        ),
    ]
    for benchmark in benchmarks().values():
        throughput = benchmark.unit == "images/s"
        kind = "GPU throughput" if throughput else "CPU latency"
        detail = f"{benchmark.device}, {benchmark.precision}, batch {benchmark.batch}"
        axes.append(
            CostAxis(
                key=benchmark.key,
                title=f"{kind}: {benchmark.title}",
                kind="benchmark",
                unit=benchmark.unit,
                detail=detail,
                more_is_better=throughput,
            )
        )
    here = "one float32 image, with randomly initialised weights"
    axes.append(
        CostAxis(key=HERE, title="Latency on this machine", kind="here", unit="ms", detail=here)
    )
    return {axis.key: axis for axis in axes}


def cost(result: PublishedResult, axis: CostAxis, timings: Timings) -> Cost | None:
    """The record's cost on `axis`; None where nobody counted, published or measured it."""
    if axis.kind == "here":
        timing = timings.get((result.architecture or "", result.test_resolution or 0))
        if timing is None:
            return None
        if isinstance(timing, PredictedTiming):
            return Cost(value=timing.median_ms, basis="predicted", note=timing.note)
        return Cost(value=timing.median_ms, basis="measured", note=_protocol(timing))
    if axis.kind == "pixels":
        pixels = result.test_resolution
        return (pixels and Cost(value=pixels, basis="published", note=axis.detail)) or None
    if axis.kind == "benchmark":
        value = speed(result, axis.key)
        return None if value is None else Cost(value=value, basis="published", note=axis.detail)
    return _counted(result, axis)


def _counted(result: PublishedResult, axis: CostAxis) -> Cost | None:
    own, theirs, unit = _COUNTS[axis.key]
    totals = price(result)
    if totals is not None:
        note = f"computed by this project at {result.test_resolution} pixels"
        return Cost(value=getattr(totals, own), basis="computed", note=note)
    stated = published_cost(result)
    value = None if stated is None else getattr(stated, theirs)
    if stated is None or value is None:
        return None
    note = stated.convention if axis.key == "flops" else f"as published by {result.source}"
    return Cost(value=round(value * unit), basis="published", note=note)


def _protocol(timing: LatencyMeasurement) -> str:
    return (
        f"median of {timing.repeats} runs after {timing.warmup} to warm up, "
        f"{timing.engine} on {timing.device}, {timing.dtype}, {timing.threads} threads"
    )


@lru_cache(maxsize=4)
def predicted_timings(calibration: Calibration) -> Timings:
    """Every EfficientNet at every resolution that has a record, predicted from `calibration`."""
    found: dict[tuple[str, int], PredictedTiming] = {}
    for result in results():
        name, side = result.architecture, result.test_resolution
        if name and side and (name, side) not in found:
            latency = calibration.predict(variant(name, resolution=side))
            beyond = f", {BEYOND}" if latency.extrapolated else ""
            found[name, side] = PredictedTiming(
                median_ms=latency.ms,
                low_ms=latency.low_ms,
                high_ms=latency.high_ms,
                note=f"from the calibration of {calibration.made}{beyond}, band "
                f"{latency.low_ms:.3g} – {latency.high_ms:.3g} ms, {calibration.machine.title}",
                extrapolated=latency.extrapolated,
            )
    return found


def find_axis(key: str) -> CostAxis:
    """The axis called `key`; raises InvalidInput for any other."""
    if key not in cost_axes():
        raise InvalidInput(f"The cost must be one of {', '.join(cost_axes())}, not {key!r}.")
    return cost_axes()[key]
