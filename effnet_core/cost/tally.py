"""Sums over the parts of many networks at once; `cost_curves` says which networks.

Layers and what is alive are `part_sums`'; tests hold the two together. No torch is needed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.families import Baseline, StageSpec

Numbers: TypeAlias = npt.NDArray[Any]
"""Whole numbers (n,): int64, or Python's own where int64 would be too small."""


@dataclass(kw_only=True, eq=False)
class Sums:
    """What parts add up to, each field (n,): elements, counts for one image, and the peak."""

    params: Numbers
    mult_adds: Numbers
    activations: Numbers
    norm_elements: Numbers
    norm_channels: Numbers
    norms: Numbers
    pooled: Numbers
    peak: Numbers

    @classmethod
    def none(cls, zero: Numbers) -> Sums:
        """Sums of nothing."""
        return cls(**{field.name: zero for field in dataclasses.fields(cls)})

    def add(self, other: Sums, times: Numbers) -> None:
        """Add `times` parts like `other`; the peak is the largest of those that occur."""
        for field in dataclasses.fields(self):
            mine, more = getattr(self, field.name), getattr(other, field.name)
            if field.name == "peak":
                self.peak = np.maximum(mine, np.where(times > 0, more, 0))
            else:
                setattr(self, field.name, mine + times * more)


@dataclass(frozen=True, kw_only=True, eq=False)
class PartSums:
    """Equal neighbours of n networks: stem, head, a stage's first block, or its other blocks.

    `times` (n,) is how many there are; `channels` and `side` are the output's; `field` is the
    receptive field after the last of them; `sums` are of one.
    """

    stage: int
    times: Numbers
    channels: Numbers
    side: Numbers
    field: Numbers
    sums: Sums


class Tally:
    """Sums over the network's parts, in order; `side` and `channels` are those reached so far.

    `parts` is filled where they are to be kept.
    """

    def __init__(self, baseline: Baseline, side: Numbers, zero: Numbers, *, keep: bool) -> None:
        self.baseline, self.side, self.zero, self.keep = baseline, side, zero, keep
        self.channels, self.field, self.jump = zero + 3, zero + 1, 1
        self.image = self.channels * side * side
        self.total, self.part = Sums.none(zero), Sums.none(zero)
        self.parts: list[PartSums] = []

    def stem(self, channels: Numbers) -> None:
        """3×3 convolution of stride 2."""
        copy = self._padded(self.channels, self.side, 3, 2)
        self.side = _halved(self.side)
        self._conv(self.channels * channels * 9, channels, self.side)
        self._alive(copy + channels * self.side * self.side)
        self._close(0, channels, self.zero + 1, 3, 2)

    def stage(self, number: int, stage: StageSpec, outputs: Numbers, count: Numbers) -> None:
        """A first block that may stride and change channels, and `count` − 1 equal others."""
        self._block(stage, self.channels, outputs, stage.stride)
        self._close(number, outputs, self.zero + 1, stage.kernel, stage.stride)
        self._block(stage, outputs, outputs, 1)
        self._close(number, outputs, count - 1, stage.kernel, 1)

    def head(self, channels: Numbers, classes: int) -> None:
        """1×1 convolution, pooling and classifier."""
        area, part = self.side * self.side, self.part
        self._conv(self.channels * channels, channels, self.side)
        self._alive(self.channels * area + channels * area)
        part.pooled = part.pooled + channels * area
        part.params = part.params + (channels + 1) * classes
        part.mult_adds = part.mult_adds + channels * classes
        part.activations = part.activations + classes
        self._alive(channels * area + channels + classes)
        self._close(len(self.baseline.stages) + 1, channels, self.zero + 1, 1, 1)

    def _close(
        self, stage: int, channels: Numbers, times: Numbers, kernel: int, stride: int
    ) -> None:
        """What was counted since the last call is one part, which occurs `times`."""
        self.channels = channels
        self.field = self.field + times * (kernel - 1) * self.jump
        self.jump *= stride
        self.total.add(self.part, times)
        if self.keep:
            self.parts.append(
                PartSums(
                    stage=stage,
                    times=times,
                    channels=channels,
                    side=self.side,
                    field=self.field,
                    sums=self.part,
                )
            )
        self.part = Sums.none(self.zero)

    def _block(self, stage: StageSpec, inputs: Numbers, outputs: Numbers, stride: int) -> None:
        """MBConv; layers and what is alive as in `part_sums`."""
        expanded = inputs * stage.expand_ratio
        before = self.side
        area = before * before
        joined = inputs == outputs if stride == 1 else inputs < 0
        shortcut = np.where(joined, inputs * area, 0)
        if stage.expand_ratio != 1:
            self._conv(inputs * expanded, expanded, before)
            self._alive((inputs + expanded) * area)
        self.side = _halved(before) if stride == 2 else before
        after = self.side * self.side
        self._conv(expanded * stage.kernel**2, expanded, self.side)
        held = shortcut if stage.expand_ratio != 1 else 0 * shortcut
        copy = self._padded(expanded, before, stage.kernel, stride)
        self._alive(held + expanded * area + copy + expanded * after)
        if stage.squeeze_ratio:
            self._squeeze(stage, inputs, expanded, shortcut)
        self._conv(expanded * outputs, outputs, self.side)
        self._alive(shortcut + expanded * after + outputs * after)

    def _squeeze(
        self, stage: StageSpec, inputs: Numbers, expanded: Numbers, shortcut: Numbers
    ) -> None:
        """Squeeze-and-excitation: pooling and two 1×1 convolutions with biases."""
        after, part = self.side * self.side, self.part
        share = inputs.astype(np.float64) * stage.squeeze_ratio
        squeezed = np.maximum(share.astype(np.int64), 1).astype(inputs.dtype)
        part.pooled = part.pooled + expanded * after
        part.params = part.params + 2 * expanded * squeezed + squeezed + expanded
        part.mult_adds = part.mult_adds + 2 * expanded * squeezed
        part.activations = part.activations + squeezed + expanded
        gates = 2 * expanded + np.maximum(squeezed, expanded)
        self._alive(shortcut + expanded * after + gates)

    def _conv(self, weights: Numbers, outputs: Numbers, side: Numbers) -> None:
        """A convolution without bias and its batch-norm."""
        part, elements = self.part, outputs * side * side
        part.params = part.params + weights + 2 * outputs
        part.mult_adds = part.mult_adds + weights * side * side
        part.activations = part.activations + elements
        part.norm_elements = part.norm_elements + elements
        part.norm_channels = part.norm_channels + outputs
        part.norms = part.norms + 1

    def _alive(self, elements: Numbers) -> None:
        self.part.peak = np.maximum(self.part.peak, elements)

    def _padded(self, channels: Numbers, side: Numbers, kernel: int, stride: int) -> Numbers:
        """Elements of the copy that "same" padding needs at stride 2."""
        if self.baseline.padding == "symmetric" or stride == 1:
            return 0 * channels
        needed = np.maximum((_halved(side) - 1) * stride + kernel - side, 0)
        return channels * (side + needed) ** 2


def _halved(side: Numbers) -> Numbers:
    return -(-side // 2)
