"""CUDA graphs of a function, one for each shape of its input: recorded once, then replayed.

A pass of a small network is hundreds of kernels, each over before the next is asked for; a graph
asks for all of them at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
from cachetools import LRUCache
from torch import Tensor

Outputs = tuple[Tensor, ...]
Run = Callable[[Tensor], Outputs]
Shape = tuple[tuple[int, ...], torch.dtype]
Capture = Callable[[Run, Tensor], Run]
"""Records a function for inputs like one; what it returns overwrites its last outputs."""

MOST_GRAPHS = 2
"""What is kept of a function: each graph holds the memory of a whole pass."""

WARM_UP_PASSES = 3
"""As many as torch's own `make_graphed_callables` runs: libraries set themselves up in them."""

_CAPTURING = threading.Lock()
"""Torch records one graph at a time in a process, and frees no cached memory meanwhile."""

_log = logging.getLogger(__name__)


class Turns:
    """Callers of one set of buffers, one after the other, whatever streams they compute on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: torch.cuda.Event | None = None

    @contextmanager
    def take(self, device: torch.device) -> Iterator[None]:
        """Work of the block comes after the last block's, on the host and on `device`.

        On a CUDA device that is what the block asks of its current stream, which it must not
        change; nobody waits on the host for it.
        """
        with self._lock:
            if device.type != "cuda":
                yield
                return
            stream = torch.cuda.current_stream(device)
            if self._last is not None:
                stream.wait_event(self._last)
            try:
                yield
            finally:
                self._last = stream.record_event(self._last)


class Graphs:
    """`run`, recorded when a shape of input comes for the second time and replayed from then on.

    So the first answer waits for no recording, and a shape that comes once costs no memory. It is
    recorded in its caller's turn and not in a thread beside it: while that lasts, nobody in the
    process may wait for the whole device.

    No call fails because of a graph. A shape that `has_room` says no to, or that memory runs out
    for while it is recorded, is `run`'s for good, and the others keep their graphs. After any other
    recording or a replay that failed, and where memory runs out for `run` itself beside graphs, all
    of them go and `run` answers for good. Each of this is logged once. The least recently used
    graph goes where there are `MOST_GRAPHS`.

    Callers take turns: outputs are overwritten by the next call.
    """

    def __init__(self, run: Run, capture: Capture, has_room: Callable[[Tensor], bool]) -> None:
        self._run = run
        self._capture = capture
        self._has_room = has_room
        self._kept: LRUCache[Shape, Run] = LRUCache(MOST_GRAPHS)
        self._came_once: set[Shape] = set()
        self._refused: set[Shape] = set()
        self._given_up = False

    @property
    def count(self) -> int:
        """How many graphs are kept."""
        return len(self._kept)

    def __call__(self, inputs: Tensor) -> tuple[Outputs, bool]:
        """What `run` gives, and whether that was replayed; raises what `run` raises."""
        shape = (tuple(inputs.shape), inputs.dtype)
        if shape in self._came_once:
            self._came_once.remove(shape)
            self._record(shape, inputs)
        if shape in self._kept:
            try:
                return self._kept[shape](inputs), True
            except Exception:  # noqa: BLE001 - the function itself can still answer
                self._give_up("one could not be replayed")
        outputs = self._answer(inputs)
        if not self._given_up and shape not in self._refused:
            self._came_once.add(shape)
        return outputs, False

    def _answer(self, inputs: Tensor) -> Outputs:
        try:
            return self._run(inputs)
        except torch.OutOfMemoryError:
            if not self._kept:
                raise
            self._give_up("memory ran out")
        return self._run(inputs)

    def _record(self, shape: Shape, inputs: Tensor) -> None:
        try:
            if not self._has_room(inputs):
                self._refuse(shape, "there is little memory left", failed=False)
                return
            self._kept[shape] = self._capture(self._run, inputs)
        except torch.OutOfMemoryError:
            self._refuse(shape, "memory ran out")
        except Exception:  # noqa: BLE001 - whatever it is, the function itself can still answer
            self._give_up("one could not be recorded")

    def _refuse(self, shape: Shape, why: str, *, failed: bool = True) -> None:
        self._refused.add(shape)
        sizes = " × ".join(map(str, shape[0]))
        _log.warning(
            "No CUDA graph for %s: %s; torch's eager mode answers", sizes, why, exc_info=failed
        )

    def _give_up(self, why: str) -> None:
        self._given_up = True
        self._kept.clear()
        self._came_once.clear()
        _log.warning("No CUDA graphs any more: %s; torch's eager mode answers", why, exc_info=True)


def capture_graph(run: Run, example: Tensor) -> Run:
    """`run` as a CUDA graph for inputs like `example` (B, C, H, W), held channels-last.

    Warm-up and recording share a stream beside the current one, as in torch's
    `make_graphed_callables`. Recorded "thread_local", so that other threads may allocate, copy and
    compute meanwhile, but not wait for the whole device. Replays run on the caller's stream, each
    time on the same buffers: callers on several streams need `Turns`. Raises RuntimeError where
    CUDA refuses.
    """
    with _CAPTURING, torch.cuda.device(example.device):
        static = torch.empty_like(example, memory_format=torch.channels_last).copy_(example)
        stream, current = _side_stream(example.device), torch.cuda.current_stream()
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_PASSES):
                run(static)
        current.wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            outputs = run(static)

    def replay(inputs: Tensor) -> Outputs:
        # Once the graph goes, others get this memory only after the last replay on each stream.
        static.record_stream(torch.cuda.current_stream(static.device))
        static.copy_(inputs)
        graph.replay()
        return outputs

    return replay


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    """One stream for all recordings: libraries keep some memory for each that they have seen."""
    return torch.cuda.Stream(device)


def release_cached_memory() -> None:
    """Give the driver back what torch's allocator holds unused, if it can do so now."""
    with _CAPTURING:
        try:
            torch.cuda.empty_cache()
        except RuntimeError:
            _log.warning("Torch did not release its cached memory", exc_info=True)
