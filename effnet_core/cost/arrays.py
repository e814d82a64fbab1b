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

from effnet_core.architecture.families import V1
from effnet_core.architecture.family import Family
from effnet_core.architecture.rounding import Rounding, round_resolution
from effnet_core.architecture.scaling import (
    PAPER_RULE,
    ScalingRule,
    Strategy,
)
from effnet_core.architecture.walk import IMAGE_CHANNELS, Step, features, seen, walk_family
from effnet_core.cost.report import COUNTER_BYTES, element_bytes
from effnet_core.cost.sums import Sums, sums
from effnet_core.limits import MAX_BLOCKS, RESOLUTION_MAX, RESOLUTION_MIN

Numbers: TypeAlias = npt.NDArray[Any]
"""Whole numbers (n,): int64, or Python's own where int64 would be too small."""

_SAFE = 2.0**60


@dataclass(frozen=True, kw_only=True, eq=False)
class PartArrays:
    """Equal neighbours in n networks, each array (n,): what one of them costs, as `cost.PartCost`.

    A network is its stem (stage 0), every stage's first block, that stage's other blocks, and its
    head, in this order. `times` is how many there are: 0 where there is no such part, or no such
    network. `channels` and `side` are the output's; `receptive_field` is `cost.StageCost`'s, after
    the last of them.
    """

    stage: int
    times: Numbers
    channels: Numbers
    side: Numbers
    receptive_field: Numbers
    params: Numbers
    mult_adds: Numbers
    activations: Numbers
    peak_activation_bytes: Numbers


@dataclass(frozen=True, kw_only=True, eq=False)
class CostArrays:
    """Costs of n networks, each field an array (n,), as in `cost.CostTotals`.

    `exists` is False where the cap on blocks or pixels forbids the network; the other fields are 0
    there. `parts` is empty unless asked for.
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
    parts: tuple[PartArrays, ...] = ()

    @property
    def other_ops(self) -> Numbers:
        """As `cost.CostTotals.other_ops`."""
        return self.batch_norm + self.adaptive_avg_pool2d


def scaled_costs(
    phis: Sequence[float] | npt.NDArray[np.float64],
    *,
    family: Family = V1,
    rule: ScalingRule = PAPER_RULE,
    strategy: Strategy = "compound",
    repeats: Rounding = "ceil",
    base_resolution: int | None = None,
    exact_pixels: bool = False,
    resolution: int | None = None,
    num_classes: int = 1000,
    batch: int = 1,
    dtype: str = "float32",
    by_part: bool = False,
) -> CostArrays:
    """Costs of `variants.scaled(φ, …)` for every φ, with their `parts` where `by_part`.

    Raises InvalidInput for a φ out of range or a family that no φ grows.
    """
    ratios = [rule.ratios(float(phi), strategy) for phi in phis]
    depth, width, pixels = np.array(ratios, dtype=np.float64).reshape(-1, 3).T
    own = family.require_scales().resolution
    base = own if base_resolution is None else base_resolution
    sides = round_resolution(base * pixels, exact=exact_pixels)
    exists = (sides >= RESOLUTION_MIN) & (sides <= RESOLUTION_MAX)
    if resolution is not None:
        sides = np.full_like(sides, resolution)
    return free_costs(
        depth,
        width,
        np.where(exists, sides, RESOLUTION_MIN),
        family=family,
        repeats=repeats,
        num_classes=num_classes,
        batch=batch,
        dtype=dtype,
        exists=exists,
        by_part=by_part,
    )


def free_costs(
    depth: npt.NDArray[np.float64],
    width: npt.NDArray[np.float64],
    resolution: npt.NDArray[np.int64],
    *,
    family: Family = V1,
    repeats: Rounding = "ceil",
    num_classes: int = 1000,
    batch: int = 1,
    dtype: str = "float32",
    exists: npt.NDArray[np.bool_] | None = None,
    by_part: bool = False,
) -> CostArrays:
    """Costs of `architecture.expand(family, …)` for n free coefficients (n,) each.

    `exists` rules networks out from the start; `by_part` asks for `parts` too. Raises InvalidInput
    for a family that no φ grows.
    """
    repeated = family.require_scales().repeats(np.minimum(depth, MAX_BLOCKS + 1), repeats)
    blocks = np.sum(repeated, axis=0)
    fits = blocks <= MAX_BLOCKS
    exists = fits if exists is None else exists & fits
    kind = _kind(depth, width, resolution, num_classes, batch)
    channels = [widened.astype(kind) for widened in family.channels(width)]
    side: Numbers = np.where(exists, resolution, RESOLUTION_MIN).astype(kind)
    image: Numbers = IMAGE_CHANNELS * side * side
    element = element_bytes(dtype)
    nothing: Numbers = np.zeros_like(side)
    total = Sums(*[nothing] * len(Sums._fields))
    field, jump, parts = nothing + 1, 1, []
    walked = walk_family(family, channels, side, num_classes)
    for (stage, steps), times in zip(walked, _times(exists, repeated), strict=True):
        # Steps stay for `parts` alone: of many networks they would take much memory.
        kept = tuple(steps) if by_part else ()
        found = sums(kept or steps, np.maximum)
        total = _with(total, found, times)
        if by_part:
            field, jump = seen(kept, times, field, jump)
            peak = (found.peak + image) * element * batch
            parts.append(_part(stage, kept, found, times, field, peak))
    peaks = np.where(exists, total.peak + image, 0) * element * batch
    return CostArrays(
        exists=exists,
        resolution=np.where(exists, resolution, 0),
        blocks=np.where(exists, blocks, 0),
        params=total.params,
        mult_adds=total.mult_adds,
        activations=total.activations,
        batch_norm=total.batch_norm,
        adaptive_avg_pool2d=total.pooled,
        weight_bytes=(total.params + total.buffers) * element + total.norms * COUNTER_BYTES,
        peak_activation_bytes=peaks,
        parts=tuple(parts),
    )


def _with(total: Sums, part: Sums, times: Numbers) -> Sums:
    """`total` and `times` parts more; their peak counts where there are any."""
    *mine, highest = total
    *more, peak = part
    added = (before + times * each for before, each in zip(mine, more, strict=True))
    return Sums._make((*added, np.maximum(highest, np.where(times > 0, peak, 0))))


def _times(exists: npt.NDArray[np.bool_], repeated: Sequence[Numbers]) -> list[Numbers]:
    """How often every part of `walk_family` occurs in each network."""
    one = exists.astype(np.int64)
    stages = (times for count in repeated for times in (one, one * (count - 1)))
    return [one, *stages, one]


def _part(
    stage: int,
    steps: Sequence[Step],
    found: Sums,
    times: Numbers,
    field: Numbers,
    peak: Numbers,
) -> PartArrays:
    last = features(steps)
    return PartArrays(
        stage=stage,
        times=times,
        channels=last.outputs,
        side=last.after,
        receptive_field=field,
        params=found.params,
        mult_adds=found.mult_adds,
        activations=found.activations,
        peak_activation_bytes=peak,
    )


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
    channels = 2000.0 * max(float(width.max()), 1.0) + 16
    area = float(resolution.max()) ** 2
    most = channels**2 * area * MAX_BLOCKS + channels * classes + channels * area * batch * 64
    return np.int64 if most < _SAFE else object
