"""Costs of many networks of the formula at once, as arrays; no network is spelt out.

Every value equals `cost.summarize(...)` of the same network, which counts layer by layer; tests
hold the two together. Units are `cost`'s. This module needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from effnet_core.cost import COUNTER_BYTES, element_bytes
from effnet_core.errors import InvalidInput
from effnet_core.scaling import (
    BASE_RESOLUTION,
    CHANNEL_DIVISOR,
    MAX_BLOCKS,
    PAPER_RULE,
    PIXEL_DIVISOR,
    RESOLUTION_MAX,
    RESOLUTION_MIN,
    Rounding,
    ScalingRule,
    Strategy,
)
from effnet_core.stage_tables import V1, Baseline, StageSpec

Numbers: TypeAlias = npt.NDArray[Any]
"""Whole numbers (n,): int64, or Python's own where int64 would be too small."""

_SAFE = 2.0**60


@dataclass(frozen=True, kw_only=True, eq=False)
class CostArrays:
    """Costs of n networks, each field an array (n,), as in `cost.CostTotals`.

    `exists` is False where the cap on blocks or pixels forbids the network; the other fields are 0
    there.
    """

    exists: npt.NDArray[np.bool_]
    resolution: Numbers
    blocks: Numbers
    params: Numbers
    mult_adds: Numbers
    activations: Numbers
    batch_norm: Numbers
    adaptive_avg_pool2d: Numbers
    weight_bytes: Numbers
    peak_activation_bytes: Numbers


def scaled_costs(
    phis: Sequence[float] | npt.NDArray[np.float64],
    *,
    rule: ScalingRule = PAPER_RULE,
    strategy: Strategy = "compound",
    repeats: Rounding = "ceil",
    base_resolution: int = BASE_RESOLUTION,
    exact_pixels: bool = False,
    resolution: int | None = None,
    num_classes: int = 1000,
    batch: int = 1,
    dtype: str = "float32",
) -> CostArrays:
    """Costs of `variants.scaled(φ, …)` for every φ; raises InvalidInput for a φ out of range."""
    ratios = [rule.ratios(float(phi), strategy) for phi in phis]
    depth, width, pixels = np.array(ratios, dtype=np.float64).reshape(-1, 3).T
    divisor = 1 if exact_pixels else PIXEL_DIVISOR
    sides = np.floor(base_resolution * pixels / divisor + 0.5) * divisor
    sides = np.maximum(sides, PIXEL_DIVISOR)
    exists = (sides >= RESOLUTION_MIN) & (sides <= RESOLUTION_MAX)
    if resolution is not None:
        sides = np.full_like(sides, resolution)
    return free_costs(
        depth,
        width,
        np.where(exists, sides, RESOLUTION_MIN).astype(np.int64),
        repeats=repeats,
        num_classes=num_classes,
        batch=batch,
        dtype=dtype,
        exists=exists,
    )


def free_costs(
    depth: npt.NDArray[np.float64],
    width: npt.NDArray[np.float64],
    resolution: npt.NDArray[np.int64],
    *,
    repeats: Rounding = "ceil",
    num_classes: int = 1000,
    batch: int = 1,
    dtype: str = "float32",
    baseline: Baseline = V1,
    exists: npt.NDArray[np.bool_] | None = None,
) -> CostArrays:
    """Costs of `architecture.expand(baseline, …)` for n free coefficients (n,) each.

    `exists` rules networks out from the start. Raises InvalidInput for a baseline whose ends are
    fixed or whose blocks are not MBConv throughout.
    """
    if baseline.fixed_ends or any(stage.operator != "mbconv" for stage in baseline.stages):
        raise InvalidInput(f"{baseline.title} is not scaled in arrays; use cost.summarize.")
    counts = [_repeats(stage.repeats * depth, repeats) for stage in baseline.stages]
    blocks = np.sum(counts, axis=0)
    fits = blocks <= MAX_BLOCKS
    exists = fits if exists is None else exists & fits
    kind = _kind(depth, width, resolution, num_classes, batch)
    zero: Numbers = np.zeros(len(depth), dtype=kind)
    tally = _Tally(baseline, np.where(exists, resolution, RESOLUTION_MIN).astype(kind), zero)
    tally.stem(_channels(baseline.stem_channels * width, baseline).astype(kind))
    for stage, count in zip(baseline.stages, counts, strict=True):
        outputs: Numbers = _channels(stage.channels * width, baseline).astype(kind)
        tally.stage(stage, outputs, np.where(exists, count, 1).astype(kind))
    tally.head(_channels(baseline.head_channels * width, baseline).astype(kind), num_classes)
    return tally.result(exists, resolution, blocks, batch=batch, element=element_bytes(dtype))


