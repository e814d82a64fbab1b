"""The sessions that classify: one on all cores, and one for each half of them."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from functools import partial

import numpy as np

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.background import Background
from effnet_core.engines.cores import CORES, HALVES, is_heavy
from effnet_core.engines.onnx.cache import WHOLE, GraphCache, graph_key
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.host import available_cores, give_back_memory, lower_priority

ENOUGH = 32
"""How many passes more must have met others than not for the session of many to answer all, and
then not have met others for that of one to. Each has the weights to itself, and takes some 50 ms to
build."""

_one_at_a_time = threading.Lock()
"""Of sessions that are built, then twice in memory: a crowd asks several networks at once."""


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
        self._met, self._is_for_many = 0, False
        self._whole, self._half = self._new_whole(), self._new_half()

    def any(self) -> OnnxSession | None:
        """One that stands, else the one on all cores once it does; None where there can be none."""
        return self._half.value or self._whole.wait()

    def fitting(self, all_cores: bool) -> OnnxSession | None:
        """The one for those who have asked of late, if it stands; returns at once.

        `all_cores` says whether the one who asks now has met nobody.
        """
        self._met = max(0, self._met - 1) if all_cores else min(ENOUGH, self._met + 1)
        if self._met in (0, ENOUGH):
            self._is_for_many = self._met == ENOUGH
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
        """Keep one: that on half of the cores goes where the other stands, until several ask."""
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

    with nullcontext() if heavy else _one_at_a_time:
        if graphs is None:
            session = OnnxSession(make(), threads, pooled=not heavy)
        else:
            key = graph_key(weights_sha256, spec, WHOLE)
            session = graphs.session(key, make, threads, pooled=not heavy)
    blank = np.zeros((1, spec.in_channels, spec.resolution, spec.resolution), np.float32)
    with nullcontext() if heavy else CORES.share():
        session.run(blank)
    give_back_memory()
    return session
