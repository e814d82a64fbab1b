"""Costs of single layers and of the parts they form: stem, block, head. This module needs no torch.

`cost` states the units. Peaks count elements, the caller's input image aside: `cost` adds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from effnet_core.architecture import ArchitectureSpec, BlockSpec
from effnet_core.stage_tables import Operator, Padding

Kind = Literal["conv", "linear", "batch_norm", "adaptive_avg_pool2d"]
Role = Literal[
    "stem",
    "expand",
    "depthwise",
    "squeeze_excite",
    "project",
    "fused",
    "head",
    "pool",
    "classifier",
]

KINDS: tuple[Kind, ...] = ("conv", "linear", "batch_norm", "adaptive_avg_pool2d")


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """One layer's cost for one image; `name` is its module path in `model.EfficientNet`.

    `stage` counts as torchvision's `features` do (0 stem, then the stages, last the head with its
    pooling and classifier); `block` is None outside blocks; `out_shape` is (channels, height,
    width). `buffers` counts floating-point buffer elements (running mean and variance).
    """

    name: str
    stage: int
    block: int | None
    role: Role
    kind: Kind
    out_shape: tuple[int, int, int]
    params: int
    mult_adds: int = 0
    other_ops: int = 0
    activations: int = 0
    buffers: int = 0


@dataclass(frozen=True)
class Part:
    """Layers that run one after another, and the most elements alive while they do.

    `peak_at` is the name of the layer at which `peak` elements are alive.
    """

    layers: tuple[LayerCost, ...]
    peak: int
    peak_at: str

    @cached_property
    def operations(self) -> Mapping[Kind, int]:
        """Operations by kind, as fvcore counts them."""
        sums = dict.fromkeys(KINDS, 0)
        for layer in self.layers:
            sums[layer.kind] += layer.mult_adds + layer.other_ops
        return sums

    @cached_property
    def params(self) -> int:
        """Parameters of all layers."""
        return sum(layer.params for layer in self.layers)

    @cached_property
    def buffers(self) -> int:
        """Elements of floating-point buffers of all layers."""
        return sum(layer.buffers for layer in self.layers)

    @cached_property
    def activations(self) -> int:
        """Output elements of all convolutions and linear layers."""
        return sum(layer.activations for layer in self.layers)

    @cached_property
    def norms(self) -> int:
        """Number of batch-norm layers."""
        return sum(layer.kind == "batch_norm" for layer in self.layers)


def halved(side: int) -> int:
    """Output side of a stride-2 convolution, with either padding: ⌈side / 2⌉."""
    return -(-side // 2)


def stem_part(spec: ArchitectureSpec, side: int) -> Part:
    """The stem: a 3×3 convolution of stride 2 on an image of `side` pixels."""
    image = (spec.in_channels, side, side)
    layers = _conv_norm("stem", "stem", image, spec.stem_channels, kernel=3, stride=2)
    return Part(layers, _padded_copy(image, 3, 2, spec.padding) + _size(layers[-1]), "stem.conv")


def head_part(spec: ArchitectureSpec, side: int) -> Part:
    """The head: 1×1 convolution, global average pooling and the classifier."""
    last = (spec.blocks[-1].out_channels, side, side)
    layers = _conv_norm("head", "head", last, spec.head_channels, kernel=1)
    channels, classes = spec.head_channels, spec.num_classes
    pool = _pool("pool", "pool", (channels, side, side))
    classifier = LayerCost(
        name="classifier",
        stage=0,
        block=None,
        role="classifier",
        kind="linear",
        out_shape=(classes, 1, 1),
        params=(channels + 1) * classes,
        mult_adds=channels * classes,
        activations=classes,
    )
    features = _size(layers[-1])
    convolving = _elements(last) + features
    classifying = features + channels + classes
    peak, peak_at = max((convolving, "head.conv"), (classifying, "classifier"))
    return Part((*layers, pool, classifier), peak, peak_at)


def block_part(block: BlockSpec, padding: Padding, side: int) -> Part:
    """One block on a feature map of `side`; equal blocks share one result."""
    return _block_part(
        block.operator,
        block.kernel,
        block.stride,
        block.in_channels,
        block.expanded_channels,
        block.squeeze_channels,
        block.out_channels,
        padding,
        side,
    )


@dataclass(frozen=True)
class _Convolution:
    """One convolution of a block, with the batch-norm that follows it."""

    role: Role
    channels: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1


def _convolutions(
    operator: Operator, kernel: int, stride: int, inputs: int, expanded: int, outputs: int
) -> tuple[_Convolution, ...]:
    """A block's convolutions in the order in which they run."""
    project = _Convolution("project", outputs)
    if operator == "fused_mbconv":
        if expanded == inputs:
            return (_Convolution("fused", outputs, kernel, stride),)
        return (_Convolution("fused", expanded, kernel, stride), project)
    depthwise = _Convolution("depthwise", expanded, kernel, stride, expanded)
    if expanded == inputs:
        return (depthwise, project)
    return (_Convolution("expand", expanded), depthwise, project)