class _Tally:
    """Sums over the network's parts, in order; `side` and `channels` are those reached so far."""

    def __init__(self, baseline: Baseline, side: Numbers, zero: Numbers) -> None:
        self.baseline, self.side, self.image_side = baseline, side, side
        self.channels = zero + 3
        self.params, self.mult_adds, self.activations = zero, zero, zero
        self.norm_elements, self.norm_channels, self.norms = zero, zero, zero
        self.pooled, self.peak = zero, zero

    def stem(self, channels: Numbers) -> None:
        """3×3 convolution of stride 2."""
        image = self.channels * self.side * self.side
        copy = self._padded(self.channels, self.side, 3, 2)
        self.side = _halved(self.side)
        self._conv(self.channels * channels * 9, channels, self.side, times=1)
        self._alive(copy + channels * self.side * self.side)
        self.image, self.channels = image, channels

    def stage(self, stage: StageSpec, outputs: Numbers, count: Numbers) -> None:
        """A first block that may stride and change channels, and `count` − 1 equal others."""
        self._block(stage, self.channels, outputs, stage.stride, times=1 + 0 * count)
        self._block(stage, outputs, outputs, 1, times=count - 1)
        self.channels = outputs

    def head(self, channels: Numbers, classes: int) -> None:
        """1×1 convolution, pooling and classifier."""
        area = self.side * self.side
        self._conv(self.channels * channels, channels, self.side, times=1)
        self._alive(self.channels * area + channels * area)
        self.pooled = self.pooled + channels * area
        self.params = self.params + (channels + 1) * classes
        self.mult_adds = self.mult_adds + channels * classes
        self.activations = self.activations + classes
        self._alive(channels * area + channels + classes)

    def result(
        self,
        exists: npt.NDArray[np.bool_],
        resolution: Numbers,
        blocks: Numbers,
        *,
        batch: int,
        element: int,
    ) -> CostArrays:
        """The sums in `cost`'s units."""
        buffers = 2 * self.norm_channels
        weights = (self.params + buffers) * element + self.norms * COUNTER_BYTES
        found = {
            "resolution": resolution,
            "blocks": blocks,
            "params": self.params,
            "mult_adds": self.mult_adds,
            "activations": self.activations,
            "batch_norm": 2 * self.norm_elements,
            "adaptive_avg_pool2d": self.pooled,
            "weight_bytes": weights,
            "peak_activation_bytes": (self.peak + self.image) * element * batch,
        }
        shown = {name: np.where(exists, values, 0) for name, values in found.items()}
        return CostArrays(exists=exists, **shown)

    def _block(
        self, stage: StageSpec, inputs: Numbers, outputs: Numbers, stride: int, *, times: Numbers
    ) -> None:
        """MBConv, `times` over; layers and what is alive as in `layer_costs`."""
        expanded = inputs * stage.expand_ratio
        before = self.side
        area = before * before
        joined = (inputs == outputs) & (times > 0) if stride == 1 else inputs < 0
        shortcut = np.where(joined, inputs * area, 0)
        if stage.expand_ratio != 1:
            self._conv(inputs * expanded, expanded, before, times=times)
            self._alive((inputs + expanded) * area, times)
        self.side = _halved(before) if stride == 2 else before
        after = self.side * self.side
        self._conv(expanded * stage.kernel**2, expanded, self.side, times=times)
        held = shortcut if stage.expand_ratio != 1 else 0 * shortcut
        copy = self._padded(expanded, before, stage.kernel, stride)
        self._alive(held + expanded * area + copy + expanded * after, times)
        if stage.squeeze_ratio:
            self._squeeze(stage, inputs, expanded, shortcut, times)
        self._conv(expanded * outputs, outputs, self.side, times=times)
        self._alive(shortcut + expanded * after + outputs * after, times)

    def _squeeze(
        self,
        stage: StageSpec,
        inputs: Numbers,
        expanded: Numbers,
        shortcut: Numbers,
        times: Numbers,
    ) -> None:
        """Squeeze-and-excitation: pooling and two 1×1 convolutions with biases."""
        after = self.side * self.side
        share = inputs.astype(np.float64) * stage.squeeze_ratio
        squeezed = np.maximum(share.astype(np.int64), 1).astype(inputs.dtype)
        self.pooled = self.pooled + times * expanded * after
        self.params = self.params + times * (2 * expanded * squeezed + squeezed + expanded)
        self.mult_adds = self.mult_adds + times * 2 * expanded * squeezed
        self.activations = self.activations + times * (squeezed + expanded)
        gates = 2 * expanded + np.maximum(squeezed, expanded)
        self._alive(shortcut + expanded * after + gates, times)

    def _conv(self, weights: Numbers, outputs: Numbers, side: Numbers, *, times: Any) -> None:
        """A convolution without bias and its batch-norm."""
        area = side * side
        self.params = self.params + times * (weights + 2 * outputs)
        self.mult_adds = self.mult_adds + times * weights * area
        self.activations = self.activations + times * outputs * area
        self.norm_elements = self.norm_elements + times * outputs * area
        self.norm_channels = self.norm_channels + times * outputs
        self.norms = self.norms + times

    def _alive(self, elements: Numbers, times: Any = 1) -> None:
        self.peak = np.maximum(self.peak, np.where(times > 0, elements, 0))

    def _padded(self, channels: Numbers, side: Numbers, kernel: int, stride: int) -> Numbers:
        """Elements of the copy that "same" padding needs at stride 2."""
        if self.baseline.padding == "symmetric" or stride == 1:
            return 0 * channels
        needed = np.maximum((_halved(side) - 1) * stride + kernel - side, 0)
        return channels * (side + needed) ** 2


