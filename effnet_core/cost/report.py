"""What a network costs, counted exactly from its spec alone. This module needs no torch.

Unit: one multiply-add counts once, as in the EfficientNet paper; every count is for one image.
The headline `mult_adds` counts convolutions and the linear layer without biases; batch-norm and
average pooling stand apart in `other_ops`, counted as fvcore counts them (2 per element for
batch-norm in evaluation, 1 per input element for pooling), so that fvcore's total is reproduced
operator by operator. `activations` are the output elements of convolutions and the linear layer,
as pycls and fvcore count them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from effnet_core.architecture.family import Operator
from effnet_core.architecture.scaling import validate_resolution
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.architecture.walk import (
    Part,
    Run,
    block_prefix,
    features,
    runs,
    seen,
    walk,
    window,
)
from effnet_core.cost.layers import LayerCost, layers
from effnet_core.cost.sums import sums, sums_of, total
from effnet_core.errors import InvalidInput

DTYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "float64": 8}
# batch-norm's num_batches_tracked is one int64 whatever the dtype.
COUNTER_BYTES = 8


@dataclass(frozen=True)
class OperatorCounts:
    """Operations for one image by operator, as fvcore's FlopCountAnalysis names and counts them."""

    conv: int = 0
    linear: int = 0
    batch_norm: int = 0
    adaptive_avg_pool2d: int = 0

    @property
    def total(self) -> int:
        """fvcore's total."""
        return self.conv + self.linear + self.batch_norm + self.adaptive_avg_pool2d


@dataclass(frozen=True, kw_only=True)
class CostTotals:
    """A network's cost in total: counts for one image, memory in bytes for the batch and dtype.

    `weight_bytes` covers parameters and buffers. `peak_activation_bytes` is the largest sum of
    live tensors in an evaluation forward pass without gradients: the caller's input, each layer's
    input and output, and the shortcut where there is one, with activations and batch-norm in
    place; `peak_at` names the layer where it occurs.
    """

    params: int
    mult_adds: int
    activations: int
    fvcore: OperatorCounts
    weight_bytes: int
    peak_activation_bytes: int
    peak_at: str
    blocks: int

    @property
    def other_ops(self) -> int:
        """Operations of batch-norm and average pooling, as fvcore counts them."""
        return self.fvcore.batch_norm + self.fvcore.adaptive_avg_pool2d


@dataclass(frozen=True, kw_only=True)
class PartCost:
    """One block's cost, or the stem's or the head's (`block` is None); counts for one image.

    `out_shape` is (channels, height, width). `peak_activation_bytes` is the largest sum of live
    tensors while the part runs, for the report's batch and dtype, as in `CostTotals`.
    """

    stage: int
    block: int | None
    out_shape: tuple[int, int, int]
    params: int
    mult_adds: int
    activations: int
    peak_activation_bytes: int


@dataclass(frozen=True, kw_only=True)
class StageCost:
    """One row of the stage table, as in the paper's table 1; shapes are (channels, height, width).

    `receptive_field` is the side in input pixels that one output position of the convolutions
    sees (squeeze-and-excitation sees the whole image besides).
    """

    stage: int
    title: str
    operator: Operator | Literal["stem", "head"]
    kernel: int
    stride: int
    repeats: int
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    params: int
    mult_adds: int
    activations: int
    receptive_field: int


@dataclass(frozen=True, kw_only=True)
class CostReport:
    """The cost of `spec` at `resolution`: by layer, part and stage, and in total."""

    spec: ArchitectureSpec
    resolution: int
    batch: int
    dtype: str
    layers: tuple[LayerCost, ...]
    parts: tuple[PartCost, ...]
    stages: tuple[StageCost, ...]
    totals: CostTotals

    def block_layers(self, stage: int, block: int) -> tuple[LayerCost, ...]:
        """The layers of one block, in the order in which they run."""
        return tuple(c for c in self.layers if c.stage == stage and c.block == block)


def analyze(
    spec: ArchitectureSpec,
    *,
    resolution: int | None = None,
    batch: int = 1,
    dtype: str = "float32",
) -> CostReport:
    """Cost of `spec`, layer by layer, at `resolution` (default: the spec's own).

    Raises InvalidInput for an unusable resolution, batch or dtype.
    """
    totals = summarize(spec, resolution=resolution, batch=batch, dtype=dtype)
    side = spec.resolution if resolution is None else resolution
    parts = tuple(walk(spec, side))
    image = spec.in_channels * side * side
    return CostReport(
        spec=spec,
        resolution=side,
        batch=batch,
        dtype=dtype,
        layers=tuple(layer for part in parts for layer in layers(part)),
        parts=tuple(_part_cost(part, image, element_bytes(dtype) * batch) for part in parts),
        stages=tuple(_stages(spec, side, parts)),
        totals=totals,
    )


