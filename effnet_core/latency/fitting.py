"""Milliseconds of networks never timed, from a few timed ones on the same machine. Needs no torch.

A network's time is a sum over kinds of layer of work / throughput, bytes / bandwidth and an
overhead for each call (`terms.TERMS`). `fit` finds the non-negative coefficients with the smallest
relative errors, and does not let single bad timings pull them; the errors it tells are those of
each timed network predicted from the others.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import InvalidInput
from effnet_core.files import LARGEST, Amount
from effnet_core.latency.terms import TERMS, terms

Floats = npt.NDArray[np.float64]

# One network more than coefficients, so that leaving one out still determines them.
MIN_NETWORKS = len(TERMS) + 1

_MULT_ADDS = [TERMS.index(name) for name in TERMS if name in (
    "pointwise_mult_adds", "depthwise_mult_adds", "dense_mult_adds",
)]  # fmt: skip
_BAND = (0.05, 0.95)
# Relative errors past this, or past 1.5 times the median error, weigh less (Huber, 1964).
_ORDINARY_ERROR = 0.03
_ROUNDS = 10


@dataclass(frozen=True)
class TimedNetwork:
    """A network and its measured milliseconds, for one float32 picture."""

    spec: ArchitectureSpec
    median_ms: float


@dataclass(frozen=True, kw_only=True)
class PredictedLatency:
    """Milliseconds predicted for one float32 picture, and the band that the errors span.

    `extrapolated` says that the network has more or fewer multiply-adds than any that was timed,
    where the band is not known to hold.
    """

    ms: float
    low_ms: float
    high_ms: float
    extrapolated: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictedLatencies:
    """The same of n networks, each field an array (n,)."""

    ms: Floats
    low_ms: Floats
    high_ms: Floats
    extrapolated: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class LatencyModel:
    """Coefficients in milliseconds a unit of `TERMS`, and the relative errors of held-out networks.

    `held_out_errors` are predicted / measured - 1, each from a fit without that network, in the
    order given. `least_mult_adds` and `most_mult_adds` bound the networks that were timed.
    """

    coefficients: tuple[Amount, ...]
    held_out_errors: tuple[Annotated[float, Meta(gt=-1, le=LARGEST)], ...]
    least_mult_adds: int
    most_mult_adds: int

    @property
    def mean_error(self) -> float:
        """Mean absolute relative error of held-out networks."""
        return statistics.fmean(map(abs, self.held_out_errors))

    @property
    def worst_error(self) -> float:
        """Largest absolute relative error of a held-out network."""
        return max(map(abs, self.held_out_errors))

    @property
    def band(self) -> tuple[float, float]:
        """What a prediction is multiplied by for its edges; at most 1, and at least 1.

        Between the 5 % and 95 % quantiles of the held-out errors: nine in ten such measurements
        lie within. A prediction of nearly nothing would have no slow edge: it counts as 0.01.
        """
        slow, fast = np.quantile(self.held_out_errors, _BAND)
        return 1 / (1 + max(0.0, float(fast))), 1 / max(1 + min(0.0, float(slow)), 0.01)

    def predict(self, spec: ArchitectureSpec) -> PredictedLatency:
        """Time of `spec` at its resolution, with its band."""
        found = self.predict_each(np.array([terms(spec)], dtype=np.float64))
        return PredictedLatency(
            ms=float(found.ms[0]),
            low_ms=float(found.low_ms[0]),
            high_ms=float(found.high_ms[0]),
            extrapolated=bool(found.extrapolated[0]),
        )

    def predict_each(self, amounts: Floats) -> PredictedLatencies:
        """Times of n networks from what they count of `TERMS`, (n, terms)."""
        ms = amounts @ np.array(self.coefficients)
        mult_adds = amounts[:, _MULT_ADDS].sum(axis=1)
        fast, slow = self.band
        return PredictedLatencies(
            ms=ms,
            low_ms=fast * ms,
            high_ms=slow * ms,
            extrapolated=self.extrapolates(mult_adds),
        )

    def extrapolates(self, mult_adds: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether a network with so many multiply-adds is smaller or larger than any timed one."""
        counts = np.asarray(mult_adds)
        return (counts < self.least_mult_adds) | (counts > self.most_mult_adds)


def fit(networks: Sequence[TimedNetwork]) -> LatencyModel:
    """The model of `networks`' times, with each network's error when it is held out.

    Raises InvalidInput for fewer than `MIN_NETWORKS` or a time that is not above 0.
    """
    if len(networks) < MIN_NETWORKS or not all(
        0 < network.median_ms < float("inf") for network in networks
    ):
        raise InvalidInput(
            f"A calibration takes at least {MIN_NETWORKS} networks, each with a time above 0 ms; "
            f"got {len(networks)}."
        )
    amounts = np.array([terms(network.spec) for network in networks], dtype=np.float64)
    times = np.array([network.median_ms for network in networks])
    mult_adds = amounts[:, _MULT_ADDS].sum(axis=1)
    return LatencyModel(
        coefficients=tuple(_coefficients(amounts, times).tolist()),
        held_out_errors=tuple(
            _held_out_error(amounts, times, index) for index in range(len(networks))
        ),
        least_mult_adds=int(mult_adds.min()),
        most_mult_adds=int(mult_adds.max()),
    )


def _held_out_error(amounts: Floats, times: Floats, index: int) -> float:
    others = np.arange(len(times)) != index
    predicted = amounts[index] @ _coefficients(amounts[others], times[others])
    return float(predicted / times[index] - 1)


def _coefficients(amounts: Floats, times: Floats) -> Floats:
    """Non-negative least squares of relative errors, reweighted so that outliers weigh less."""
    from scipy.optimize import nnls  # here: who only predicts needs none of it

    # Columns are scaled to 1 at most: multiply-adds and runs differ by a factor of 1e9.
    relative = amounts / times[:, None]
    scale = relative.max(axis=0)
    scale[scale == 0] = 1
    relative /= scale
    weights = np.ones(len(times))
    for _ in range(_ROUNDS):
        solution, _ = nnls(relative * weights[:, None], weights)
        errors = np.abs(relative @ solution - 1)
        ordinary = max(_ORDINARY_ERROR, 1.5 * float(np.median(errors)))
        weights = np.sqrt(np.minimum(1, ordinary / np.maximum(errors, ordinary)))
    return np.asarray(solution / scale, dtype=np.float64)
