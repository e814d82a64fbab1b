"""Milliseconds of networks never timed, from a few timed ones on the same machine. Needs no torch.

A network's time is a sum over kinds of layer: multiply-adds / throughput for 1×1, depthwise and
dense k×k convolutions, bytes / bandwidth for weights and feature maps, an overhead for each layer
and one for each run. `fit` finds the non-negative coefficients with the least squared relative
error; errors are those of each timed network predicted from the others.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from effnet_core.architecture import ArchitectureSpec
from effnet_core.cost import analyze, element_bytes
from effnet_core.errors import InvalidInput
from effnet_core.layer_costs import LayerCost, Role

TERMS = (
    "pointwise_mult_adds",
    "depthwise_mult_adds",
    "dense_mult_adds",
    "weight_bytes",
    "feature_bytes",
    "layers",
    "runs",
)
# One network more than coefficients, so that leaving one out still determines them.
MIN_NETWORKS = len(TERMS) + 1

_POINTWISE: tuple[Role, ...] = ("expand", "project", "head")
_DENSE: tuple[Role, ...] = ("stem", "fused")


@dataclass(frozen=True)
class TimedNetwork:
    """A network and its measured median in milliseconds, for one float32 picture."""

    spec: ArchitectureSpec
    median_ms: float


@dataclass(frozen=True)
class PredictedLatency:
    """Milliseconds predicted for one float32 picture, and the band that the errors span.

    `extrapolated` says that the network has more or fewer multiply-adds than any that was timed,
    where the band is not known to hold.
    """

    ms: float
    low_ms: float
    high_ms: float
    extrapolated: bool = False


@dataclass(frozen=True, kw_only=True)
class LatencyModel:
    """Coefficients in milliseconds a unit of `TERMS`, and the relative errors of held-out networks.

    `held_out_errors` are predicted / measured - 1, each from a fit without that network, in the
    order given. `least_mult_adds` and `most_mult_adds` bound the networks that were timed.
    """

    coefficients: tuple[float, ...]
    held_out_errors: tuple[float, ...]
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

    def predict(self, spec: ArchitectureSpec) -> PredictedLatency:
        """Time of `spec` at its resolution; the band holds every held-out network's measurement."""
        amounts = terms(spec)
        ms = float(np.dot(amounts, self.coefficients))
        mult_adds = sum(amounts[:3])
        return PredictedLatency(
            ms=ms,
            low_ms=ms / (1 + max(0.0, *self.held_out_errors)),
            high_ms=ms / (1 + min(0.0, *self.held_out_errors)),
            extrapolated=not self.least_mult_adds <= mult_adds <= self.most_mult_adds,
        )


def terms(spec: ArchitectureSpec) -> tuple[int, ...]:
    """What `TERMS` count in one float32 picture's pass.

    Squeeze-and-excitation and the classifier multiply one vector, which takes as long as reading
    their weights: they count by bytes alone. Feature bytes are written by each other convolution
    and read by the next. Batch-norm is folded and counts nothing.
    """
    layers = [layer for layer in analyze(spec).layers if layer.kind in ("conv", "linear")]
    element = element_bytes("float32")
    return (
        _mult_adds(layers, _POINTWISE),
        _mult_adds(layers, ("depthwise",)),
        _mult_adds(layers, _DENSE),
        element * sum(layer.params for layer in layers),
        2 * element * sum(layer.activations for layer in layers),
        len(layers),
        1,
    )


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
    mult_adds = amounts[:, :3].sum(axis=1)
    return LatencyModel(
        coefficients=tuple(_coefficients(amounts, times).tolist()),
        held_out_errors=tuple(
            _held_out_error(amounts, times, index) for index in range(len(networks))
        ),
        least_mult_adds=int(mult_adds.min()),
        most_mult_adds=int(mult_adds.max()),
    )


def interleaved_medians(
    runs: Sequence[Callable[[], object]],
    *,
    passes: int,
    warmup: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, ...]:
    """Median milliseconds of each of `runs`, in their order.

    Every pass times each once, so that a disturbance of the machine falls on all of them alike.
    Raises InvalidInput without a pass.
    """
    if passes < 1:
        raise InvalidInput(f"A timing takes at least 1 pass; got {passes}.")
    for run in runs:
        for _ in range(warmup):
            run()
    times = [[_elapsed_ms(run, clock) for run in runs] for _ in range(passes)]
    return tuple(statistics.median(column) for column in zip(*times, strict=True))


def _mult_adds(layers: Sequence[LayerCost], roles: tuple[Role, ...]) -> int:
    return sum(layer.mult_adds for layer in layers if layer.role in roles)


def _held_out_error(
    amounts: npt.NDArray[np.float64], times: npt.NDArray[np.float64], index: int
) -> float:
    others = np.arange(len(times)) != index
    predicted = amounts[index] @ _coefficients(amounts[others], times[others])
    return float(predicted / times[index] - 1)


def _coefficients(
    amounts: npt.NDArray[np.float64], times: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Non-negative least squares of relative errors."""
    # Columns are scaled to 1 at most: multiply-adds and runs differ by a factor of 1e9.
    relative = amounts / times[:, None]
    scale = relative.max(axis=0)
    scale[scale == 0] = 1
    solution, _ = nnls(relative / scale, np.ones(len(times)))
    return np.asarray(solution / scale, dtype=np.float64)


def _elapsed_ms(run: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    run()
    return (clock() - start) * 1e3
