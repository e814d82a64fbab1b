"""What a network's time is a sum of: amounts of work by kind of layer. This module needs no torch.

The same arithmetic prices one network, block by block, and many at once, as arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.families import V1, Baseline, StageSpec
from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.cost.arrays import CostArrays
from effnet_core.cost.layers import halved

TERMS = (
    "pointwise_mult_adds",
    "filled_mult_adds",
    "depthwise_mult_adds",
    "dense_mult_adds",
    "activated",
    "excited",
    "feature_bytes",
    "weight_bytes",
    "vector_bytes",
    "layers",
    "excitations",
    "runs",
)
"""Amounts in one float32 picture's pass, batch-norm folded into the convolutions.

Multiply-adds of 1×1 convolutions, and the same with channels filled up to `LANES`; of depthwise and
of dense k×k convolutions; elements that pass SiLU; elements that squeeze-and-excitation pools
and rescales; bytes of feature maps read and written by convolutions; bytes of their weights; bytes
of the weights that multiply one vector, in squeeze-and-excitation and the classifier; the number of
convolutions over pictures, of squeeze-and-excitations, and 1 for the run itself. None falls when a
network grows, so with coefficients that are not negative no larger network is predicted faster.
"""

LANES = 16
"""Channels that a processor with AVX-512 computes together; a fit decides whether this one does."""

ELEMENT_BYTES = 4

Amount: TypeAlias = Any
"""A number, or an array of one number a network."""
Amounts: TypeAlias = tuple[Amount, ...]

_NONE: Amounts = (0,) * len(TERMS)


def terms(spec: ArchitectureSpec) -> tuple[int, ...]:
    """What `TERMS` count in one pass of `spec` over one picture."""
    silu = spec.activation == "silu"
    side = halved(spec.resolution)
    stem = _dense(spec.in_channels, spec.stem_channels, 3, spec.resolution, side, silu)
    parts = [stem]
    for block in spec.blocks:
        after = halved(side) if block.stride == 2 else side
        parts.append(_block(_shape(block), side, after, silu))
        side = after
    last, head = spec.blocks[-1].out_channels, spec.head_channels
    parts.append(_head(last, head, spec.num_classes, side, silu))
    return _sum(parts)


def terms_of_each(
    costs: CostArrays, *, num_classes: int, baseline: Baseline = V1
) -> npt.NDArray[np.float64]:
    """The same for n networks of the formula, (n, terms); `costs` holds them by part.

    Networks that do not exist have amounts that mean nothing.
    """
    silu = baseline.activation == "silu"
    stem, *blocks, head = costs.parts
    dense = _dense(3, stem.channels, 3, costs.resolution, stem.side, silu)
    found = [_times(dense, stem.times)]
    before = stem
    for part in blocks:
        first = part.stage != before.stage
        stage = baseline.stages[part.stage - 1]
        shape = _scaled_shape(stage, before.channels, part.channels, first=first)
        found.append(_times(_block_amounts(shape, before.side, part.side, silu), part.times))
        before = part
    ends = _head_amounts(before.channels, head.channels, num_classes, head.side, silu)
    found.append(_times(ends, head.times))
    return np.stack(
        [np.broadcast_to(column, costs.exists.shape) for column in _sum(found)], axis=1
    ).astype(np.float64)


Shape: TypeAlias = tuple[str, int, Amount, Amount, Amount, Amount]
"""A block's operator, kernel, and channels in, expanded, squeezed and out."""


def _shape(block: BlockSpec) -> Shape:
    return (
        block.operator,
        block.kernel,
        block.in_channels,
        block.expanded_channels,
        block.squeeze_channels,
        block.out_channels,
    )


def _scaled_shape(stage: StageSpec, inputs: Amount, outputs: Amount, *, first: bool) -> Shape:
    """A block of `stage` on its input's channels, as `architecture.expand` widens them."""
    inputs = inputs if first else outputs
    squeezed = np.maximum((inputs * stage.squeeze_ratio).astype(np.int64), 1)
    if not stage.squeeze_ratio:
        squeezed = 0 * squeezed
    expanded = inputs * stage.expand_ratio
    return stage.operator, stage.kernel, inputs, expanded, squeezed, outputs


def _block_amounts(shape: Shape, before: Amount, after: Amount, silu: bool) -> Amounts:
    """One block from a side of `before` pixels to one of `after`."""
    operator, kernel, inputs, expanded, squeezed, outputs = shape
    expands = np.all(expanded != inputs)
    if operator == "fused_mbconv":
        widened = expanded if expands else outputs
        fused = _dense(inputs, widened, kernel, before, after, silu)
        return _sum([fused, _pointwise(expanded, outputs, after, False)]) if expands else fused
    widen = _pointwise(inputs, expanded, before, silu) if expands else _NONE
    return _sum(
        [
            widen,
            _depthwise(expanded, kernel, before, after, silu),
            _excitation(expanded, squeezed, after) if np.any(squeezed) else _NONE,
            _pointwise(expanded, outputs, after, False),
        ]
    )


def _head_amounts(
    inputs: Amount, channels: Amount, classes: int, side: Amount, silu: bool
) -> Amounts:
    """The 1×1 convolution, pooling and the classifier."""
    vector = _amounts(vector_bytes=ELEMENT_BYTES * (channels + 1) * classes, runs=1)
    return _sum([_pointwise(inputs, channels, side, silu), vector])


_block = lru_cache(maxsize=16384)(_block_amounts)
_head = lru_cache(maxsize=4096)(_head_amounts)


def _pointwise(inputs: Amount, outputs: Amount, side: Amount, silu: bool) -> Amounts:
    return _amounts(
        pointwise_mult_adds=inputs * outputs * side**2,
        filled_mult_adds=_filled(inputs) * _filled(outputs) * side**2,
        **_convolution(inputs * side**2, outputs * side**2, (inputs + 1) * outputs, silu),
    )


def _depthwise(channels: Amount, kernel: int, before: Amount, after: Amount, silu: bool) -> Amounts:
    read, written = channels * before**2, channels * after**2
    return _amounts(
        depthwise_mult_adds=kernel**2 * written,
        **_convolution(read, written, (kernel**2 + 1) * channels, silu),
    )


def _dense(
    inputs: Amount, outputs: Amount, kernel: int, before: Amount, after: Amount, silu: bool
) -> Amounts:
    weights = kernel**2 * inputs * outputs
    read, written = inputs * before**2, outputs * after**2
    return _amounts(
        dense_mult_adds=weights * after**2, **_convolution(read, written, weights + outputs, silu)
    )


def _excitation(channels: Amount, squeezed: Amount, side: Amount) -> Amounts:
    weights = 2 * channels * squeezed + channels + squeezed
    return _amounts(excited=channels * side**2, vector_bytes=ELEMENT_BYTES * weights, excitations=1)


def _convolution(read: Amount, written: Amount, weights: Amount, silu: bool) -> dict[str, Amount]:
    """What every convolution over a picture has; `weights` with the bias."""
    return {
        "activated": written if silu else 0,
        "feature_bytes": ELEMENT_BYTES * (read + written),
        "weight_bytes": ELEMENT_BYTES * weights,
        "layers": 1,
    }


def _filled(channels: Amount) -> Amount:
    return -(-channels // LANES) * LANES


def _amounts(**named: Amount) -> Amounts:
    return tuple(named.get(term, 0) for term in TERMS)


def _sum(parts: Sequence[Amounts]) -> Amounts:
    return tuple(sum(column) for column in zip(*parts, strict=True))


def _times(amounts: Iterable[Amount], times: Amount) -> Amounts:
    return tuple(amount * times for amount in amounts)
