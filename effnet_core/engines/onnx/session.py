"""A graph of `graph` ready to run on ONNX Runtime, on the CPU. This module needs no torch."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

ENGINE_VERSION = "2"
"""Counts up with every change of what `graph` and `gradients` write or of a session's settings.

Graphs kept on disk and calibrations of older versions are then used no more.
"""

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_CORES = Path("/sys/devices/system/cpu")
_ERRORS_ONLY = 3
_SPIN_MICROSECONDS = 200
"""How long an idle worker looks for work before it sleeps; ONNX Runtime's default is some 40 ms.

Long enough for the gaps within a pass. Measured on two cores, B0: a pass costs the same 7 ms, and
one of torch that follows 18 instead of 35 ms, because nothing spins beside it.
"""


class OnnxSession:
    """Runs one graph; several threads may run it at once, because a run changes nothing here.

    `threads` None takes `available_cores()`. Nodes run one after the other, each on all threads.
    Where they take every core that this process may use, each worker stays on one, as in ONNX
    Runtime's own default: a worker that wakes on the caller's core halves the speed of a pass.
    `name` is the runtime and its version, for read-outs. ONNX Runtime optimises the graph, writes
    the result to `optimised_to` if that is given, and takes an `optimised` graph as it is.
    Raises ONNX Runtime's own errors for a graph that it cannot take.
    """

    def __init__(
        self,
        graph: bytes,
        threads: int | None = None,
        *,
        optimised: bool = False,
        optimised_to: Path | None = None,
    ) -> None:
        import onnxruntime  # here: who only counts cores needs none of its 40 MB

        self.threads = available_cores() if threads is None else threads
        self.name = f"ONNX Runtime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = _ERRORS_ONLY
        if optimised:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        if optimised_to is not None:
            options.optimized_model_filepath = str(optimised_to)
        spin = str(_SPIN_MICROSECONDS)
        options.add_session_config_entry("session.intra_op.spin_duration_us", spin)
        if places := _places(self.threads):
            options.add_session_config_entry("session.intra_op_thread_affinities", places)
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self._inputs = tuple(value.name for value in self._session.get_inputs())

    def run(self, *inputs: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], ...]:
        """The graph's inputs in its order, images (B, 3, R, R) first → its outputs in its order."""
        return tuple(self._session.run(None, dict(zip(self._inputs, inputs, strict=True))))


def available_cores() -> int:
    """Physical cores that this process may use: affinity, the control group's quota, siblings.

    Two hardware threads of one core count once, because convolutions fill a core alone.
    """
    cores = _cores()
    return max(1, min(len(cores), _quota())) if cores else max(1, os.cpu_count() or 1)


def _cores() -> tuple[int, ...]:
    """The first hardware thread of each physical core that may be used; () where none can tell."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    first: dict[str, int] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        first.setdefault(_siblings(cpu), cpu)
    return tuple(first.values())


def _places(threads: int) -> str:
    """Where each worker stays, counted from 1 as ONNX Runtime does; "" for anywhere.

    The caller is a thread too and has no place. Under a quota below the number of cores the kernel
    chooses, since other groups would be told the same places.
    """
    cores = _cores()
    return ";".join(str(cpu + 1) for cpu in cores[1:]) if threads == len(cores) else ""


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
