"""What the stem, a block and the head cost in all, straight from their numbers, without a layer.

`layer_costs` counts the same layer by layer; tests hold the two together. `cost` states the units.
Peaks count elements, the caller's input image aside: `cost` adds it. This module needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from effnet_core.architecture.families import Operator, Padding
from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.cost.layers import convolutions, halved


class PartSums(NamedTuple):
    """Sums over the layers of one part, for one image, and the most elements alive in it.

    A named tuple, because a network makes dozens. `conv` and `linear` are multiply-adds,
    `batch_norm` and `pooled` operations as fvcore counts them; `peak_at` names the layer at which
    `peak` elements are alive.
    """

    params: int
    conv: int
    linear: int
    batch_norm: int
    pooled: int
    activations: int
    buffers: int
    norms: int
    peak: int
    peak_at: str


def stem_sums(spec: ArchitectureSpec, side: int) -> PartSums:
    """The stem: a 3×3 convolution of stride 2 on an image of `side` pixels."""
    channels = spec.stem_channels
    weights, area = spec.in_channels * channels * 9, halved(side) ** 2
    copy = _padded_copy(spec.in_channels, side, 3, 2, spec.padding)
    return PartSums(
        params=weights + 2 * channels,
        conv=weights * area,
        linear=0,
        batch_norm=2 * channels * area,
        pooled=0,
        activations=channels * area,
        buffers=2 * channels,
        norms=1,
        peak=copy + channels * area,
        peak_at="stem.conv",
    )


def head_sums(spec: ArchitectureSpec, side: int) -> PartSums:
    """The head: 1×1 convolution, global average pooling and the classifier."""
    inputs, channels, classes = spec.blocks[-1].out_channels, spec.head_channels, spec.num_classes
    features = channels * side * side
    convolving = inputs * side * side + features
    peak, peak_at = max((convolving, "head.conv"), (features + channels + classes, "classifier"))
    return PartSums(
        params=inputs * channels + 2 * channels + (channels + 1) * classes,
        conv=inputs * features,
        linear=channels * classes,
        batch_norm=2 * features,
        pooled=features,
        activations=features + classes,
        buffers=2 * channels,
        norms=1,
        peak=peak,
        peak_at=peak_at,
    )


def block_sums(block: BlockSpec, padding: Padding, side: int) -> PartSums:
    """One block on a feature map of `side`; equal blocks share one result."""
    return _block_sums(
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


def total(parts: Sequence[PartSums]) -> PartSums:
    """The sums of all parts, with the largest peak and the name of one layer at which it occurs."""
    columns = tuple(zip(*parts, strict=True))
    params, conv, linear, norm, pooled, activations, buffers, norms = map(sum, columns[:-2])
    peak, peak_at = max(zip(*columns[-2:], strict=True))
    return PartSums(params, conv, linear, norm, pooled, activations, buffers, norms, peak, peak_at)


@lru_cache(maxsize=8192)
def _block_sums(
    operator: Operator,
    kernel: int,
    stride: int,
    inputs: int,
    expanded: int,
    squeezed: int,
    outputs: int,
    padding: Padding,
    side: int,
) -> PartSums:
    shortcut = inputs * side * side if stride == 1 and inputs == outputs else 0
    params = multiply_adds = elements = pooled = channels_normed = norms = held = 0
    gates_outputs = 0
    channels, alive = inputs, []
    for role, out, size, step, groups in convolutions(
        operator, kernel, stride, inputs, expanded, outputs
    ):
        before = channels * side * side
        if role == "project" and squeezed:
            pooled = before
            params += 2 * channels * squeezed + squeezed + channels
            multiply_adds += 2 * channels * squeezed
            gates_outputs = squeezed + channels
            gates = 2 * expanded + max(squeezed, expanded)
            alive.append((shortcut + before + gates, "squeeze_excite.expand"))
            held = shortcut
        copy = _padded_copy(channels, side, size, step, padding) if step == 2 else 0
        side = halved(side) if step == 2 else side
        weights, after = channels // groups * out * size * size, out * side * side
        params += weights + 2 * out
        multiply_adds += weights * side * side
        elements += after
        channels_normed += out
        norms += 1
        alive.append((held + before + copy + after, f"{role}.conv"))
        # With a shortcut the block's input stays alive to the end; the first convolution reads it.
        held, channels = shortcut, out
    peak, peak_at = max(alive)
    return PartSums(
        params,
        multiply_adds,
        0,
        2 * elements,
        pooled,
        elements + gates_outputs,
        2 * channels_normed,
        norms,
        peak,
        peak_at,
    )


def _padded_copy(channels: int, side: int, kernel: int, stride: int, padding: Padding) -> int:
    """Elements of the padded copy that "same" padding needs before a convolution of stride 2."""
    if padding == "symmetric" or stride == 1:
        return 0
    needed = max((halved(side) - 1) * stride + kernel - side, 0)
    return channels * (side + needed) ** 2
