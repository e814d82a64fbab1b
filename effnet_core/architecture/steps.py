"""What the stem, a block and the head do, step by step: the block diagram in numbers.

The same arithmetic takes whole numbers, for one network, and arrays (n,), for n networks of one
family at once. `walk` puts the parts in order; `network.layers` is the diagram as a module, and
tests hold the two together. This module needs no torch.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from effnet_core.architecture.family import Operator, Padding
from effnet_core.architecture.rounding import Count, larger

Kind = Literal["convolution", "squeeze_excite", "pool", "linear"]
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


class Step(NamedTuple):
    """One layer with what belongs to it, for one image; a named tuple, as a network makes hundreds.

    A convolution comes with its batch-norm, and with its activation where `activated`. `before` and
    `after` are the sides in pixels, `read` and `written` the elements of the input and the output,
    `weights` those of the kernels without biases. `alive` is the most elements alive while it runs,
    the caller's image aside: what it reads and writes, a padded copy, and a shortcut around it.
    Squeeze-and-excitation is one step: it pools, goes through `squeezed` channels and back.
    """

    role: Role
    kind: Kind
    inputs: Count
    outputs: Count
    before: Count
    after: Count
    read: Count
    written: Count
    weights: Count
    alive: Count
    kernel: int = 1
    stride: int = 1
    squeezed: Count = 0

    @property
    def depthwise(self) -> bool:
        """Whether each filter reads one channel."""
        return self.role == "depthwise"

    @property
    def activated(self) -> bool:
        """Whether a convolution has an activation: all have but a projection."""
        return self.kind == "convolution" and self.role != "project"

    @property
    def fan_in(self) -> Count:
        """Channels that one filter reads."""
        return 1 if self.depthwise else self.inputs

    @property
    def peak_at(self) -> str:
        """The layer of this step at which most is alive."""
        if self.kind == "squeeze_excite":
            return "squeeze_excite.expand"
        return f"{self.role}.conv" if self.kind == "convolution" else self.role


_step = functools.partial(tuple.__new__, Step)
"""A `Step` of all its fields, in half the time that its own constructor takes."""

BlockShape: TypeAlias = tuple[
    Operator, int, int, Count, Count, Count, Count, bool, bool, bool, bool
]
"""Operator, kernel, stride, and channels in, expanded, squeezed and out; whether the block adds its
input where the shapes allow it, projects even where it does not widen, expands its input, and
squeezes: these hold for all networks where the channels are arrays."""


def stem_steps(image: Count, channels: Count, padding: Padding, side: Count) -> Iterator[Step]:
    """The stem: a 3×3 convolution of stride 2 on an image of `side` pixels."""
    held = image * side * side  # by the caller, so not counted
    yield _spatial("stem", image, channels, 3, 2, side, padding, -held)


def head_steps(inputs: Count, channels: Count, classes: int, side: Count) -> Iterator[Step]:
    """The head: 1×1 convolution, global average pooling and the classifier."""
    head = _pointwise("head", inputs, channels, side)
    yield head
    # The feature map stays alive to the end: `forward` holds it.
    features, alive = head.written, head.written + channels
    yield Step("pool", "pool", channels, channels, side, 1, features, channels, 0, alive)
    weights, alive = channels * classes, alive + classes
    yield Step("classifier", "linear", channels, classes, 1, 1, channels, classes, weights, alive)


def block_steps(shape: BlockShape, padding: Padding, side: Count) -> Iterator[Step]:
    """One block on a feature map of `side`."""
    steps = _mbconv if shape[0] == "mbconv" else _fused_mbconv
    return steps(shape, padding, side)


def _mbconv(shape: BlockShape, padding: Padding, side: Count) -> Iterator[Step]:
    """Expand 1×1 → depthwise k×k → squeeze-and-excitation → project 1×1."""
    _, kernel, stride, inputs, expanded, squeezed, outputs, adds, _, expands, squeezes = shape
    shortcut = beside = adds and _shortcut(inputs, outputs, stride, side)
    if expands:
        yield _pointwise("expand", inputs, expanded, side)
    else:
        beside = 0  # The first convolution reads the block's input; later ones run beside it.
    depthwise = _spatial("depthwise", expanded, expanded, kernel, stride, side, padding, beside)
    yield depthwise
    side = depthwise.after
    if squeezes:
        yield _squeeze_excite(expanded, squeezed, side, shortcut)
    yield _pointwise("project", expanded, outputs, side, shortcut)


def _fused_mbconv(shape: BlockShape, padding: Padding, side: Count) -> Iterator[Step]:
    """One k×k convolution → project 1×1; without a projection the first goes to the outputs."""
    _, kernel, stride, inputs, expanded, _, outputs, adds, always_projects, expands, _ = shape
    projects = expands or always_projects
    fused = _spatial(
        "fused", inputs, expanded if projects else outputs, kernel, stride, side, padding
    )
    yield fused
    if projects:
        shortcut = adds and _shortcut(inputs, outputs, stride, side)
        yield _pointwise("project", expanded, outputs, fused.after, shortcut)


def _spatial(
    role: Role,
    inputs: Count,
    outputs: Count,
    kernel: int,
    stride: int,
    side: Count,
    padding: Padding,
    beside: Count = 0,
) -> Step:
    """A k×k convolution and its batch-norm, which works in place; `beside` stays alive."""
    after = side
    if stride == 2:
        after = halved(side)
        if padding == "same":
            beside = beside + _padded_copy(inputs, side, kernel, stride)
    read, written = inputs * side * side, outputs * after * after
    filters = outputs if role == "depthwise" else inputs * outputs
    return _step(
        (
            role,
            "convolution",
            inputs,
            outputs,
            side,
            after,
            read,
            written,
            filters * (kernel * kernel),
            beside + read + written,
            kernel,
            stride,
            0,
        )
    )


def _pointwise(role: Role, inputs: Count, outputs: Count, side: Count, beside: Count = 0) -> Step:
    """A 1×1 convolution and its batch-norm; `beside` stays alive."""
    area = side * side
    read, written = inputs * area, outputs * area
    return _step(
        (
            role,
            "convolution",
            inputs,
            outputs,
            side,
            side,
            read,
            written,
            inputs * outputs,
            beside + read + written,
            1,
            1,
            0,
        )
    )


def _squeeze_excite(channels: Count, squeezed: Count, side: Count, shortcut: Count) -> Step:
    """Pooling, two 1×1 convolutions with biases, and the product with the feature map, in place."""
    elements = channels * side * side
    gates = 2 * channels + larger(squeezed, channels)
    return _step(
        (
            "squeeze_excite",
            "squeeze_excite",
            channels,
            channels,
            side,
            side,
            elements,
            elements,
            2 * channels * squeezed,
            shortcut + elements + gates,
            1,
            1,
            squeezed,
        )
    )


def _shortcut(inputs: Count, outputs: Count, stride: int, side: Count) -> Count:
    """Elements of the block's input where it is added to the output, and else 0."""
    return (inputs == outputs) * (inputs * side * side) if stride == 1 else 0


def _padded_copy(channels: Count, side: Count, kernel: int, stride: int) -> Count:
    """Elements of the copy that "same" padding needs before a convolution of stride 2."""
    needed = larger((halved(side) - 1) * stride + kernel - side, 0)
    return channels * (side + needed) ** 2


def halved(side: Count) -> Count:
    """Output side of a stride-2 convolution, with either padding: ⌈side / 2⌉."""
    return -(-side // 2)
