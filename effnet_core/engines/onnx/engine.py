"""ONNX Runtime as an engine on the CPU; torch is needed for what it cannot do alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.background import Background
from effnet_core.engines.cores import CORES, HALVES, behind, is_heavy
from effnet_core.engines.engine import FeatureGradient, ForwardPass, Inputs
from effnet_core.engines.onnx.cache import WHOLE, GraphCache, graph_key
from effnet_core.engines.onnx.gradient_sessions import GradientSessions
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.host import available_cores, give_back_memory, lower_priority

if TYPE_CHECKING:
    from effnet_core.engines.torch import EagerEngine
    from effnet_core.network.model import EfficientNet


class OnnxEngine:
    """One pass in float32 on the CPU, within 1e-4 of torch's.

    A graph is built when it is first needed, once however many ask; `eager` makes what answers for
    inputs of another size than the spec's and where ONNX Runtime refuses the graph. Passes of
    several threads at once take half of the cores each, on a session of its own that is built when
    it first comes to that; those of a heavy network run behind all others, one at a time. `tensors`
    are the model's by the names of its state dict. `graphs` keeps graphs on disk under
    `weights_sha256`, which must be that of the model's weights; None keeps nothing.
    """

    def __init__(
        self,
        spec: ArchitectureSpec,
        tensors: Tensors,
        eager: Callable[[], EagerEngine],
        *,
        graphs: GraphCache | None = None,
        weights_sha256: str = "",
    ) -> None:
        self.spec = spec
        self.device = "cpu"
        self._is_heavy = is_heavy(spec)
        self._tensors = tensors
        self._eager = eager
        # Made from the tensors alone: a reference back to this engine would outlive its last user.
        half = max(1, available_cores() // HALVES)
        make = partial(_session, spec, tensors, graphs, weights_sha256)
        self._whole = Background(partial(make, None), f"The graph of {spec.name}")
        self._make_half = partial(make, half)
        self.rest()
        self._gradients = GradientSessions(spec, tensors, graphs, weights_sha256)

    @property
    def name(self) -> str:
        """What answers a picture of the spec's size."""
        session = self._whole.wait()
        return self._eager().name if session is None else session.name

    @property
    def model(self) -> EfficientNet:
        """The model as a torch module."""
        return self._eager().model

    def rest(self) -> None:
        """Let the second session go; those who use it now have their answers first."""
        self._half = Background(self._make_half, f"The second graph of {self.spec.name}")

    def class_weights(self, classes: Sequence[int]) -> npt.NDArray[np.float32]:
        """The classifier's rows (n, head channels) of n classes."""
        rows = self._tensors["classifier.weight"][list(classes)]
        return rows.astype(np.float32)

    def forward(self, inputs: Inputs) -> ForwardPass:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""
        values = self._fitting(inputs)
        session = None if values is None else self._whole.wait()
        if values is None or session is None:
            return self._eager().forward(inputs)
        if self._is_heavy:
            logits, features = behind(partial(session.run, values))
        else:
            with CORES.share() as all_cores:
                half = None if all_cores else self._half.get()
                logits, features = (half or session).run(values, steady=all_cores)
        return ForwardPass(logits[0], features[0], session.name)

    def gradients(
        self, inputs: Inputs, class_index: int, stages: tuple[int, ...]
    ) -> tuple[FeatureGradient, ...]:
        """Feature maps and a logit's gradients at `stages` of one picture (1, 3, H, W)."""
        values = self._fitting(inputs)
        found = None if values is None else self._gradients.at(values, class_index, stages)
        return self._eager().gradients(inputs, class_index, stages) if found is None else found

    def _fitting(self, inputs: Inputs) -> npt.NDArray[np.float32] | None:
        """The inputs as an array, if the graph takes it."""
        size = (self.spec.in_channels, self.spec.resolution, self.spec.resolution)
        values = np.ascontiguousarray(inputs) if tuple(inputs.shape[1:]) == size else None
        return values if values is not None and values.dtype == np.float32 else None


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

    if graphs is None:
        session = OnnxSession(make(), threads)
    else:
        key = graph_key(weights_sha256, spec, WHOLE)
        session = graphs.session(key, make, threads)
    blank = np.zeros((1, spec.in_channels, spec.resolution, spec.resolution), np.float32)
    with nullcontext() if heavy else CORES.share():
        session.run(blank)
    give_back_memory()
    return session
