"""An `ArchitectureSpec` and its tensors as an ONNX graph for inference, batch-norm folded away.

Written layer by layer rather than traced: it takes milliseconds where tracing takes seconds, and
every feature map can be an output or the start of the graph. `export` writes ONNX files for others.
Whatever changes a graph counts `session.ENGINE_VERSION` up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.errors import InvalidInput
from effnet_core.limits import MAX_ONNX_BYTES

INPUT, LOGITS, FEATURES = "images", "logits", "features"

OPSET = 20
_IR_VERSION = 10


def whole_graph(spec: ArchitectureSpec, tensors: Tensors) -> bytes:
    """The network from "images" (batch, 3, R, R) to "logits" (batch, classes) and "features".

    R is the spec's resolution; "features" (batch, head channels, ⌈R/32⌉, ⌈R/32⌉) is the last
    feature map. `tensors` are the model's own, by the names of `EfficientNet.state_dict()`. Raises
    InvalidInput for weights past `MAX_ONNX_BYTES`.
    """
    writer = Writer(spec, tensors)
    features = writer.stages()[-1].output
    logits = writer.classifier(features)
    return writer.file({logits: LOGITS, features: FEATURES})


class Layer(NamedTuple):
    """What a layer puts out, and how a gradient goes back through it.

    `back` writes nodes in its turn, as late as it is called: it takes the name of the gradient by
    `output` to the name of that by the layer's input.
    """

    output: str
    back: Callable[[str], str]


class Writer:
    """Appends nodes; values go by their names.

    `places` has the names of what each block puts out, by "stages.s.i", and of the channels' means
    that squeeze-and-excitation takes, by "stages.s.i.squeeze_excite".
    """

    def __init__(self, spec: ArchitectureSpec, tensors: Tensors) -> None:
        self.spec, self.tensors = spec, tensors
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}
        self.places: dict[str, str] = {}
        self.side = spec.resolution
        self.inputs: dict[str, tuple[str | int, ...]] = {
            INPUT: ("batch", spec.in_channels, self.side, self.side)
        }

    def stages(self) -> tuple[Layer, ...]:
        """Stem, stages and head convolution, as `EfficientNet.prefix` counts them."""
        found = [self._conv_norm_act(INPUT, "stem", kernel=3, stride=2)]
        for blocks in self.spec.stages:
            found.append(self._chain(found[-1].output, [partial(self._block, b) for b in blocks]))
        return *found, self._conv_norm_act(found[-1].output, "head")

    def classifier(self, features: str) -> str:
        """Pooling and the linear layer."""
        pooled = self._node("Flatten", self._node("GlobalAveragePool", features), axis=1)
        weight = self._constant("classifier.weight", self.tensors["classifier.weight"])
        bias = self._constant("classifier.bias", self.tensors["classifier.bias"])
        return self._node("Gemm", pooled, weight, bias, transB=1)

    def file(self, outputs: Mapping[str, str]) -> bytes:
        """The graph as a file; `outputs` gives each value that leaves it its public name."""
        return bytes(self.model(outputs).SerializeToString())

    def model(self, outputs: Mapping[str, str]) -> onnx.ModelProto:
        """The same as onnx's own object. Raises InvalidInput for weights that no file can hold."""
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
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION)

    def _chain(self, x: str, layers: Iterable[Callable[[str], Layer]]) -> Layer:
        """Layers one after the other; a gradient goes back through the last one first."""
        backs = []
        for layer in layers:
            x, back = layer(x)
            backs.append(back)
        return Layer(x, lambda gradient: reduce(lambda g, back: back(g), backs[::-1], gradient))

    def _block(self, block: BlockSpec, x: str) -> Layer:
        place = f"stages.{block.stage}.{block.index}"
        y = self._chain(x, self._block_layers(block, place))
        self.places[place] = y.output
        if not block.skip:
            return y
        added = self.places[place] = self._node("Add", y.output, x)
        return Layer(added, lambda gradient: self._node("Add", y.back(gradient), gradient))

    def _block_layers(self, block: BlockSpec, place: str) -> Iterator[Callable[[str], Layer]]:
        first = partial(self._conv_norm_act, kernel=block.kernel, stride=block.stride)
        if block.operator == "mbconv":
            if block.expands:
                yield partial(self._conv_norm_act, place=f"{place}.expand")
            yield partial(first, place=f"{place}.depthwise", groups=block.expanded_channels)
            if block.squeeze_channels:
                yield partial(self._squeeze_excite, place=f"{place}.squeeze_excite")
            yield partial(self._conv_norm, place=f"{place}.project")
        else:
            yield partial(first, place=f"{place}.fused")
            if block.projects:
                yield partial(self._conv_norm, place=f"{place}.project")

    def _squeeze_excite(self, x: str, place: str) -> Layer:
        """y = x · gate(mean(x)), and for the gradient g of y: g · gate + mean(g · x) · gate′."""
        reduce_, expand = (
            partial(self._biased, place=f"{place}.{e}") for e in ("reduce", "expand")
        )
        means = self.places[place] = self._node("GlobalAveragePool", x)
        inner = self._chain(means, [reduce_, self._activate, expand])
        gate = self._node("Sigmoid", inner.output)

        def back(gradient: str) -> str:
            mean = self._node("GlobalAveragePool", self._node("Mul", gradient, x))
            slope = self._node("Mul", gate, self._node("Sub", self._number("one", 1), gate))
            by_mean = inner.back(self._node("Mul", mean, slope))
            return self._node("Add", self._node("Mul", gradient, gate), by_mean)

        return Layer(self._node("Mul", x, gate), back)

    def _biased(self, x: str, place: str) -> Layer:
        """A 1×1 convolution with its own bias."""
        values = self.tensors[f"{place}.weight"]
        weight = self._constant(f"{place}.weight", values)
        bias = self._constant(f"{place}.bias", self.tensors[f"{place}.bias"])

        def back(gradient: str) -> str:
            turned = self._constant(f"{place}.weight.turned", values.swapaxes(0, 1))
            return self._node("Conv", gradient, turned)

        return Layer(self._node("Conv", x, weight, bias), back)

    def _conv_norm_act(
        self, x: str, place: str, *, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> Layer:
        conv = partial(self._conv_norm, place=place, kernel=kernel, stride=stride, groups=groups)
        return self._chain(x, [conv, self._activate])

    def _conv_norm(
        self, x: str, place: str, *, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> Layer:
        values, shift = folded(self.tensors, place, self.spec.bn_eps)
        weight = self._constant(f"{place}.weight", values)
        before, after = self._pads(kernel, stride)
        side, self.side = self.side, -(-self.side // stride)
        missing = side - (stride * (self.side - 1) + kernel - before - after)
        shape = {"kernel_shape": [kernel, kernel], "group": groups}
        y = self._node(
            "Conv",
            x,
            weight,
            self._constant(f"{place}.bias", shift),
            strides=[stride, stride],
            pads=[before, before, after, after],
            **shape,
        )

        def back(gradient: str) -> str:
            if stride == 1:
                turned = values[:, :, ::-1, ::-1]  # by 180°, inputs and outputs exchanged
                turned = turned if groups > 1 else turned.swapaxes(0, 1)
                constant = self._constant(f"{place}.weight.turned", turned)
                pads = [after, after, before, before]
                return self._node("Conv", gradient, constant, pads=pads, **shape)
            return self._node(
                "ConvTranspose",
                gradient,
                weight,
                strides=[stride, stride],
                pads=[before, before, after, after],
                output_padding=[missing, missing],
                **shape,
            )

        return Layer(y, back)

    def _pads(self, kernel: int, stride: int) -> tuple[int, int]:
        """Pixels before and after each side, as `layers.Convolution` pads."""
        if self.spec.padding == "symmetric" or stride == 1:
            return (kernel - 1) // 2, (kernel - 1) // 2
        needed = max((-(-self.side // stride) - 1) * stride + kernel - self.side, 0)
        return needed // 2, needed - needed // 2

    def _activate(self, x: str) -> Layer:
        """SiLU, x · σ(x), ReLU6 or ReLU."""
        if self.spec.activation == "silu":
            sigmoid = self._node("Sigmoid", x)
            y = self._node("Mul", x, sigmoid)

            def back(gradient: str) -> str:
                # (x · σ)′ = σ · (1 + x − x · σ)
                rest = self._node("Add", self._node("Sub", x, y), self._number("one", 1))
                return self._node("Mul", gradient, self._node("Mul", sigmoid, rest))

            return Layer(y, back)
        zero = self._number("zero", 0)
        bounds = (zero, self._number("six", 6)) if self.spec.activation == "relu6" else (zero,)

        def let_through(gradient: str) -> str:
            inside = self._node("Greater", x, zero)
            for bound in bounds[1:]:
                inside = self._node("And", inside, self._node("Less", x, bound))
            return self._node("Mul", gradient, self._node("Cast", inside, to=TensorProto.FLOAT))

        return Layer(self._node("Clip", x, *bounds), let_through)

    def _number(self, name: str, value: int) -> str:
        return self._constant(name, np.float32(value))

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