@lru_cache(maxsize=8192)
def _block_part(
    operator: Operator,
    kernel: int,
    stride: int,
    inputs: int,
    expanded: int,
    squeezed: int,
    outputs: int,
    padding: Padding,
    side: int,
) -> Part:
    x = (inputs, side, side)
    # With a shortcut the block's input stays alive to the end.
    shortcut = _elements(x) if stride == 1 and inputs == outputs else 0
    layers: list[LayerCost] = []
    alive: list[tuple[int, str]] = []
    for conv in _convolutions(operator, kernel, stride, inputs, expanded, outputs):
        if conv.role == "project" and squeezed:
            layers += _squeeze_excite(x, squeezed)
            gates = 2 * expanded + max(squeezed, expanded)
            alive.append((shortcut + _elements(x) + gates, "squeeze_excite.expand"))
        pair = _conv_norm(
            conv.role,
            conv.role,
            x,
            conv.channels,
            kernel=conv.kernel,
            stride=conv.stride,
            groups=conv.groups,
        )
        held = shortcut if layers else 0  # the first convolution reads the shortcut itself
        copy = _padded_copy(x, conv.kernel, conv.stride, padding)
        alive.append((held + _elements(x) + copy + _size(pair[0]), f"{conv.role}.conv"))
        layers += pair
        x = pair[0].out_shape
    peak, peak_at = max(alive)
    return Part(tuple(layers), peak, peak_at)


def _conv_norm(
    name: str,
    role: Role,
    in_shape: tuple[int, int, int],
    channels: int,
    *,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
) -> tuple[LayerCost, LayerCost]:
    side = halved(in_shape[1]) if stride == 2 else in_shape[1]
    conv = _conv(f"{name}.conv", role, in_shape[0], channels, side, kernel=kernel, groups=groups)
    norm = LayerCost(
        name=f"{name}.norm",
        stage=0,
        block=None,
        role=role,
        kind="batch_norm",
        out_shape=conv.out_shape,
        params=2 * channels,
        other_ops=2 * _size(conv),
        buffers=2 * channels,
    )
    return conv, norm


def _conv(
    name: str,
    role: Role,
    inputs: int,
    outputs: int,
    side: int,
    *,
    kernel: int = 1,
    groups: int = 1,
    bias: bool = False,
) -> LayerCost:
    weights = inputs // groups * outputs * kernel * kernel
    return LayerCost(
        name=name,
        stage=0,
        block=None,
        role=role,
        kind="conv",
        out_shape=(outputs, side, side),
        params=weights + (outputs if bias else 0),
        mult_adds=weights * side * side,
        activations=outputs * side * side,
    )


def _squeeze_excite(shape: tuple[int, int, int], squeezed: int) -> tuple[LayerCost, ...]:
    channels = shape[0]
    role: Role = "squeeze_excite"
    return (
        _pool("squeeze_excite.pool", role, shape),
        _conv("squeeze_excite.reduce", role, channels, squeezed, 1, bias=True),
        _conv("squeeze_excite.expand", role, squeezed, channels, 1, bias=True),
    )


def _pool(name: str, role: Role, in_shape: tuple[int, int, int]) -> LayerCost:
    return LayerCost(
        name=name,
        stage=0,
        block=None,
        role=role,
        kind="adaptive_avg_pool2d",
        out_shape=(in_shape[0], 1, 1),
        params=0,
        other_ops=_elements(in_shape),
    )


def _padded_copy(in_shape: tuple[int, int, int], kernel: int, stride: int, padding: Padding) -> int:
    """Elements of the padded copy that "same" padding needs before a convolution of stride 2."""
    channels, side, _ = in_shape
    if padding == "symmetric" or stride == 1:
        return 0
    needed = max((halved(side) - 1) * stride + kernel - side, 0)
    return channels * (side + needed) ** 2


def _elements(shape: tuple[int, int, int]) -> int:
    return shape[0] * shape[1] * shape[2]


def _size(layer: LayerCost) -> int:
    return _elements(layer.out_shape)
