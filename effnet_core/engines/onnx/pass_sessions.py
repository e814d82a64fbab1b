"""The sessions that classify: one on all cores, and one for each half of them."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from functools import partial

import numpy as np

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize
from effnet_core.engines.background import Background
from effnet_core.engines.cores import CORES, HALVES, is_heavy
from effnet_core.engines.onnx.cache import WHOLE, GraphCache, graph_key
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.host import available_cores, give_back_memory, lower_priority

ENOUGH = 32
"""How far passes that met others must be ahead of those that did not for the session of many to
answer all; that of one does when none are left. Each has the weights to itself, and takes some 50
ms to build."""
MAX_POOLED_BYTES = 16_000_000
"""Activations at their peak, of networks that work in shared memory: all that are not heavy, at
their own input size. What two passes at once needed of it stays."""

_building = threading.Lock()
"""Held while a quick network's session is built, which then stands in memory twice: a crowd makes
several networks need another one at the same time."""


class PassSessions:
    """The sessions of one model, each built in the background when it is first asked for.

    `graphs` keeps their graph on disk under `weights_sha256`, as in `OnnxEngine`. Once the one that
    fits stands, the other is let go.
    """

    def __init__(
        self,
        spec: ArchitectureSpec,
        tensors: Tensors,
        graphs: GraphCache | None = None,
        weights_sha256: str = "",
    ) -> None:
        self._title = f"graph of {spec.name}"
        # Made from the tensors alone: a reference to who asks would outlive its last user.
        self._make = partial(_session, spec, tensors, graphs, weights_sha256)
        self._lock = threading.Lock()
        self._crowd, self._is_for_many = 0, False
        self._whole, self._half = self._new_whole(), self._new_half()

    def any(self) -> OnnxSession | None:
        """One that stands, else the one on all cores once it does; None where there can be none."""
        with self._lock:
            half, whole = self._half.value, self._whole
        return half or whole.wait()

    def fitting(self, all_cores: bool) -> OnnxSession | None:
        """The one for those who have asked of late, if it stands; returns at once.

        `all_cores` says whether the one who asks now has met nobody.
        """
        with self._lock:
            self._crowd = max(0, self._crowd - 1) if all_cores else min(ENOUGH, self._crowd + 1)
            if self._crowd in (0, ENOUGH):
                self._is_for_many = self._crowd == ENOUGH
            if self._is_for_many:
                found = self._half.get()
                if found is not None and self._whole.value:
                    self._whole = self._new_whole()
            else:
                found = self._whole.get()
                if found is not None and self._half.value:
                    self._half = self._new_half()
            return found

    def rest(self) -> None:
        """Keep one, and forget the crowd: whoever comes next is alone."""
        with self._lock:
            self._crowd, self._is_for_many = 0, False
            if self._whole.value is not None:
                self._half = self._new_half()

    def _new_half(self) -> Background[OnnxSession]:
        half = max(1, available_cores() // HALVES)
        return Background(partial(self._make, half), f"The second {self._title}")

    def _new_whole(self) -> Background[OnnxSession]:
        return Background(partial(self._make, None), f"The {self._title}")


def _session(
    spec: ArchitectureSpec,
    tensors: Tensors,
    graphs: GraphCache | None,
    weights_sha256: str,
    threads: int | None,
) -> OnnxSession:
    """A session that has run once: the first pass of a session is slower than others.

    A heavy one's threads are those of a thread behind others, as this then is.
    """
    heavy = is_heavy(spec)
    if heavy:
        lower_priority()

    def make() -> bytes:
        from effnet_core.engines.onnx.graph import whole_graph  # here: onnx takes a while to load

        return whole_graph(spec, tensors)

    pooled = not heavy and summarize(spec).peak_activation_bytes <= MAX_POOLED_BYTES
    with nullcontext() if heavy else _building:
        if graphs is None:
            session = OnnxSession(make(), threads, pooled=pooled)
        else:
            key = graph_key(weights_sha256, spec, WHOLE)
            session = graphs.session(key, make, threads, pooled=pooled)
    blank = np.zeros((1, spec.in_channels, spec.resolution, spec.resolution), np.float32)
    with nullcontext() if heavy else CORES.share():
        session.run(blank)
    give_back_memory()
    return session
