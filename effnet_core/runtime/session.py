"""A graph of `graph` ready to run on ONNX Runtime, on the CPU. This module needs no torch."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_CORES = Path("/sys/devices/system/cpu")
_ERRORS_ONLY = 3


class OnnxSession:
    """Runs one graph; several threads may run it at once, because a run changes nothing here.

    `threads` None takes `available_cores()`. Nodes run one after the other, each on all threads.
    `name` is the runtime and its version, for read-outs.
    Raises ONNX Runtime's own errors for a graph that it cannot take.
    """

    def __init__(self, graph: bytes, threads: int | None = None) -> None:
        import onnxruntime  # here: who only counts cores needs none of its 40 MB

        self.threads = available_cores() if threads is None else threads
        self.name = f"ONNX Runtime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = _ERRORS_ONLY
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        (self._input,) = (value.name for value in self._session.get_inputs())

    def run(self, images: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], ...]:
        """(B, 3, R, R) → the graph's outputs in its order, each with B first."""
        return tuple(self._session.run(None, {self._input: images}))


def available_cores() -> int:
    """Physical cores that this process may use: affinity, the control group's quota, siblings.

    Two hardware threads of one core count once, because convolutions fill a core alone.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if allowed is None:
        return max(1, os.cpu_count() or 1)
    cores = len({_siblings(cpu) for cpu in allowed})
    return max(1, min(cores, _quota()))


def _siblings(cpu: int) -> str:
    """The hardware threads of the core of `cpu`, as the kernel lists them."""
    try:
        path = _CORES / f"cpu{cpu}" / "topology" / "thread_siblings_list"
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return str(cpu)


def _quota() -> int:
    """Whole cores that the control group grants, or a very large number without a limit."""
    unlimited = 2**31
    try:
        limit, period = _QUOTA.read_text(encoding="ascii").split()
        return unlimited if limit == "max" else math.ceil(int(limit) / int(period))
    except (OSError, ValueError):
        return unlimited
