"""A graph of `graph` ready to run on ONNX Runtime, on the CPU. This module needs no torch."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from effnet_core.host import available_cores, cores

ENGINE_VERSION = "3"
"""Counts up with every change of what `graph` and `gradients` write or of a session's settings.

Graphs kept on disk and calibrations of older versions are then used no more.
"""

_ERRORS_ONLY = 3
_SLOW, _FORGET, _HELD_RUNS = 1.5, 1.001, 32
"""From how many times its shortest run on a session is disturbed, how much that grows a run, and
for how many runs the caller is then held on its core.
"""
_SPIN_MICROSECONDS = 200
"""How long an idle worker looks for work before it sleeps; ONNX Runtime's default is some 40 ms.

Long enough for the gaps within a pass. Measured on two cores, B0: a pass costs the same 7 ms, and
one of torch that follows 18 instead of 35 ms, because nothing spins beside it.
"""


class OnnxSession:
    """Runs one graph; several threads may run it at once.

    `threads` None takes `available_cores()`. Nodes run one after the other, each on all threads.
    Where they take every core that this process may use, each worker stays on one, as in ONNX
    Runtime's own default: a worker that wakes on the caller's core halves the speed of a pass. So
    does a caller that wakes on a worker's, which comes to stay where other programs, however low
    their priority, keep its own core busy. Measured on two cores, Lite0 beside two occlusions by
    B7: mostly 2.1 to 2.6 times the idle time, and 1.0 to 1.4 with the caller held on its core. To
    hold it takes 0.1 ms, so that is done after a slow run alone.
    `pooled` ones work in memory that they share and that stays until the process ends: Lite0 to
    Lite2, two passes at a time, in 33 MB, and in 71 where each has its own. A pass takes as long.
    `name` is the runtime and its version, for read-outs. ONNX Runtime optimises the graph, writes
    the result to `optimised_to` if that is given, and takes an `optimised` graph as it is.
    Raises ONNX Runtime's own errors for a graph that it cannot take.
    """

    def __init__(
        self,
        graph: bytes,
        threads: int | None = None,
        *,
        pooled: bool = False,
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
        if pooled:
            with _pool_lock:
                _make_pool()
            options.add_session_config_entry("session.use_env_allocators", "1")
        spin = str(_SPIN_MICROSECONDS)
        options.add_session_config_entry("session.intra_op.spin_duration_us", spin)
        self._shortest, self._held_runs = math.inf, 0
        self._first_core: int | None = None
        if places := _places(self.threads):
            self._first_core = cores()[0]
            options.add_session_config_entry("session.intra_op_thread_affinities", places)
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        # Kept for a change of providers, which never comes: as many bytes as the weights.
        self._session._model_bytes = None
        self._inputs = tuple(value.name for value in self._session.get_inputs())

    def run(
        self, *inputs: npt.NDArray[np.float32], steady: bool = False
    ) -> tuple[npt.NDArray[np.float32], ...]:
        """The graph's inputs in its order, images (B, 3, R, R) first → its outputs in its order.

        With `steady`, for who is alone on this session and always brings inputs of one shape, the
        caller is held on its core for a while after a slow run.
        """
        fed = dict(zip(self._inputs, inputs, strict=True))
        if not steady or self._first_core is None:
            return tuple(self._session.run(None, fed))
        held = self._held_runs > 0
        start = time.perf_counter()
        with _on_core(self._first_core) if held else nullcontext():
            found = tuple(self._session.run(None, fed))
        self._judge(time.perf_counter() - start, was_held=held)
        return found

    def _judge(self, seconds: float, *, was_held: bool) -> None:
        self._shortest = min(seconds, _FORGET * self._shortest)
        if was_held:
            self._held_runs -= 1
        elif seconds > _SLOW * self._shortest:
            self._held_runs = _HELD_RUNS


_pool_lock = threading.Lock()


@cache
def _make_pool() -> None:
    """Make the memory that pooled sessions share, as large as they need; once for a process."""
    import onnxruntime

    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    place = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg({}))


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    """Hold this thread on one core, where the system lets it."""
    before = os.sched_getaffinity(0)
    with suppress(OSError):  # the core may have been taken away since
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, before)


def _places(threads: int) -> str:
    """Where each worker stays, counted from 1 as ONNX Runtime does; "" for anywhere.

    The caller is a thread too and has no place. Under a quota below the number of cores the kernel
    chooses, since other groups would be told the same places.
    """
    found = cores()
    return ";".join(str(cpu + 1) for cpu in found[1:]) if threads == len(found) else ""
