"""What a network does from image to answer, part by part. This module needs no torch.

Every sum, list of layers, latency term, tensor shape and checkpoint key is a fold over this walk,
whose steps are `steps`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from effnet_core.architecture.family import Family, Padding, StageSpec
from effnet_core.architecture.rounding import Count
from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.architecture.steps import (
    BlockShape,
    Step,
    block_steps,
    halved,
    head_steps,
    stem_steps,
)

IMAGE_CHANNELS = 3


class Part(NamedTuple):
    """The stem, a block or the head, and its steps; `block` is None for the ends.

    `stage` counts as torchvision's `features` do: 0 is the stem and the last is the head.
    """

    stage: int
    block: int | None
    steps: tuple[Step, ...]

    @property
    def prefix(self) -> str:
        """What stands before its layers' names in `EfficientNet`."""
        return "" if self.block is None else block_prefix(self.stage, self.block)


class Run(NamedTuple):
    """Equal neighbours among a network's parts: each walks `walked(*numbers)`.

    `blocks` are they, none for the stem and for the head, which occur once.
    """

    blocks: tuple[BlockSpec, ...]
    walked: Callable[..., Iterator[Step]]
    numbers: tuple[Any, ...]

    @property
    def times(self) -> int:
        """How many there are."""
        return len(self.blocks) or 1

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of each."""
        return tuple(self.walked(*self.numbers))


def walk(spec: ArchitectureSpec, side: int) -> Iterator[Part]:
    """Every part of a network on an image of `side` pixels, in order."""
    stem, *runs_of_blocks, head = runs(spec, side)
    yield Part(0, None, stem.steps)
    for run in runs_of_blocks:
        steps = run.steps
        for block in run.blocks:
            yield Part(block.stage, block.index, steps)
    yield Part(spec.stage_count + 1, None, head.steps)


def runs(spec: ArchitectureSpec, side: int) -> Iterator[Run]:
    """The parts of a network on an image of `side` pixels, equal neighbours together."""
    padding = spec.padding
    yield Run((), stem_steps, (spec.in_channels, spec.stem_channels, padding, side))
    side = halved(side)
    for numbers, group in groupby(spec.blocks, _NUMBERS):
        if numbers[2] == 1:
            yield Run(tuple(group), numbered_steps, (numbers, padding, side))
            continue
        for block in group:
            yield Run((block,), numbered_steps, (numbers, padding, side))
            side = halved(side)
    last = spec.blocks[-1].out_channels
    yield Run((), head_steps, (last, spec.head_channels, spec.num_classes, side))


def walk_family(
    family: Family, channels: Sequence[Count], side: Count, classes: int
) -> Iterator[tuple[int, Iterator[Step]]]:
    """The stage and steps of the parts of n networks of a family, (n,) each, in order.

    Of each stage there is its first block, and one of the others. `channels` are
    `Family.channels`, and `side` is the image's.
    """
    padding, (stem, *widths, head) = family.conventions.padding, channels
    yield 0, stem_steps(IMAGE_CHANNELS, stem, padding, side)
    side, inputs = halved(side), stem
    for number, (stage, outputs) in enumerate(zip(family.stages, widths, strict=True), start=1):
        yield number, block_steps(_shape(stage, inputs, outputs, stage.stride), padding, side)
        side = halved(side) if stage.stride == 2 else side
        yield number, block_steps(_shape(stage, outputs, outputs, 1), padding, side)
        inputs = outputs
    yield len(family.stages) + 1, head_steps(inputs, head, classes, side)


_NUMBERS = attrgetter(
    "operator",
    "kernel",
    "stride",
    "in_channels",
    "expanded_channels",
    "squeeze_channels",
    "out_channels",
    "shortcut",
    "always_projects",
)


def numbered_steps(numbers: tuple[Any, ...], padding: Padding, side: int) -> Iterator[Step]:
    """One block on a feature map of `side`; `numbers` are the first nine of a `BlockShape`."""
    _, _, _, inputs, expanded, squeezed, *_ = numbers
    return block_steps((*numbers, expanded != inputs, squeezed > 0), padding, side)


def _shape(stage: StageSpec, inputs: Count, outputs: Count, stride: int) -> BlockShape:
    return (
        stage.operator,
        stage.kernel,
        stride,
        inputs,
        stage.expanded(inputs, outputs),
        stage.squeezed(inputs),
        outputs,
        stage.shortcut,
        stage.always_projects,
        stage.expand_ratio != 1,
        stage.squeeze_ratio > 0,
    )


def features(steps: Sequence[Step]) -> Step:
    """The step that gives a part's feature map: its last convolution."""
    return [step for step in steps if step.kind == "convolution"][-1]


def window(steps: Sequence[Step]) -> Step:
    """The step that looks at more than one place or strides, where there is one in a part."""
    return next(step for step in steps if step.role not in ("expand", "project"))


def seen(steps: Iterable[Step], times: Count, field: Count, jump: int) -> tuple[Count, int]:
    """The receptive field in input pixels, and the pixels between neighbours, after equal parts.

    `field` and `jump` are those before the first of them; parts that stride occur once.
    """
    for step in steps:
        if step.kind == "convolution":
            field = field + times * (step.kernel - 1) * jump
            jump = jump * step.stride
    return field, jump


def block_prefix(stage: int, index: int) -> str:
    """What stands before the names of a block's layers in `EfficientNet`."""
    return f"stages.{stage}.{index}."