def _halved(side: Numbers) -> Numbers:
    return -(-side // 2)


def _repeats(exact: npt.NDArray[np.float64], rounding: Rounding) -> Numbers:
    """`scaling.round_repeats` for an array."""
    if rounding not in ("ceil", "nearest"):
        raise InvalidInput(f"Rounding must be ceil or nearest; got {rounding!r}.")
    snapped = np.round(exact, 9)
    rounded = np.ceil(snapped) if rounding == "ceil" else np.floor(snapped + 0.5)
    return np.minimum(np.maximum(rounded, 1), MAX_BLOCKS + 1).astype(np.int64)


def _channels(exact: npt.NDArray[np.float64], baseline: Baseline) -> Numbers:
    """`scaling.round_channels` for an array."""
    half_up = np.floor(exact + CHANNEL_DIVISOR / 2) // CHANNEL_DIVISOR * CHANNEL_DIVISOR
    rounded = np.maximum(half_up, CHANNEL_DIVISOR)
    too_low = rounded < baseline.channel_keep * exact
    return (rounded + CHANNEL_DIVISOR * too_low).astype(np.int64)


def _kind(
    depth: npt.NDArray[np.float64],
    width: npt.NDArray[np.float64],
    resolution: Numbers,
    classes: int,
    batch: int,
) -> type:
    """int64, or `object` (Python's own whole numbers) where a count might not fit."""
    if not len(depth):
        return np.int64
    channels = 2000.0 * float(width.max()) + 16
    area = float(resolution.max()) ** 2
    most = channels**2 * area * MAX_BLOCKS + channels * classes + channels * area * batch * 64
    return np.int64 if most < _SAFE else object
