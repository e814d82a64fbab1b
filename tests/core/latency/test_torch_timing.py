"""The timing protocol: what runs how often, and what the figures are."""

from __future__ import annotations

import pytest
import torch

from effnet_core.architecture.names import scaled
from effnet_core.errors import InvalidInput
from effnet_core.latency import torch_timing
from effnet_core.latency.torch_timing import measure, measure_spec
from effnet_core.network.build import build

SPEC = scaled(-6, resolution=32, num_classes=2)


def test_every_run_is_made_and_warm_up_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    model, shapes = build(SPEC, seed=0), []
    model.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0].shape)))
    # The clock's readings: each run takes 1, 2, … 5 ms; 10 ms pass between runs.
    clock = iter([s for run in range(1, 6) for s in (0.01 * run, 0.01 * run + 0.001 * run)])
    monkeypatch.setattr(torch_timing.time, "perf_counter", lambda: next(clock))
    result = measure(model, repeats=5, warmup=2, batch=3)
    assert shapes == [(3, 3, 32, 32)] * 7
    assert (result.low_ms, result.median_ms, result.high_ms) == pytest.approx((2, 3, 4))
    assert (result.repeats, result.warmup, result.batch) == (5, 2, 3)


def test_the_settings_stand_beside_the_figures() -> None:
    result = measure_spec(SPEC, device="cpu", dtype="float64", repeats=2, warmup=0, resolution=48)
    assert 0 < result.low_ms <= result.median_ms <= result.high_ms
    assert (result.device, result.dtype, result.resolution) == ("cpu", "float64", 48)
    assert result.threads == torch.get_num_threads()


@pytest.mark.parametrize(
    "arguments",
    [
        {"repeats": 1},
        {"repeats": 1001},
        {"warmup": -1},
        {"warmup": 1001},
        {"batch": 0},
        {"resolution": 0},
        {"resolution": 100_000},
    ],
)
def test_settings_out_of_range_get_a_sentence(arguments: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        measure(build(SPEC, seed=0), **arguments)


@pytest.mark.gpu
def test_the_gpu_is_waited_for() -> None:
    spec = scaled(0)
    result = measure_spec(spec, device="cuda", repeats=5, batch=64)
    assert result.device == "cuda:0"
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    model, x = build(spec, device="cuda", seed=0), torch.randn(64, 3, 224, 224, device="cuda")
    with torch.inference_mode():
        model(x)
        start.record()
        model(x)
        end.record()
    torch.cuda.synchronize()
    assert result.median_ms > 0.5 * start.elapsed_time(end)
