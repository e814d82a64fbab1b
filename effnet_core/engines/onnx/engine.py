"""ONNX Runtime as an engine on the CPU, with torch answering until its graphs stand."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from effnet_core.engines.background import Background
from effnet_core.engines.cores import CORES, HALVES
from effnet_core.engines.engine import FeatureGradient, ForwardPass
from effnet_core.engines.onnx.cache import GraphCache, graph_key
from effnet_core.engines.onnx.gradient_sessions import GradientSessions
from effnet_core.engines.onnx.graph import whole_graph
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.torch import EagerEngine
from effnet_core.host import available_cores
from effnet_core.network.model import EfficientNet


class OnnxEngine:
    """One pass in float32 on the CPU, within 1e-4 of torch's.

    A graph is built in the background when it is first needed, once however many ask; until then,
    for inputs of another size than the spec's and where ONNX Runtime refuses the graph, torch's
    eager mode answers. Passes of several threads at once take half of the cores each, on a session
    of its own that is built when it first comes to that. Sessions hold the weights a second and
    third time: the model itself is kept for what torch answers. `graphs` keeps graphs on disk under
    `weights_sha256`, which must be that of the model's weights; None keeps nothing.
    """

    def __init__(
        self, model: EfficientNet, graphs: GraphCache | None = None, weights_sha256: str = ""
    ) -> None:
        self._model = model
        self._eager = EagerEngine(model)
        # Made from the model alone: a reference back to this engine would outlive its last user.
        name, half = model.spec.name, max(1, available_cores() // HALVES)
        make = partial(_session, model, graphs, weights_sha256)
        self._whole = Background(partial(make, None), f"The graph of {name}")
        self._half = Background(partial(make, half), f"The second graph of {name}")
        self._gradients = GradientSessions(model, graphs, weights_sha256)

    @property
    def name(self) -> str:
        """What would answer now."""
        session = self._whole.get()
        return self._eager.name if session is None else session.name

    def ready(self, seconds: float | None = None, *, stages: tuple[int, ...] = ()) -> bool:
        """Wait until ONNX Runtime answers, `seconds` at most; whether it does.

        With `stages` until it gives their gradients.
        """
        if stages:
            return self._gradients.ready(stages, seconds)
        return self._whole.wait(seconds) is not None

    def forward(self, inputs: Tensor) -> ForwardPass:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""
        session = self._whole.get() if self._fits(inputs) else None
        if session is None:
            return self._eager.forward(inputs)
        with CORES.share() as all_cores:
            half = None if all_cores else self._half.get()
            logits, features = (half or session).run(_array(inputs))
        return ForwardPass(logits[0], features[0], session.name)

    def gradients(
        self, inputs: Tensor, class_index: int, stages: tuple[int, ...]
    ) -> tuple[FeatureGradient, ...]:
        """Feature maps and a logit's gradients at `stages` of one picture (1, 3, H, W)."""
        found = self._gradients.at(inputs, class_index, stages) if self._fits(inputs) else None
        return self._eager.gradients(inputs, class_index, stages) if found is None else found

    def _fits(self, inputs: Tensor) -> bool:
        spec = self._model.spec
        size = (spec.in_channels, spec.resolution, spec.resolution)
        return inputs.dtype == torch.float32 and tuple(inputs.shape[1:]) == size


def _session(
    model: EfficientNet, graphs: GraphCache | None, weights_sha256: str, threads: int | None
) -> OnnxSession:
    """A session that has run once: the first pass of a session is slower than others."""
    spec = model.spec

    def make() -> bytes:
        tensors = {name: _array(tensor) for name, tensor in model.state_dict().items()}
        return whole_graph(spec, tensors)

    if graphs is None:
        session = OnnxSession(make(), threads)
    else:
        key = graph_key(weights_sha256, spec, "logits and features")
        session = graphs.session(key, make, threads)
    blank = np.zeros((1, spec.in_channels, spec.resolution, spec.resolution), np.float32)
    with CORES.share():
        session.run(blank)
    return session


def _array(tensor: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().contiguous().numpy()
    return array
