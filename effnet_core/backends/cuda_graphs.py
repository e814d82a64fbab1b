"""CUDA graphs of a function, one for each shape of its input: recorded once, then replayed.

A pass of a small network is hundreds of kernels, each over before the next is asked for; a graph
asks for all of them at once.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

Outputs = tuple[Tensor, ...]
Run = Callable[[Tensor], Outputs]
Capture = Callable[[Run, Tensor], Run]
"""Records a function for inputs like one; what it returns overwrites its last outputs."""

MOST_GRAPHS = 2
"""What is kept of a function: each graph holds the memory of a whole pass."""

WARM_UP_PASSES = 3
"""As many as torch's own `make_graphed_callables` runs: libraries set themselves up in them."""

_CAPTURING = threading.Lock()
"""Torch records one graph at a time in a process, and frees no cached memory meanwhile."""

_log = logging.getLogger(__name__)


class Graphs:
    """`run`, recorded after the first input of a shape and replayed for the next ones.

    No call fails because of a graph. After one that could not be recorded or replayed, where
    `has_room` says no for an input, and where memory runs out, all graphs go and `run` answers for
    good; that is logged once. The least recently used graph goes where there are `MOST_GRAPHS`.

    Callers take turns: outputs are overwritten by the next call.
    """

    def __init__(self, run: Run, capture: Capture, has_room: Callable[[Tensor], bool]) -> None:
        self._run = run
        self._capture = capture
        self._has_room = has_room
        self._kept: OrderedDict[tuple[tuple[int, ...], torch.dtype], Run] = OrderedDict()
        self._given_up = False

    @property
    def count(self) -> int:
        """How many graphs are kept."""
        return len(self._kept)

    def __call__(self, inputs: Tensor) -> tuple[Outputs, bool]:
        """What `run` gives, and whether that was replayed; raises what `run` raises."""
        key = (tuple(inputs.shape), inputs.dtype)
        if key in self._kept:
            self._kept.move_to_end(key)
            try:
                return self._kept[key](inputs), True
            except Exception:  # noqa: BLE001 - the function itself can still answer
                self._give_up("one could not be replayed")
        outputs = self._answer(inputs)
        if not self._given_up:
            self._record(inputs)
        return outputs, False

    def _answer(self, inputs: Tensor) -> Outputs:
        try:
            return self._run(inputs)
        except torch.OutOfMemoryError:
            if not self._kept:
                raise
            self._give_up("memory ran out")
        return self._run(inputs)

    def _record(self, inputs: Tensor) -> None:
        while len(self._kept) >= MOST_GRAPHS:
            self._kept.popitem(last=False)
        try:
            if not self._has_room(inputs):
                self._give_up("there is little memory left", failed=False)
                return
            self._kept[tuple(inputs.shape), inputs.dtype] = self._capture(self._run, inputs)
        except Exception:  # noqa: BLE001 - whatever it is, the answer stands already
            self._give_up("one could not be recorded")

    def _give_up(self, why: str, *, failed: bool = True) -> None:
        self._given_up = True
        self._kept.clear()
        _log.warning(
            "No CUDA graphs any more: %s; torch's eager mode answers", why, exc_info=failed
        )


def capture_graph(run: Run, example: Tensor) -> Run:
    """`run` as a CUDA graph for inputs like `example` (B, C, H, W), held channels-last.

    Warm-up and recording share a stream beside the current one, as in torch's
    `make_graphed_callables`. Recorded "thread_local", so that other threads may allocate, copy and
    compute meanwhile, but not wait for the whole device. Replays run on the caller's stream. Raises
    RuntimeError where CUDA refuses.
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
