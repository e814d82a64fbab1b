"""How long a network takes on this machine: one protocol, its settings kept beside the result.

Warm-up runs first, then each run is timed by itself; the median and the quartiles are kept, because
single runs on a shared machine scatter. This module needs no torch, and no runtime until a network
is timed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from effnet_core.architecture.scaling import validate_resolution
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import InvalidInput
from effnet_core.latency.machine import this_machine
from effnet_core.limits import MAX_TIMED_RUNS

Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class LatencyMeasurement:
    """Milliseconds of one forward pass of `batch` pictures of `resolution` × `resolution` pixels.

    `low_ms` and `high_ms` are the 25 % and 75 % quantiles of `repeats` runs. `threads` is the
    number of CPU threads of `engine`, the runtime with its version. The input is random; decoding
    and preprocessing are not in it.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    repeats: int
    warmup: int
    threads: int
    device: str
    dtype: str
    resolution: int
    batch: int
    engine: str
    processor: str


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How often a network runs: `warmup` runs, then `repeats`, more while `seconds` are not over.

    Raises InvalidInput for fewer than 2 repeats or more than 1,000 runs.
    """

    repeats: int = 20
    warmup: int = 3
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if not (2 <= self.repeats <= MAX_TIMED_RUNS and 0 <= self.warmup <= MAX_TIMED_RUNS):
            raise InvalidInput(
                f"A measurement takes 2 to {MAX_TIMED_RUNS} repeats and at most {MAX_TIMED_RUNS} "
                f"warm-up runs; got {self.repeats} and {self.warmup}."
            )

    def times(self, run: Callable[[], object], clock: Clock) -> tuple[float, ...]:
        """Milliseconds of each run after the warm-up."""
        for _ in range(self.warmup):
            run()
        found: list[float] = []
        end = clock() + self.seconds if self.seconds else None
        while len(found) < self.repeats or (
            end is not None and clock() < end and len(found) < MAX_TIMED_RUNS
        ):
            start = clock()
            run()
            found.append((clock() - start) * 1e3)
        return tuple(found)


def quartiles(times: Sequence[float]) -> tuple[float, float, float]:
    """25 % quantile, median and 75 % quantile of at least 2 times."""
    low, median, high = statistics.quantiles(times, n=4, method="inclusive")
    return low, median, high


def measure_runtime(
    spec: ArchitectureSpec,
    protocol: Protocol | None = None,
    *,
    resolution: int | None = None,
    batch: int = 1,
    clock: Clock = time.perf_counter,
) -> LatencyMeasurement:
    """Time `spec` with random weights on the default back end, ONNX Runtime on the CPU, in float32.

    Its session ends with the call: threads of one that waits would take the cores of the next.
    Raises InvalidInput as `Protocol` does, for an unusable resolution or batch, and for weights too
    large for one graph.
    """
    import numpy as np

    from effnet_core.engines.onnx.graph import whole_graph
    from effnet_core.engines.onnx.session import OnnxSession
    from effnet_core.engines.onnx.tensors import random_tensors

    protocol = protocol or Protocol()
    if batch < 1:
        raise InvalidInput(f"A measurement takes a batch of at least 1; got {batch}.")
    if resolution is not None:
        spec = replace(spec, resolution=validate_resolution(resolution))
    session = OnnxSession(whole_graph(spec, random_tensors(spec, 0)))
    shape = (batch, spec.in_channels, spec.resolution, spec.resolution)
    images = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    times = protocol.times(lambda: session.run(images), clock)
    low, median, high = quartiles(times)
    return LatencyMeasurement(
        median_ms=median,
        low_ms=low,
        high_ms=high,
        repeats=len(times),
        warmup=protocol.warmup,
        threads=session.threads,
        device="cpu",
        dtype="float32",
        resolution=spec.resolution,
        batch=batch,
        engine=session.name,
        processor=this_machine().processor,
    )
