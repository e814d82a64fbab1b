"""The timing protocol: what runs how often, what the figures are, on the real runtime too."""

from __future__ import annotations

import itertools

import onnxruntime
import pytest

from effnet_core.architecture.names import scaled
from effnet_core.errors import InvalidInput
from effnet_core.host import available_cores
from effnet_core.latency import Protocol, measure_runtime
from effnet_core.latency.measuring import quartiles

SPEC = scaled(-6, resolution=32, num_classes=2)


class Machine:
    """Runs that take as long as they are told, and a clock that reads how long they took."""

    def __init__(self, *seconds: float) -> None:
        self.now, self.runs, self.takes = 0.0, 0, itertools.cycle(seconds)

    def run(self) -> None:
        self.runs += 1
        self.now += next(self.takes)

    def clock(self) -> float:
        return self.now


def test_every_run_is_made_and_warm_up_is_not_counted() -> None:
    machine = Machine(9, 9, 0.001, 0.002, 0.003, 0.004, 0.005)
    times = Protocol(repeats=5, warmup=2).times(machine.run, machine.clock)
    assert machine.runs == 7
    assert quartiles(times) == pytest.approx((2, 3, 4))


def test_runs_go_on_while_there_is_time() -> None:
    slow, quick = Machine(1.0), Machine(0.01)
    protocol = Protocol(repeats=4, warmup=0, seconds=0.995)
    assert len(protocol.times(slow.run, slow.clock)) == 4
    assert len(protocol.times(quick.run, quick.clock)) == 100
    endless = Machine(1e-9)
    assert len(protocol.times(endless.run, endless.clock)) == 1000


def test_the_settings_stand_beside_the_figures() -> None:
    found = measure_runtime(SPEC, Protocol(repeats=3, warmup=1), resolution=48, batch=2)
    assert 0 < found.low_ms <= found.median_ms <= found.high_ms
    assert (found.repeats, found.warmup, found.resolution, found.batch) == (3, 1, 48, 2)
    assert (found.device, found.dtype) == ("cpu", "float32")
    assert found.threads == available_cores()
    assert found.engine == f"ONNX Runtime {onnxruntime.__version__}"


@pytest.mark.parametrize(
    "wrong", [{"repeats": 1}, {"repeats": 1001}, {"warmup": -1}, {"warmup": 1001}]
)
def test_runs_out_of_range_get_a_sentence(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="2 to 1000 repeats"):
        Protocol(**wrong)


def test_a_batch_or_resolution_that_cannot_be_gets_a_sentence() -> None:
    with pytest.raises(InvalidInput, match="batch of at least 1"):
        measure_runtime(SPEC, batch=0)
    with pytest.raises(InvalidInput):
        measure_runtime(SPEC, resolution=0)
