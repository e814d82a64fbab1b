"""ONNX Runtime as an engine on the CPU, with torch answering until its graphs stand."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from effnet_core.backends.eager import EagerEngine
from effnet_core.backends.engines import Look
from effnet_core.backends.later import Later
from effnet_core.model import EfficientNet
from effnet_core.runtime.graph import prefix_graph, whole_graph
from effnet_core.runtime.session import OnnxSession


class OnnxEngine:
    """One pass in float32 on the CPU, within 1e-4 of torch's.

    A graph is built in the background when it is first needed, once however many ask; until then,
    for inputs of another size than the spec's and where ONNX Runtime refuses the graph, torch's
    eager mode answers. Graphs hold the weights a second time: the model is kept for the gradients.
    """

    def __init__(self, model: EfficientNet) -> None:
        self._model = model
        self._eager = EagerEngine(model)
        # Made from the model alone: a reference back to this engine would outlive its last user.
        self._whole = Later(partial(_session, model, None), f"The graph of {model.spec.name}")
        self._prefixes = tuple(
            Later(partial(_session, model, n), f"The graph of {model.spec.name} to stage {n}")
            for n in range(model.last_stage)
        )

    @property
    def name(self) -> str:
        """What would answer now."""
        session = self._whole.get()
        return self._eager.name if session is None else session.name

    def ready(self, seconds: float | None = None) -> bool:
        """Wait until ONNX Runtime answers, `seconds` at most; whether it does."""
        return self._whole.wait(seconds) is not None

    def look(self, inputs: Tensor) -> Look:
        """One normalised picture (1, 3, H, W) → logits and last feature map."""
        session = self._whole.get() if self._fits(inputs) else None
        if session is None:
            return self._eager.look(inputs)
        logits, features = session.run(_array(inputs))
        return Look(logits[0], features[0], session.name)

    def prefix(self, inputs: Tensor, stage: int) -> Tensor:
        """(B, 3, H, W) → what `stage` puts out; raises InvalidInput for an unknown stage."""
        session = None
        if self._fits(inputs) and 0 <= stage <= self._model.last_stage:
            whole = stage == self._model.last_stage
            session = (self._whole if whole else self._prefixes[stage]).get()
        if session is None:
            return self._eager.prefix(inputs, stage)
        features = session.run(_array(inputs))[-1]
        with torch.inference_mode(False):
            return torch.from_numpy(features)

    def _fits(self, inputs: Tensor) -> bool:
        spec = self._model.spec
        size = (spec.in_channels, spec.resolution, spec.resolution)
        return inputs.dtype == torch.float32 and tuple(inputs.shape[1:]) == size


def _session(model: EfficientNet, stage: int | None) -> OnnxSession:
    """The whole network's session (None), or the one that ends with `stage`."""
    tensors = {name: _array(tensor) for name, tensor in model.state_dict().items()}
    if stage is None:
        return OnnxSession(whole_graph(model.spec, tensors))
    return OnnxSession(prefix_graph(model.spec, tensors, stage))


def _array(tensor: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().contiguous().numpy()
    return array
