"""A network's feature maps and their gradients as one ONNX graph, batch-norm folded away.

ONNX Runtime differentiates nothing, so the backward pass is written out: reverse mode over the
layers of `graph`, each by its own rule. Activations alone are differentiated, never weights, and no
further back than the first stage that is asked for. This module needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.engines.onnx.graph import FEATURES, INPUT, Writer
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.errors import InvalidInput

SEED = "seed"

Backward = Callable[[str], str]


def gradient_graph(spec: ArchitectureSpec, tensors: Tensors, stages: Iterable[int]) -> bytes:
    """The network from "images" and "seed" to the feature maps and gradients of `stages`.

    "images" is (1, 3, R, R). "seed" (n, head channels, 1, 1) holds the gradient of n scores by
    every position of the last feature map: for a class's logit its row of the classifier's weights
    divided by the number of positions. The outputs are "features_s" (1, C, h, w) and "gradient_s"
    (n, C, h, w) of each stage s, in rising order, then "features", the last feature map. Stages
    count as `EfficientNet.prefix` does; the last one, whose gradient is the seed, cannot be asked
    for. Raises InvalidInput then, and as `whole_graph` does.
    """
    wanted = sorted(set(stages))
    if not wanted or not 0 <= wanted[0] <= wanted[-1] <= spec.stage_count:
        raise InvalidInput(
            f"Gradients are to be had at stages 0 (stem) to {spec.stage_count}; got {wanted}."
        )
    return _Differentiating(spec, tensors, first=wanted[0]).graph(wanted)


class _Differentiating(Writer):
    """Keeps a tape, from stage `first` on, of how each layer takes a gradient back.

    An entry makes the gradient by the layer's input of that by its output.
    """

    def __init__(self, spec: ArchitectureSpec, tensors: Tensors, *, first: int) -> None:
        super().__init__(spec, tensors)
        self._first = first
        self._taping = False
        self._tape: list[Backward] = []
        self.inputs[SEED] = ("scores", spec.head_channels, 1, 1)

    def graph(self, stages: list[int]) -> bytes:
        """Write the pass forward, then the tape backwards."""
        x = self._conv_norm_act(INPUT, "stem", kernel=3, stride=2)
        maps, lengths = [x], [0]
        for blocks in self.spec.stages:
            self._taping = len(maps) > self._first
            for block in blocks:
                x = self._block(x, f"stages.{block.stage}.{block.index}", block)
            maps.append(x)
            lengths.append(len(self._tape))
        self._taping = True
        last = self._conv_norm_act(x, "head")
        gradient, outputs = SEED, {}
        for stage in range(self.spec.stage_count, stages[0] - 1, -1):
            gradient = self._back(lengths[stage], gradient)
            if stage in stages:
                outputs[stage] = {
                    maps[stage]: f"features_{stage}",
                    gradient: f"gradient_{stage}",
                }
        ordered = {value: name for stage in stages for value, name in outputs[stage].items()}
        return self.file(ordered | {last: FEATURES})

    def _back(self, start: int, gradient: str) -> str:
        """Take the tape back to its length `start`, and the gradient with it."""
        while len(self._tape) > start:
            gradient = self._tape.pop()(gradient)
        return gradient

    def _block(self, x: str, place: str, block: BlockSpec) -> str:
        start = len(self._tape)
        y = super()._block(x, place, block)
        layers = self._tape[start:]
        del self._tape[start:]

        def back(gradient: str) -> str:
            self._tape += layers
            through = self._back(len(self._tape) - len(layers), gradient)
            return self._node("Add", through, gradient) if block.skip else through

        self._tape.append(back)
        return y

    def _squeeze_excite(self, x: str, place: str) -> str:
        """y = x · gate(mean(x)), and for the gradient g of y: g · gate + mean(g · x) · gate′."""
        if not self._taping:
            return super()._squeeze_excite(x, place)
        start = len(self._tape)
        y = super()._squeeze_excite(x, place)
        gate = self.nodes[-1].input[1]
        layers = self._tape[start:]
        del self._tape[start:]

        def back(gradient: str) -> str:
            mean = self._node("GlobalAveragePool", self._node("Mul", gradient, x))
            slope = self._node("Mul", gate, self._node("Sub", self._one(), gate))
            self._tape += layers
            start = len(self._tape) - len(layers)
            by_mean = self._back(start, self._node("Mul", mean, slope))
            return self._node("Add", self._node("Mul", gradient, gate), by_mean)

        self._tape.append(back)
        return y

    def _activate(self, x: str) -> str:
        if not self._taping:
            return super()._activate(x)
        if self.spec.activation != "silu":
            self._tape.append(lambda gradient: self._node("Mul", gradient, self._inside(x)))
            return super()._activate(x)
        sigmoid = self._node("Sigmoid", x)
        y = self._node("Mul", x, sigmoid)

        def back(gradient: str) -> str:
            # (x · σ)′ = σ · (1 + x − x · σ)
            rest = self._node("Add", self._node("Sub", x, y), self._one())
            return self._node("Mul", gradient, self._node("Mul", sigmoid, rest))

        self._tape.append(back)
        return y

    def _inside(self, x: str) -> str:
        """1 where ReLU6 lets x through, else 0."""
        low = self._node("Greater", x, self._constant("zero", np.float32(0)))
        high = self._node("Less", x, self._constant("six", np.float32(6)))
        return self._node("Cast", self._node("And", low, high), to=1)

    def _one(self) -> str:
        return self._constant("one", np.float32(1))

    def _biased(self, x: str, place: str) -> str:
        if self._taping:
            weight = self.tensors[f"{place}.weight"].swapaxes(0, 1)
            turned = f"{place}.weight.turned"
            self._tape.append(lambda g: self._node("Conv", g, self._constant(turned, weight)))
        return super()._biased(x, place)

    def _conv_norm(
        self, x: str, place: str, *, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> str:
        side, pads = self.side, self._pads(kernel, stride)
        y = super()._conv_norm(x, place, kernel=kernel, stride=stride, groups=groups)
        if self._taping:
            name = f"{place}.weight"
            missing = side - (stride * (self.side - 1) + kernel - sum(pads))

            def back(gradient: str) -> str:
                if stride > 1:
                    return self._node(
                        "ConvTranspose",
                        gradient,
                        name,
                        kernel_shape=[kernel, kernel],
                        strides=[stride, stride],
                        pads=[pads[0], pads[0], pads[1], pads[1]],
                        output_padding=[missing, missing],
                        group=groups,
                    )
                return self._node(
                    "Conv",
                    gradient,
                    self._turned(name, groups),
                    kernel_shape=[kernel, kernel],
                    pads=[pads[1], pads[1], pads[0], pads[0]],
                    group=groups,
                )

            self._tape.append(back)
        return y

    def _turned(self, name: str, groups: int) -> str:
        """A convolution's weight turned by 180°, its inputs and outputs exchanged."""
        constant = self.initializers[name]
        weight = np.frombuffer(constant.raw_data, dtype="<f4").reshape(constant.dims)
        turned = weight[:, :, ::-1, ::-1]
        return self._constant(f"{name}.turned", turned if groups > 1 else turned.swapaxes(0, 1))
