"""An `ArchitectureSpec` and its tensors as an ONNX graph for inference, batch-norm folded away.

Written layer by layer rather than traced: it takes milliseconds where tracing takes seconds, and
every feature map can be an output or the start of the graph. `export` writes ONNX files for others.
Whatever changes a graph counts `session.ENGINE_VERSION` up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.errors import InvalidInput
from effnet_core.limits import MAX_ONNX_BYTES

INPUT, LOGITS, FEATURES = "images", "logits", "features"

_OPSET = 20
_IR_VERSION = 10


def whole_graph(spec: ArchitectureSpec, tensors: Tensors) -> bytes:
    """The network from "images" (batch, 3, R, R) to "logits" (batch, classes) and "features".

    R is the spec's resolution; "features" (batch, head channels, ⌈R/32⌉, ⌈R/32⌉) is the last
    feature map. `tensors` are the model's own, by the names of `EfficientNet.state_dict()`. Raises
    InvalidInput for weights past `MAX_ONNX_BYTES`.
    """
    writer = Writer(spec, tensors)
    features = writer.features(spec.stage_count + 1)
    logits = writer.classifier(features)
    return writer.file({logits: LOGITS, features: FEATURES})


class Writer:
    """Appends nodes; every method takes and returns the name of a value."""

    def __init__(self, spec: ArchitectureSpec, tensors: Tensors) -> None:
        self.spec, self.tensors = spec, tensors
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}
        self.side = spec.resolution
        self.inputs: dict[str, tuple[str | int, ...]] = {
            INPUT: ("batch", spec.in_channels, self.side, self.side)
        }

    def features(self, last: int) -> str:
        """Stem, stages and head convolution, up to and with stage `last`."""
        x = self._conv_norm_act(INPUT, "stem", kernel=3, stride=2)
        for block in self.spec.blocks:
            if block.stage <= last:
                place = f"stages.{block.stage}.{block.index}"
                x = self._block(x, place, block)
        return self._conv_norm_act(x, "head") if last > self.spec.stage_count else x

    def classifier(self, features: str) -> str:
        """Pooling and the linear layer."""
        pooled = self._node("Flatten", self._node("GlobalAveragePool", features), axis=1)
        weight = self._constant("classifier.weight", self.tensors["classifier.weight"])
        bias = self._constant("classifier.bias", self.tensors["classifier.bias"])
        return self._node("Gemm", pooled, weight, bias, transB=1)

    def file(self, outputs: Mapping[str, str]) -> bytes:
        """The graph as a file; `outputs` gives each value that leaves it its public name."""
        size = sum(len(constant.raw_data) for constant in self.initializers.values())
        if size > MAX_ONNX_BYTES:
            raise InvalidInput(
                "This network's weights pass the 2 GiB that one ONNX graph can hold."
            )
        for value, name in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name]))
        graph = helper.make_graph(
            self.nodes,
            "efficientnet",
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
                for name, shape in self.inputs.items()
            ],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
                for name in outputs.values()
            ],
            list(self.initializers.values()),
        )
        opset = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION)
        return bytes(model.SerializeToString())

    def _block(self, x: str, place: str, block: BlockSpec) -> str:
        shortcut = x
        if block.operator == "mbconv":
            if block.expands:
                x = self._conv_norm_act(x, f"{place}.expand")
            x = self._conv_norm_act(
                x,
                f"{place}.depthwise",
                kernel=block.kernel,
                stride=block.stride,
                groups=block.expanded_channels,
            )
            if block.squeeze_channels:
                x = self._squeeze_excite(x, f"{place}.squeeze_excite")
            x = self._conv_norm(x, f"{place}.project")
        else:
            x = self._conv_norm_act(x, f"{place}.fused", kernel=block.kernel, stride=block.stride)
            if block.expands:
                x = self._conv_norm(x, f"{place}.project")
        return self._node("Add", x, shortcut) if block.skip else x

    def _squeeze_excite(self, x: str, place: str) -> str:
        gate = self._node("GlobalAveragePool", x)
        gate = self._activate(self._biased(gate, f"{place}.reduce"))
        gate = self._node("Sigmoid", self._biased(gate, f"{place}.expand"))
        return self._node("Mul", x, gate)

    def _biased(self, x: str, place: str) -> str:
        """A 1×1 convolution with its own bias."""
        weight = self._constant(f"{place}.weight", self.tensors[f"{place}.weight"])
        bias = self._constant(f"{place}.bias", self.tensors[f"{place}.bias"])
        return self._node("Conv", x, weight, bias)

    def _conv_norm_act(
        self, x: str, place: str, *, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> str:
        return self._activate(
            self._conv_norm(x, place, kernel=kernel, stride=stride, groups=groups)
        )

    def _conv_norm(
        self, x: str, place: str, *, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> str:
        weight, bias = folded(self.tensors, place, self.spec.bn_eps)
        before, after = self._pads(kernel, stride)
        self.side = -(-self.side // stride)
        return self._node(
            "Conv",
            x,
            self._constant(f"{place}.weight", weight),
            self._constant(f"{place}.bias", bias),
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )

    def _pads(self, kernel: int, stride: int) -> tuple[int, int]:
        """Pixels before and after each side, as `layers.Convolution` pads."""
        if self.spec.padding == "symmetric" or stride == 1:
            return (kernel - 1) // 2, (kernel - 1) // 2
        needed = max((-(-self.side // stride) - 1) * stride + kernel - self.side, 0)
        return needed // 2, needed - needed // 2

    def _activate(self, x: str) -> str:
        if self.spec.activation == "silu":
            return self._node("Mul", x, self._node("Sigmoid", x))
        low = self._constant("zero", np.float32(0))
        return self._node("Clip", x, low, self._constant("six", np.float32(6)))

    def _node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, list(inputs), [output], name=output, **attributes)
        )
        return output

    def _constant(self, name: str, values: npt.NDArray[np.float32] | np.float32) -> str:
        if name not in self.initializers:
            array = np.asarray(values, dtype="<f4")
            self.initializers[name] = TensorProto(
                name=name, data_type=TensorProto.FLOAT, dims=array.shape, raw_data=array.tobytes()
            )
        return name


def folded(
    tensors: Tensors, place: str, eps: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The weight and bias of the convolution at `place` with its batch-norm folded in.

    w · γ / √(σ² + ε) along the output channels, and β − μ · γ / √(σ² + ε); worked out in float64.
    """
    gamma, beta, mean, variance = (
        tensors[f"{place}.norm.{name}"].astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + eps)  # (C_out,)
    weight = tensors[f"{place}.conv.weight"] * scale[:, None, None, None]
    return weight.astype(np.float32), (beta - mean * scale).astype(np.float32)
