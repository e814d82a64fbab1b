"""A budget: what is limited, for which networks, and the countable costs of many at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.families import V1
from effnet_core.architecture.family import Activation, Family
from effnet_core.architecture.names import scaled
from effnet_core.architecture.rounding import Rounding
from effnet_core.architecture.scaling import (
    PAPER_RULE,
    ScalingCoefficients,
    ScalingRule,
    Strategy,
    dropout_for,
)
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.arrays import CostArrays, Numbers
from effnet_core.cost.memory import run_model
from effnet_core.cost.report import DTYPE_BYTES, CostTotals, summarize
from effnet_core.errors import InvalidInput
from effnet_core.limits import RESOLUTION_MIN

LABELS = MappingProxyType(
    {
        "params": "parameters",
        "mult_adds": "multiply-adds",
        "weight_bytes": "bytes of weights",
        "peak_bytes": "bytes of activations at their peak",
        "memory_bytes": "bytes of weights and peak activations together",
        "run_bytes": "bytes that a run takes with ONNX Runtime",
        "latency_ms": "milliseconds",
    }
)
"""What can be limited, in order, and its name in a sentence."""

QUANTITIES = tuple(LABELS)

ELEMENT_BYTES = MappingProxyType({**DTYPE_BYTES, "int8": 1})
BUDGET_DTYPES = tuple(ELEMENT_BYTES)
"""`cost`'s dtypes, and int8: every weight, batch-norm value and activation at 1 byte.

A quantised network folds batch-norm into its convolutions: its four values of a channel take as
much as the channel's one 32-bit bias then does. Scales and a runtime's own buffers are not counted.
"""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that a network may cost, inclusive; None where nothing is limited.

    `params` and `mult_adds` (for one image) are counts; `weight_bytes` is what the weights take,
    `peak_bytes` the activations at their peak and `memory_bytes` both together, for the setting's
    batch and dtype; `run_bytes` adds what ONNX Runtime takes besides on the CPU, predicted as in
    `cost.memory`, in float32 alone; `latency_ms` holds for one pass over the batch. Raises
    InvalidInput for a limit that is no number above 0.
    """

    params: float | None = None
    mult_adds: float | None = None
    weight_bytes: float | None = None
    peak_bytes: float | None = None
    memory_bytes: float | None = None
    run_bytes: float | None = None
    latency_ms: float | None = None

    def __post_init__(self) -> None:
        for name, limit in self.given.items():
            if not isinstance(limit, Real) or not 0 < limit < math.inf:
                raise InvalidInput(
                    f"The limit on {LABELS[name]} must be a number above 0; got {limit!r:.40}."
                )

    @property
    def given(self) -> dict[str, float]:
        """The limits that are set, by name, in the order of QUANTITIES."""
        held = ((name, getattr(self, name)) for name in QUANTITIES)
        return {name: limit for name, limit in held if limit is not None}

    @property
    def countable(self) -> dict[str, float]:
        """The limits that are set on anything but milliseconds."""
        return {name: limit for name, limit in self.given.items() if name != "latency_ms"}


class Band(Protocol):
    """Predicted milliseconds of one pass: the best guess and the edges of its error band.

    `extrapolated` says that no network of that size was timed.
    """

    @property
    def ms(self) -> float: ...  # noqa: D102

    @property
    def low_ms(self) -> float: ...  # noqa: D102

    @property
    def high_ms(self) -> float: ...  # noqa: D102

    @property
    def extrapolated(self) -> bool: ...  # noqa: D102


TIMED_DTYPE = "float32"
"""The number format that a calibration times."""

Latency: TypeAlias = Callable[[ArchitectureSpec, int], Band]
"""Predicts the milliseconds of a network for a batch size."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Everything about the networks but φ, or depth, width and resolution.

    `rule`, `strategy`, `base_resolution` and `exact_pixels` belong to the formula; the free search
    reads the rule and the base resolution as the ratio that decides between ties. The base
    resolution is the family's unless given. Raises InvalidInput for a value that `variants.scaled`
    or `cost.summarize` refuses.
    """

    family: Family = V1
    rule: ScalingRule = PAPER_RULE
    strategy: Strategy = "compound"
    repeats: Rounding = "ceil"
    base_resolution: int | None = None
    exact_pixels: bool = False
    num_classes: int = 1000
    batch: int = 1
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.dtype not in ELEMENT_BYTES:
            known = ", ".join(BUDGET_DTYPES)
            raise InvalidInput(f"dtype must be one of {known}; got {self.dtype!r:.40}.")
        summarize(self.network(0.0), batch=self.batch)

    @property
    def base(self) -> int:
        """The input's side at φ = 0, in pixels."""
        return self.family.resolution if self.base_resolution is None else self.base_resolution

    @property
    def image_bytes(self) -> int:
        """Bytes of the smallest input that any network takes, for the whole batch."""
        return 3 * RESOLUTION_MIN**2 * ELEMENT_BYTES[self.dtype] * self.batch

    def network(self, phi: float) -> ArchitectureSpec:
        """The formula's network at φ; raises InvalidInput where there is none."""
        return scaled(
            phi,
            family=self.family,
            rule=self.rule,
            strategy=self.strategy,
            repeats=self.repeats,
            base_resolution=self.base_resolution,
            exact_pixels=self.exact_pixels,
            num_classes=self.num_classes,
        )

    def free_network(self, depth: float, width: float, resolution: int) -> ArchitectureSpec:
        """The network of free coefficients, from the same table; dropout is that of φ = 0."""
        return expand(
            self.family,
            ScalingCoefficients(depth, width, resolution, dropout_for(0.0)),
            name=f"d={depth:g} w={width:g} r={resolution}",
            repeats=self.repeats,
            num_classes=self.num_classes,
        )


