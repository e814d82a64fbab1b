"""Networks as columns of numbers: what the picture and the stage table are drawn from.

A network is a list of parts, each of which stands for equal neighbours: the stem, a stage's first
block, its other blocks, the head. A column holds one value for each network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from app.scale.network import Load, Network
from app.scale.pricing import TENTHS
from effnet_core.cost.report import CostReport, PartCost, StageCost, analyze

Column = Sequence[int]

COUNTS = ("params", "mult_adds", "activations", "peak_activation_bytes")
"""What each part costs, as fields of `cost.PartCost`."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Equal neighbours in some networks: how many, their output, and COUNTS of one of them."""

    stage: int
    times: Column
    channels: Column
    side: Column
    counts: tuple[Column, ...]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a row of the stage table says of some networks beyond the sums of its parts."""

    name: str
    operator: str
    stride: int
    receptive_field: Column


@dataclass(frozen=True, kw_only=True)
class Networks:
    """Some networks, by part and by stage; `side` is the input's, 0 where there is no network."""

    titles: Sequence[str]
    side: Column
    stages: tuple[Stage, ...]
    parts: tuple[Part, ...]


def stage_name(stage: int, stage_count: int) -> str:
    """ "stem", the stage's number, or "head"."""
    return "stem" if stage == 0 else "head" if stage > stage_count else str(stage)


def of_report(title: str, report: CostReport) -> Networks:
    """One network, counted layer by layer."""
    fields = [(stage.receptive_field,) for stage in report.stages]
    return Networks(
        titles=(title,),
        side=(report.resolution,),
        stages=_stages(report.stages, fields),
        parts=tuple(_run(list(same)) for _, same in groupby(report.parts, key=_kind)),
    )


def at_every_step(formula: Network, load: Load) -> Networks:
    """The formula's network at every step of φ."""
    costs = formula.costs(TENTHS, load)
    last = {part.stage: part for part in costs.parts}
    fields = [part.receptive_field.tolist() for part in last.values()]
    sides = zip(costs.resolution.tolist(), costs.exists.tolist(), strict=True)
    return Networks(
        titles=[formula.title_at(phi) for phi in TENTHS],
        side=[side if exists else 0 for side, exists in sides],
        stages=_stages(_baseline_stages(formula.family), fields),
        parts=tuple(
            Part(
                stage=part.stage,
                times=part.times.tolist(),
                channels=part.channels.tolist(),
                side=part.side.tolist(),
                counts=tuple(getattr(part, name).tolist() for name in COUNTS),
            )
            for part in costs.parts
        ),
    )


@cache
def _baseline_stages(family: str) -> tuple[StageCost, ...]:
    """The stages of a family at φ = 0: scaling keeps their operators and strides."""
    return analyze(Network(family=family).spec()).stages


def _stages(stages: Sequence[StageCost], fields: Iterable[Column]) -> tuple[Stage, ...]:
    return tuple(
        Stage(
            name=stage_name(stage.stage, len(stages) - 2),
            operator=stage.title,
            stride=stage.stride,
            receptive_field=field,
        )
        for stage, field in zip(stages, fields, strict=True)
    )


def _kind(part: PartCost) -> tuple[object, ...]:
    return (part.stage, part.out_shape, *(getattr(part, name) for name in COUNTS))


def _run(same: Sequence[PartCost]) -> Part:
    """Equal neighbours of one network."""
    one = same[0]
    return Part(
        stage=one.stage,
        times=(len(same),),
        channels=(one.out_shape[0],),
        side=(one.out_shape[1],),
        counts=tuple((getattr(one, name),) for name in COUNTS),
    )
