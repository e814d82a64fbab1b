"""ONNX Runtime's engine of a torch module's own tensors."""

from __future__ import annotations

from functools import partial

from effnet_core.engines.onnx.engine import OnnxEngine
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.engines.torch import EagerEngine
from effnet_core.network.model import EfficientNet


def tensors_of(model: EfficientNet) -> Tensors:
    return {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}


def onnx_engine(model: EfficientNet) -> OnnxEngine:
    return OnnxEngine(model.spec, tensors_of(model), partial(EagerEngine, model))