def summarize(
    spec: ArchitectureSpec,
    *,
    resolution: int | None = None,
    batch: int = 1,
    dtype: str = "float32",
) -> CostTotals:
    """`analyze(...).totals` without the list of layers: equal blocks are counted once."""
    side = validate_resolution(spec.resolution if resolution is None else resolution)
    element = element_bytes(dtype)
    if not isinstance(batch, int) or not 1 <= batch <= 65536:
        raise InvalidInput(f"Batch size must be a whole number from 1 to 65,536; got {batch!r}.")
    parts = tuple(runs(spec, side))
    each = [sums_of(part.walked, *part.numbers) for part in parts]
    found = total(each, [part.times for part in parts])
    return CostTotals(
        params=found.params,
        mult_adds=found.mult_adds,
        activations=found.activations,
        fvcore=OperatorCounts(found.conv, found.linear, found.batch_norm, found.pooled),
        weight_bytes=(found.params + found.buffers) * element + found.norms * COUNTER_BYTES,
        peak_activation_bytes=(found.peak + spec.in_channels * side * side) * element * batch,
        peak_at=max(
            _peak_at(part)
            for part, sums in zip(parts, each, strict=True)
            if sums.peak == found.peak
        ),
        blocks=len(spec.blocks),
    )


def element_bytes(dtype: str) -> int:
    """Bytes of one element of `dtype`; raises InvalidInput for a dtype that is not offered."""
    if dtype not in DTYPE_BYTES:
        raise InvalidInput(f"dtype must be one of {', '.join(DTYPE_BYTES)}; got {dtype!r}.")
    return DTYPE_BYTES[dtype]


def _peak_at(run: Run) -> str:
    """The layer of a part at which most elements are alive; of several, the last by name."""
    prefix = max((block_prefix(block.stage, block.index) for block in run.blocks), default="")
    return prefix + max((step.alive, step.peak_at) for step in run.steps)[1]


def _part_cost(part: Part, image: int, element: int) -> PartCost:
    """What a part costs; `element` is the bytes of one element for the whole batch."""
    found = sums(part.steps)
    last = features(part.steps)
    return PartCost(
        stage=part.stage,
        block=part.block,
        out_shape=(last.outputs, last.after, last.after),
        params=found.params,
        mult_adds=found.mult_adds,
        activations=found.activations,
        peak_activation_bytes=(found.peak + image) * element,
    )


def _stages(spec: ArchitectureSpec, side: int, parts: Sequence[Part]) -> Iterator[StageCost]:
    shape = (spec.in_channels, side, side)
    field, jump = 1, 1
    for stage, group in groupby(parts, key=lambda part: part.stage):
        inside = tuple(group)
        for part in inside:
            field, jump = seen(part.steps, 1, field, jump)
        found = total([sums(part.steps) for part in inside], [1] * len(inside))
        first, last = window(inside[0].steps), features(inside[-1].steps)
        out_shape = (last.outputs, last.after, last.after)
        yield StageCost(
            stage=stage,
            title=_title(spec, stage),
            operator=_operator(spec, stage),
            kernel=first.kernel,
            stride=first.stride,
            repeats=len(inside),
            in_shape=shape,
            out_shape=out_shape,
            params=found.params,
            mult_adds=found.mult_adds,
            activations=found.activations,
            receptive_field=field,
        )
        shape = out_shape


def _operator(spec: ArchitectureSpec, stage: int) -> Operator | Literal["stem", "head"]:
    if stage == 0:
        return "stem"
    return "head" if stage > spec.stage_count else spec.stages[stage - 1][0].operator


def _title(spec: ArchitectureSpec, stage: int) -> str:
    """The operator as the papers' tables write it, such as "MBConv6, 5×5"."""
    if stage == 0:
        return "Convolution, 3×3"
    if stage > spec.stage_count:
        return "Convolution 1×1, pooling, classifier"
    block = spec.stages[stage - 1][0]
    ratio = round(block.expanded_channels / block.in_channels)
    name = "MBConv" if block.operator == "mbconv" else "FusedMBConv"
    return f"{name}{ratio}, {block.kernel}×{block.kernel}"


def deepest_stage(
    spec: ArchitectureSpec, at_least: int = 5, *, resolution: int | None = None
) -> int:
    """The last stage, as `features` counts them, whose map is `at_least` positions high and wide.

    `resolution` is the input's side (default: the spec's own). At 72 pixels the last map has 3 × 3
    positions, and stage 5 is the deepest of 5 × 5. Raises InvalidInput if no stage has as many.
    """
    stages = analyze(spec, resolution=resolution).stages
    wide = [stage.stage for stage in stages if min(stage.out_shape[1:]) >= at_least]
    if not wide:
        side = spec.resolution if resolution is None else resolution
        raise InvalidInput(
            f"No stage of {spec.name} has a map of {at_least} × {at_least} at {side} pixels; "
            "choose a larger input."
        )
    return wide[-1]
