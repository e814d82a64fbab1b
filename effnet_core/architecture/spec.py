"""From a stage table and coefficients to every block of a network. This module needs no torch.

`ArchitectureSpec` is all that the model, the cost model and the exporters read. It serialises to
JSON and back without loss.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any

from msgspec import Meta

from effnet_core.architecture.family import (
    Activation,
    Conventions,
    Family,
    FamilyKey,
    Operator,
    Padding,
)
from effnet_core.architecture.rounding import Rounding
from effnet_core.architecture.scaling import (
    ScalingCoefficients,
    validate_resolution,
)
from effnet_core.errors import InvalidInput
from effnet_core.files import Unfit, conform, of_format, parse_json
from effnet_core.limits import MAX_BLOCKS, MAX_CHANNELS, MAX_CLASSES, PHI_MAX, PHI_MIN

FORMAT = "effnet-architecture/1"

# Bounds of the numbers in an architecture file; a rate of 1 would drop everything.
Count = Annotated[int, Meta(ge=1, le=MAX_CHANNELS)]
Rate = Annotated[float, Meta(ge=0, le=0.999)]
Ratio = Annotated[float, Meta(ge=1e-6, le=1e6)]


@dataclass(frozen=True, kw_only=True)
class BlockSpec:
    """One resolved MBConv or FusedMBConv block.

    `stage` counts as torchvision's `features` do (0 is the stem, so the first stage is 1) and
    `index` from 0 inside the stage. `squeeze_channels` is 0 where there is no
    squeeze-and-excitation. `drop_path` is the probability that training drops the block.
    `shortcut` and `always_projects` are as in `StageSpec`.
    """

    stage: Annotated[int, Meta(ge=1, le=MAX_BLOCKS)]
    index: Annotated[int, Meta(ge=0, le=MAX_BLOCKS)]
    operator: Operator
    kernel: Annotated[int, Meta(ge=1, le=31)]
    stride: Annotated[int, Meta(ge=1, le=2)]
    in_channels: Count
    expanded_channels: Count
    squeeze_channels: Annotated[int, Meta(ge=0, le=MAX_CHANNELS)]
    out_channels: Count
    drop_path: Rate
    shortcut: bool = True
    always_projects: bool = False

    @property
    def skip(self) -> bool:
        """Whether the block's input is added to its output (equal shapes, unless told not to)."""
        return self.shortcut and self.stride == 1 and self.in_channels == self.out_channels

    @property
    def expands(self) -> bool:
        """Whether the block widens its input before the spatial convolution."""
        return self.expanded_channels != self.in_channels

    @property
    def projects(self) -> bool:
        """Whether the block ends with a 1×1 convolution to its outputs."""
        return self.operator == "mbconv" or self.expands or self.always_projects


@dataclass(frozen=True, kw_only=True)
class ArchitectureSpec:
    """A whole network, resolved: stem, blocks, head and the conventions it is computed with.

    `depth` and `width` are the ratios that made it and `phi` the formula's φ (None for a published
    variant): a record only, never read by the computation.
    """

    name: Annotated[str, Meta(max_length=200)]
    family: FamilyKey
    resolution: Count
    num_classes: Count
    stem_channels: Count
    blocks: tuple[BlockSpec, ...]
    head_channels: Count
    activation: Activation
    dropout: Rate
    stochastic_depth: Rate
    bn_eps: Annotated[float, Meta(ge=1e-12, le=1)]
    bn_momentum: Annotated[float, Meta(ge=0, le=1)]
    padding: Padding
    depth: Ratio
    width: Ratio
    phi: Annotated[float, Meta(ge=PHI_MIN, le=PHI_MAX)] | None = None
    rounding: Rounding = "ceil"
    in_channels: Count = 3

    @property
    def stages(self) -> tuple[tuple[BlockSpec, ...], ...]:
        """Blocks grouped by stage, in order; `stages[0]` is stage 1."""
        return tuple(tuple(group) for _, group in groupby(self.blocks, key=lambda b: b.stage))

    @property
    def stage_count(self) -> int:
        """Number of block stages N; stage N + 1 is the head convolution ("last")."""
        return self.blocks[-1].stage

    def to_json(self) -> str:
        """The spec as JSON text, readable by `from_json`."""
        return json.dumps(self.to_dict(), indent=1)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        blocks = [_written(block) for block in self.blocks]
        return {"format": FORMAT, **dataclasses.asdict(self), "blocks": blocks}

    @staticmethod
    def from_json(text: str) -> ArchitectureSpec:
        """Read what `to_json` wrote; raises InvalidInput if it is anything else."""
        try:
            values = parse_json(text)
        except Unfit as error:
            raise InvalidInput(f"The architecture file cannot be used: {error}.") from None
        return ArchitectureSpec.from_dict(values)

    @staticmethod
    def from_dict(values: object) -> ArchitectureSpec:
        """The inverse of `to_dict`, for untrusted values; raises InvalidInput."""
        try:
            spec = conform(of_format(values, FORMAT), ArchitectureSpec)
        except Unfit as error:
            raise InvalidInput(f"The architecture file cannot be used: {error}.") from None
        _require_consistent(spec)
        return spec


