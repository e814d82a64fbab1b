"""How long a network takes in torch on this machine, by the protocol of `latency.measuring`.

Each run is synchronised with the device. `measuring.measure_runtime` times the default back end,
which needs no torch.
"""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from effnet_core.architecture.scaling import validate_resolution
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import InvalidInput
from effnet_core.latency.machine import this_machine
from effnet_core.latency.measuring import LatencyMeasurement, Protocol, quartiles
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet

__all__ = ["LatencyMeasurement", "measure", "measure_spec"]


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
    protocol = Protocol(repeats=repeats, warmup=warmup)
    if batch < 1:
        raise InvalidInput(f"A measurement takes a batch of at least 1; got {batch}.")
    weight = next(model.parameters())
    side = model.spec.resolution if resolution is None else validate_resolution(resolution)
    shape = (batch, model.spec.in_channels, side, side)
    x = torch.randn(shape, device=weight.device, dtype=weight.dtype)
    with torch.inference_mode():
        times = protocol.times(lambda: model(x), lambda: _now(x.device))
    low, median, high = quartiles(times)
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
        engine=f"PyTorch {torch.__version__}",
        processor=this_machine().processor,
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


def _now(device: torch.device) -> float:
    """The clock's reading once the device has done all that this thread asked of it."""
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()
    return time.perf_counter()
