"""How long a network takes on this machine: one protocol, its settings kept beside the result.

Warm-up runs first, then each run is timed by itself, synchronised with the device; the median and
the quartiles are kept, because single runs on a shared machine scatter.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace

import torch

from effnet_core.architecture import ArchitectureSpec
from effnet_core.builder import build
from effnet_core.errors import InvalidInput
from effnet_core.model import EfficientNet
from effnet_core.scaling import validate_resolution

MAX_RUNS = 1000


@dataclass(frozen=True, kw_only=True)
class LatencyMeasurement:
    """Milliseconds of one forward pass of `batch` pictures of `resolution` × `resolution` pixels.

    `low_ms` and `high_ms` are the 25 % and 75 % quantiles of `repeats` runs. `threads` is torch's
    number of CPU threads. The input is random; decoding and preprocessing are not in it.
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


def measure(
    model: EfficientNet,
    *,
    repeats: int = 20,
    warmup: int = 3,
    resolution: int | None = None,
    batch: int = 1,
) -> LatencyMeasurement:
    """Time the forward pass of `model` where it lies, at its spec's resolution unless given.

    Raises InvalidInput for fewer than 2 repeats, no input, or more than 1,000 runs.
    """
    if not (2 <= repeats <= MAX_RUNS and 0 <= warmup <= MAX_RUNS and batch >= 1):
        raise InvalidInput(
            f"A measurement takes 2 to {MAX_RUNS} repeats, at most {MAX_RUNS} warm-up runs and a "
            f"batch of at least 1; got {repeats}, {warmup} and {batch}."
        )
    weight = next(model.parameters())
    side = model.spec.resolution if resolution is None else validate_resolution(resolution)
    shape = (batch, model.spec.in_channels, side, side)
    x = torch.randn(shape, device=weight.device, dtype=weight.dtype)
    with torch.inference_mode():
        for _ in range(warmup):
            model(x)
        times = [_one_run(model, x) for _ in range(repeats)]
    low, median, high = statistics.quantiles(times, n=4, method="inclusive")
    return LatencyMeasurement(
        median_ms=median,
        low_ms=low,
        high_ms=high,
        repeats=repeats,
        warmup=warmup,
        threads=torch.get_num_threads(),
        device=str(weight.device),
        dtype=str(weight.dtype).removeprefix("torch."),
        resolution=side,
        batch=batch,
    )


def measure_spec(
    spec: ArchitectureSpec,
    *,
    device: str = "auto",
    dtype: str = "float32",
    repeats: int = 20,
    warmup: int = 3,
    resolution: int | None = None,
    batch: int = 1,
) -> LatencyMeasurement:
    """Time any architecture with random weights, as `measure` does.

    Random weights make activations small but not subnormal, so they cost what trained ones do.
    Raises DoesNotFit, or InvalidInput as `measure` and `build` do.
    """
    if resolution is not None:
        spec = replace(spec, resolution=validate_resolution(resolution))
    model = build(spec, device=device, dtype=dtype, seed=0, batch=batch)
    return measure(model, repeats=repeats, warmup=warmup, batch=batch)


def _one_run(model: EfficientNet, x: torch.Tensor) -> float:
    _synchronise(x.device)
    start = time.perf_counter()
    model(x)
    _synchronise(x.device)
    return (time.perf_counter() - start) * 1e3


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
