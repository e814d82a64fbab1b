"""Costs of single layers of the parts of a network: stem, block, head. This module needs no torch.

`cost` states the units; `part_sums` has the sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from effnet_core.architecture.families import Operator
from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec

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


def halved(side: int) -> int:
    """Output side of a stride-2 convolution, with either padding: ⌈side / 2⌉."""
    return -(-side // 2)


def stem_layers(spec: ArchitectureSpec, side: int) -> tuple[LayerCost, ...]:
    """The stem: a 3×3 convolution of stride 2 on an image of `side` pixels."""
    image = (spec.in_channels, side, side)
    return _conv_norm("stem", "stem", image, spec.stem_channels, kernel=3, stride=2)


def head_layers(spec: ArchitectureSpec, side: int) -> tuple[LayerCost, ...]:
    """The head: 1×1 convolution, global average pooling and the classifier."""
    last = (spec.blocks[-1].out_channels, side, side)
    channels, classes = spec.head_channels, spec.num_classes
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
    return (
        *_conv_norm("head", "head", last, channels, kernel=1),
        _pool("pool", "pool", (channels, side, side)),
        classifier,
    )


def block_layers(block: BlockSpec, side: int) -> tuple[LayerCost, ...]:
    """One block on a feature map of `side`."""
    x = (block.in_channels, side, side)
    layers: list[LayerCost] = []
    for conv in convolutions(
        block.operator,
        block.kernel,
        block.stride,
        block.in_channels,
        block.expanded_channels,
        block.out_channels,
    ):
        if conv.role == "project" and block.squeeze_channels:
            layers += _squeeze_excite(x, block.squeeze_channels)
        pair = _conv_norm(
            conv.role,
            conv.role,
            x,
            conv.channels,
            kernel=conv.kernel,
            stride=conv.stride,
            groups=conv.groups,
        )
        layers += pair
        x = pair[0].out_shape
    return tuple(layers)


class Convolution(NamedTuple):
    """One convolution of a block, with the batch-norm that follows it."""

    role: Role
    channels: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1


def convolutions(
    operator: Operator, kernel: int, stride: int, inputs: int, expanded: int, outputs: int
) -> tuple[Convolution, ...]:
    """A block's convolutions in the order in which they run."""
    project = Convolution("project", outputs)
    if operator == "fused_mbconv":
        if expanded == inputs:
            return (Convolution("fused", outputs, kernel, stride),)
        return (Convolution("fused", expanded, kernel, stride), project)
    depthwise = Convolution("depthwise", expanded, kernel, stride, expanded)
    if expanded == inputs:
        return (depthwise, project)
    return (Convolution("expand", expanded), depthwise, project)


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


def _elements(shape: tuple[int, int, int]) -> int:
    return shape[0] * shape[1] * shape[2]


def _size(layer: LayerCost) -> int:
    return _elements(layer.out_shape)
