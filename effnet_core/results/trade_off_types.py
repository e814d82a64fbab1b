"""The records of `effnet_core.results.trade_off`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from effnet_core.results.published_types import PublishedResult

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
class Placed:
    """A published record and its cost on one axis."""

    result: PublishedResult
    cost: Cost


class Timing(Protocol):
    """A latency measured on this machine: `effnet_core.latency.torch_timing.LatencyMeasurement`."""

    @property
    def median_ms(self) -> float:
        """Median of the runs in milliseconds."""

    @property
    def low_ms(self) -> float:
        """25 % quantile in milliseconds."""

    @property
    def high_ms(self) -> float:
        """75 % quantile in milliseconds."""

    @property
    def repeats(self) -> int:
        """Number of timed runs."""

    @property
    def warmup(self) -> int:
        """Number of runs before them."""

    @property
    def threads(self) -> int:
        """CPU threads of the back end."""

    @property
    def engine(self) -> str:
        """The back end with its version."""

    @property
    def device(self) -> str:
        """Where it ran."""

    @property
    def dtype(self) -> str:
        """Number format of weights and activations."""


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


Timings = Mapping[tuple[str, int], Timing | PredictedTiming]
"""Latencies of this machine by (architecture, input resolution)."""