def require_possible(limits: Limits, setting: Setting, latency: Latency | None) -> None:
    """Raise InvalidInput for a budget that limits nothing, or that no network can ever meet."""
    if not limits.given:
        raise InvalidInput("A budget needs at least one limit.")
    if limits.latency_ms is not None and latency is None:
        raise InvalidInput(
            "A limit in milliseconds needs a prediction of latency for this machine; there is none."
        )
    if limits.latency_ms is not None and setting.dtype != TIMED_DTYPE:
        raise InvalidInput(
            f"Milliseconds are predicted for {TIMED_DTYPE} alone, not for {setting.dtype}: leave "
            "out the limit on them, or choose that number format."
        )
    if limits.run_bytes is not None and setting.dtype != TIMED_DTYPE:
        raise InvalidInput(
            f"What a run takes was measured in {TIMED_DTYPE} alone, not in {setting.dtype}: limit "
            "the weights and peak together, or choose that number format."
        )
    for name in ("peak_bytes", "memory_bytes", "run_bytes"):
        limit = limits.given.get(name)
        if limit is not None and limit < setting.image_bytes:
            raise InvalidInput(
                f"No network runs in {limit:,.0f} {LABELS[name]}: the smallest input alone, "
                f"{RESOLUTION_MIN} × {RESOLUTION_MIN} pixels in {setting.dtype} for a batch of "
                f"{setting.batch:,}, takes {setting.image_bytes:,}."
            )


Costs = TypeVar("Costs", CostArrays, CostTotals)


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """Countable costs of n networks, each field an array (n,), named as in `Limits`."""

    exists: npt.NDArray[np.bool_]
    resolution: Numbers
    blocks: Numbers
    params: Numbers
    mult_adds: Numbers
    weight_bytes: Numbers
    peak_bytes: Numbers
    activation: Activation

    @property
    def memory_bytes(self) -> Numbers:
        """Weights and activations at their peak together."""
        return self.weight_bytes + self.peak_bytes

    @property
    def run_bytes(self) -> Numbers:
        """What a run takes with ONNX Runtime on the CPU, predicted."""
        return run_model("onnx", self.activation).each(self.weight_bytes, self.peak_bytes)

    def within(self, limits: Limits) -> npt.NDArray[np.bool_]:
        """Which networks exist and keep every countable limit."""
        fits = self.exists.copy()
        for name, limit in limits.countable.items():
            fits &= (getattr(self, name) <= limit).astype(bool)
        return fits


def counted(price: Callable[[str], CostArrays], setting: Setting) -> Counts:
    """The costs that `price` gives for a dtype of `cost`, for the setting's."""
    costs, weights, peaks = in_dtype(price, setting.dtype)
    return Counts(
        exists=costs.exists,
        resolution=costs.resolution,
        blocks=costs.blocks,
        params=costs.params,
        mult_adds=costs.mult_adds,
        weight_bytes=weights,
        peak_bytes=peaks,
        activation=setting.family.activation,
    )


def in_dtype(price: Callable[[str], Costs], dtype: str) -> tuple[Costs, Any, Any]:
    """The costs that `price` gives for a dtype of `cost`, with bytes of weights and at the peak.

    Those are for `dtype`, one of BUDGET_DTYPES: int8 takes 1 byte for each value.
    """
    costs = price("float16" if dtype == "int8" else dtype)
    weights, peaks = costs.weight_bytes, costs.peak_activation_bytes
    if dtype == "int8":
        # the difference leaves out batch-norm's counters, which training alone needs
        weights, peaks = (price("float32").weight_bytes - weights) // 2, peaks // 2
    return costs, weights, peaks
