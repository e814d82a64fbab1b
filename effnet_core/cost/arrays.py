"""Costs of many networks of the formula at once, as arrays; no network is spelt out.

Every value equals `cost.summarize(...)` of the same network, which counts layer by layer; tests
hold the two together. Units are `cost`'s. This module needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.families import V1, Baseline
from effnet_core.architecture.scaling import (
    BASE_RESOLUTION,
    CHANNEL_DIVISOR,
    PAPER_RULE,
    PIXEL_DIVISOR,
    Rounding,
    ScalingRule,
    Strategy,
)
from effnet_core.cost.report import COUNTER_BYTES, element_bytes
from effnet_core.cost.tally import Numbers, PartSums, Tally
from effnet_core.errors import InvalidInput
from effnet_core.limits import MAX_BLOCKS, RESOLUTION_MAX, RESOLUTION_MIN

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
    by_part: bool = False,
) -> CostArrays:
    """Costs of `variants.scaled(φ, …)` for every φ, with their `parts` where `by_part`.

    Raises InvalidInput for a φ out of range.
    """
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
        by_part=by_part,
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
    by_part: bool = False,
) -> CostArrays:
    """Costs of `architecture.expand(baseline, …)` for n free coefficients (n,) each.

    `exists` rules networks out from the start; `by_part` asks for `parts` too. Raises InvalidInput
    for a baseline whose ends are fixed or whose blocks are not MBConv throughout.
    """
    if baseline.fixed_ends or any(stage.operator != "mbconv" for stage in baseline.stages):
        raise InvalidInput(f"{baseline.title} is not scaled in arrays; use cost.summarize.")
    counts = [_repeats(stage.repeats * depth, repeats) for stage in baseline.stages]
    blocks = np.sum(counts, axis=0)
    fits = blocks <= MAX_BLOCKS
    exists = fits if exists is None else exists & fits
    kind = _kind(depth, width, resolution, num_classes, batch)
    zero: Numbers = np.zeros(len(depth), dtype=kind)
    tally = Tally(
        baseline, np.where(exists, resolution, RESOLUTION_MIN).astype(kind), zero, keep=by_part
    )
    tally.stem(_channels(baseline.stem_channels * width, baseline).astype(kind))
    for number, (stage, count) in enumerate(zip(baseline.stages, counts, strict=True), start=1):
        outputs: Numbers = _channels(stage.channels * width, baseline).astype(kind)
        tally.stage(number, stage, outputs, np.where(exists, count, 1).astype(kind))
    tally.head(_channels(baseline.head_channels * width, baseline).astype(kind), num_classes)
    return _result(tally, exists, resolution, blocks, batch=batch, element=element_bytes(dtype))


def _result(
    tally: Tally,
    exists: npt.NDArray[np.bool_],
    resolution: Numbers,
    blocks: Numbers,
    *,
    batch: int,
    element: int,
) -> CostArrays:
    """The sums in `cost`'s units."""
    total = tally.total
    weights = (total.params + 2 * total.norm_channels) * element + total.norms * COUNTER_BYTES
    found = {
        "resolution": resolution,
        "blocks": blocks,
        "params": total.params,
        "mult_adds": total.mult_adds,
        "activations": total.activations,
        "batch_norm": 2 * total.norm_elements,
        "adaptive_avg_pool2d": total.pooled,
        "weight_bytes": weights,
        "peak_activation_bytes": (total.peak + tally.image) * element * batch,
    }
    shown = {name: np.where(exists, values, 0) for name, values in found.items()}
    parts = tuple(_part(part, tally.image, exists, element * batch) for part in tally.parts)
    return CostArrays(exists=exists, **shown, parts=parts)


def _part(
    part: PartSums, image: Numbers, exists: npt.NDArray[np.bool_], element: int
) -> PartArrays:
    sums = part.sums
    return PartArrays(
        stage=part.stage,
        times=np.where(exists, part.times, 0),
        channels=part.channels,
        side=part.side,
        receptive_field=part.field,
        params=sums.params,
        mult_adds=sums.mult_adds,
        activations=sums.activations,
        peak_activation_bytes=(sums.peak + image) * element,
    )


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
