"""What a network costs, counted exactly from its spec alone. This module needs no torch.

Unit: one multiply-add counts once, as in the EfficientNet paper; every count is for one image.
The headline `mult_adds` counts convolutions and the linear layer without biases; batch-norm and
average pooling stand apart in `other_ops`, counted as fvcore counts them (2 per element for
batch-norm in evaluation, 1 per input element for pooling), so that fvcore's total is reproduced
operator by operator. `activations` are the output elements of convolutions and the linear layer,
as pycls and fvcore count them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from effnet_core.architecture.families import Operator
from effnet_core.architecture.scaling import validate_resolution
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.layers import LayerCost, block_layers, halved, head_layers, stem_layers
from effnet_core.cost.sums import PartSums, block_sums, head_sums, stem_sums, total
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
    layers = tuple(_layers(spec, side))
    return CostReport(
        spec=spec,
        resolution=side,
        batch=batch,
        dtype=dtype,
        layers=layers,
        parts=tuple(_part_costs(spec, side, element_bytes(dtype) * batch)),
        stages=_stages(spec, side, layers),
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
    parts = _sums(spec, side)
    sums = total(parts)
    return CostTotals(
        params=sums.params,
        mult_adds=sums.conv + sums.linear,
        activations=sums.activations,
        fvcore=OperatorCounts(sums.conv, sums.linear, sums.batch_norm, sums.pooled),
        weight_bytes=(sums.params + sums.buffers) * element + sums.norms * COUNTER_BYTES,
        peak_activation_bytes=(sums.peak + spec.in_channels * side * side) * element * batch,
        peak_at=max(
            place.prefix + part.peak_at
            for place, part in zip(_places(spec), parts, strict=True)
            if part.peak == sums.peak
        ),
        blocks=len(spec.blocks),
    )


def element_bytes(dtype: str) -> int:
    """Bytes of one element of `dtype`; raises InvalidInput for a dtype that is not offered."""
    if dtype not in DTYPE_BYTES:
        raise InvalidInput(f"dtype must be one of {', '.join(DTYPE_BYTES)}; got {dtype!r}.")
    return DTYPE_BYTES[dtype]


@dataclass(frozen=True)
class _Place:
    """Where in the network a part stands."""

    stage: int
    block: int | None
    prefix: str


def _places(spec: ArchitectureSpec) -> Iterator[_Place]:
    """Stem, blocks and head in order."""
    yield _Place(0, None, "")
    for block in spec.blocks:
        yield _Place(block.stage, block.index, f"stages.{block.stage}.{block.index}.")
    yield _Place(spec.stage_count + 1, None, "")


def _sides(spec: ArchitectureSpec, side: int) -> Iterator[int]:
    """The side of the input of every block in order, and last of the head."""
    side = halved(side)
    for block in spec.blocks:
        yield side
        side = halved(side) if block.stride == 2 else side
    yield side


def _sums(spec: ArchitectureSpec, side: int) -> list[PartSums]:
    """What stem, blocks and head cost, in order."""
    *sides, last = _sides(spec, side)
    blocks = (block_sums(b, spec.padding, at) for b, at in zip(spec.blocks, sides, strict=True))
    return [stem_sums(spec, side), *blocks, head_sums(spec, last)]


def _layers(spec: ArchitectureSpec, side: int) -> Iterator[LayerCost]:
    *sides, last = _sides(spec, side)
    blocks = (block_layers(*each) for each in zip(spec.blocks, sides, strict=True))
    parts = (stem_layers(spec, side), *blocks, head_layers(spec, last))
    for place, layers in zip(_places(spec), parts, strict=True):
        for layer in layers:
            yield dataclasses.replace(
                layer, name=place.prefix + layer.name, stage=place.stage, block=place.block
            )


def _part_costs(spec: ArchitectureSpec, side: int, element: int) -> Iterator[PartCost]:
    """Costs of the parts in order; `element` is the bytes of one element for the whole batch."""
    image = spec.in_channels * side * side
    *sides, last = _sides(spec, side)
    sides += [last, last]
    channels = (spec.stem_channels, *(b.out_channels for b in spec.blocks), spec.head_channels)
    parts = zip(_places(spec), _sums(spec, side), channels, sides, strict=True)
    for place, part, out, after in parts:
        yield PartCost(
            stage=place.stage,
            block=place.block,
            out_shape=(out, after, after),
            params=part.params,
            mult_adds=part.conv + part.linear,
            activations=part.activations,
            peak_activation_bytes=(part.peak + image) * element,
        )


def _stages(
    spec: ArchitectureSpec, side: int, layers: tuple[LayerCost, ...]
) -> tuple[StageCost, ...]:
    rows: list[StageCost] = []
    shape = (spec.in_channels, side, side)
    field, jump = 1, 1
    for stage in range(spec.stage_count + 2):
        inside = tuple(layer for layer in layers if layer.stage == stage)
        blocks = spec.stages[stage - 1] if 1 <= stage <= spec.stage_count else ()
        for kernel, stride in _kernels(spec, stage):
            field, jump = field + (kernel - 1) * jump, jump * stride
        out_shape = [layer for layer in inside if layer.kind == "batch_norm"][-1].out_shape
        rows.append(
            StageCost(
                stage=stage,
                title=_title(spec, stage),
                operator=blocks[0].operator if blocks else "stem" if stage == 0 else "head",
                kernel=_kernels(spec, stage)[0][0],
                stride=_kernels(spec, stage)[0][1],
                repeats=len(blocks) or 1,
                in_shape=shape,
                out_shape=out_shape,
                params=sum(layer.params for layer in inside),
                mult_adds=sum(layer.mult_adds for layer in inside),
                activations=sum(layer.activations for layer in inside),
                receptive_field=field,
            )
        )
        shape = out_shape
    return tuple(rows)


def _kernels(spec: ArchitectureSpec, stage: int) -> tuple[tuple[int, int], ...]:
    """(kernel, stride) of the spatial convolutions of a stage, in order."""
    if stage == 0:
        return ((3, 2),)
    if stage > spec.stage_count:
        return ((1, 1),)
    return tuple((block.kernel, block.stride) for block in spec.stages[stage - 1])


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
