"""Feature maps with a logit's gradient by them, from a pass that ONNX Runtime runs both ways."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.background import Background
from effnet_core.engines.cores import CORES, behind, is_heavy
from effnet_core.engines.engine import FeatureGradient
from effnet_core.engines.onnx.cache import GraphCache, graph_key
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.host import lower_priority

MOST_SESSIONS = 2
"""What is kept of a model: each session holds its weights twice."""

Stages = tuple[int, ...]


class GradientSessions:
    """The sessions of one model that run back to some stages, built when first asked for.

    `graphs` keeps their graphs on disk under `weights_sha256`, as in `OnnxEngine`. Measured on two
    cores for stage 3, from the model to a session: B0 179 ms, from disk 104; B4 1,053 and 551.
    """

    def __init__(
        self,
        spec: ArchitectureSpec,
        tensors: Tensors,
        graphs: GraphCache | None = None,
        weights_sha256: str = "",
    ) -> None:
        self._spec = spec
        self._tensors = tensors
        self._graphs = graphs
        self._weights_sha256 = weights_sha256
        self._sessions: LRUCache[Stages, Background[OnnxSession]] = LRUCache(MOST_SESSIONS)
        self._lock = threading.Lock()

    def at(
        self, inputs: npt.NDArray[np.float32], class_index: int, stages: Stages
    ) -> tuple[FeatureGradient, ...] | None:
        """The pairs of `stages`, in rising order, of one picture (1, 3, R, R).

        None where ONNX Runtime refuses their graph.
        """
        session = self._session(stages).wait()
        if session is None:
            return None
        seed = self._seed(class_index)
        if is_heavy(self._spec):
            *outputs, last = behind(partial(session.run, inputs, seed))
        else:
            with CORES.alone():
                *outputs, last = session.run(inputs, seed)
        pairs = tuple(
            (features[0], gradient[0])
            for features, gradient in zip(outputs[::2], outputs[1::2], strict=True)
        )
        if stages[-1] <= self._spec.stage_count:
            return pairs
        return *pairs, (last[0], np.broadcast_to(seed[0], last[0].shape))

    def _session(self, stages: Stages) -> Background[OnnxSession]:
        with self._lock:
            session = self._sessions.get(stages)
            if session is None:
                title = f"The gradients of {self._spec.name} at {stages}"
                inner = tuple(stage for stage in stages if stage <= self._spec.stage_count)
                make = partial(
                    _built, self._spec, self._tensors, inner, self._graphs, self._weights_sha256
                )
                session = self._sessions[stages] = Background(make, title)
            return session

    def _seed(self, class_index: int) -> npt.NDArray[np.float32]:
        """The class's weights divided by the positions of the last feature map, (1, C, 1, 1)."""
        side = -(-self._spec.resolution // 32)
        weights = self._tensors["classifier.weight"][class_index]
        return np.asarray(weights[None, :, None, None] / (side * side), dtype=np.float32)


def _built(
    spec: ArchitectureSpec,
    tensors: Tensors,
    inner: Stages,
    graphs: GraphCache | None,
    weights_sha256: str,
) -> OnnxSession:
    if is_heavy(spec):
        lower_priority()

    def make() -> bytes:
        from effnet_core.engines.onnx.gradients import gradient_graph  # here: for onnx

        return gradient_graph(spec, tensors, inner)

    if graphs is None:
        return OnnxSession(make())
    return graphs.session(graph_key(weights_sha256, spec, f"gradients at {inner}"), make)
