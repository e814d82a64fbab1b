"""ONNX Runtime as an engine on the CPU; torch is needed for what it cannot do alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.cores import CORES, behind, is_heavy
from effnet_core.engines.engine import FeatureGradient, ForwardPass, Inputs
from effnet_core.engines.onnx.cache import GraphCache
from effnet_core.engines.onnx.gradient_sessions import GradientSessions
from effnet_core.engines.onnx.pass_sessions import PassSessions
from effnet_core.engines.onnx.tensors import Tensors

if TYPE_CHECKING:
    from effnet_core.engines.torch import EagerEngine
    from effnet_core.network.model import EfficientNet


class OnnxEngine:
    """One pass in float32 on the CPU, within 1e-4 of torch's.

    A graph is built when it is first needed, once however many ask; `eager` makes what answers for
    inputs of another size than the spec's and where ONNX Runtime refuses the graph. Passes of
    several threads at once take half of the cores each (`PassSessions`); those of a heavy network
    run behind all others, one at a time. `tensors` are the model's by the names of its state dict.
    `graphs` keeps graphs on disk under `weights_sha256`, which must be that of the model's weights;
    None keeps nothing.
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
        self._sessions = PassSessions(spec, tensors, graphs, weights_sha256)
        self._gradients = GradientSessions(spec, tensors, graphs, weights_sha256)

    @property
    def name(self) -> str:
        """What answers a picture of the spec's size."""
        session = self._sessions.any()
        return self._eager().name if session is None else session.name

    @property
    def model(self) -> EfficientNet:
        """The model as a torch module."""
        return self._eager().model

    def rest(self) -> None:
        """Keep one session; those who use another now have their answers first."""
        self._sessions.rest()

    def class_weights(self, classes: Sequence[int]) -> npt.NDArray[np.float32]:
        """The classifier's rows (n, head channels) of n classes."""
        rows = self._tensors["classifier.weight"][list(classes)]
        return rows.astype(np.float32)

    def forward(self, inputs: Inputs) -> ForwardPass:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""
        values = self._fitting(inputs)
        session = None if values is None else self._sessions.any()
        if values is None or session is None:
            return self._eager().forward(inputs)
        if self._is_heavy:
            logits, features = behind(partial(session.run, values))
        else:
            with CORES.share() as all_cores:
                session = self._sessions.fitting(all_cores) or session
                logits, features = session.run(values, steady=all_cores)
        # Copies: ONNX Runtime's own arrays, kept, hold on to the memory that a session works in.
        return ForwardPass(logits[0].copy(), features[0].copy(), session.name)

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