def expand(
    family: Family,
    coefficients: ScalingCoefficients,
    *,
    name: str,
    repeats: Rounding = "ceil",
    num_classes: int = 1000,
    phi: float | None = None,
    conventions: Conventions | None = None,
) -> ArchitectureSpec:
    """Scale a family's table into a network: repeats by depth, channels by width.

    `conventions` are the family's unless given. Raises InvalidInput past MAX_BLOCKS blocks or for a
    class count below 1.
    """
    if not isinstance(num_classes, int) or not 1 <= num_classes <= MAX_CLASSES:
        raise InvalidInput(
            f"The number of classes must be a whole number from 1 to {MAX_CLASSES:,}; got "
            f"{num_classes}."
        )
    counts = family.repeats(coefficients.depth, repeats)
    if sum(counts) > MAX_BLOCKS:
        raise InvalidInput(
            f"This depth means {sum(counts):,} blocks; the cap is {MAX_BLOCKS:,} blocks."
        )
    stem, *widths, head = family.channels(coefficients.width)
    return ArchitectureSpec(
        name=name,
        family=family.key,
        resolution=validate_resolution(coefficients.resolution),
        num_classes=num_classes,
        stem_channels=stem,
        blocks=tuple(_blocks(family, counts, (stem, *widths))),
        head_channels=head,
        activation=family.activation,
        dropout=coefficients.dropout,
        stochastic_depth=family.stochastic_depth,
        depth=coefficients.depth,
        width=coefficients.width,
        phi=phi,
        rounding=repeats,
        **dataclasses.asdict(conventions or family.conventions),
    )


def _blocks(
    family: Family, counts: tuple[int, ...], widths: tuple[int, ...]
) -> Iterator[BlockSpec]:
    """Every block in order; `widths` are the channels of the stem and of each stage."""
    total, place = sum(counts), 0
    for number, (stage, count) in enumerate(zip(family.stages, counts, strict=True), start=1):
        for index in range(count):
            inputs = widths[number - 1] if index == 0 else widths[number]
            yield BlockSpec(
                stage=number,
                index=index,
                operator=stage.operator,
                kernel=stage.kernel,
                stride=stage.stride if index == 0 else 1,
                in_channels=inputs,
                expanded_channels=stage.expanded(inputs, widths[number]),
                squeeze_channels=stage.squeezed(inputs),
                out_channels=widths[number],
                drop_path=family.stochastic_depth * place / total,
                shortcut=stage.shortcut,
                always_projects=stage.always_projects,
            )
            place += 1


def _written(block: BlockSpec) -> dict[str, Any]:
    """A block's plain values; what sets few blocks apart is written for those alone."""
    held, rare = dataclasses.asdict(block), {"shortcut": True, "always_projects": False}
    return {name: value for name, value in held.items() if rare.get(name) is not value}


def _require_consistent(spec: ArchitectureSpec) -> None:
    """Raise InvalidInput unless channels chain, stages count up and shapes are usable."""
    if not 1 <= len(spec.blocks) <= MAX_BLOCKS:
        raise InvalidInput(
            f"An architecture needs 1 to {MAX_BLOCKS:,} blocks; got {len(spec.blocks)}."
        )
    validate_resolution(spec.resolution)
    inputs, place = spec.stem_channels, (0, 0)
    for block in spec.blocks:
        follows = block.stage == place[0] and block.index == place[1] + 1
        starts = block.stage == place[0] + 1 and block.index == 0
        if block.in_channels != inputs or not (follows or starts):
            raise InvalidInput(
                f"Block {block.index} of stage {block.stage} does not follow from the block before."
            )
        if block.kernel % 2 == 0 or (block.operator == "fused_mbconv" and block.squeeze_channels):
            raise InvalidInput(f"Block {block.index} of stage {block.stage} has an unusable shape.")
        inputs, place = block.out_channels, (block.stage, block.index)
