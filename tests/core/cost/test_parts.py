"""Costs of parts as arrays equal those of the parts that the count layer by layer lists."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from effnet_core.architecture.families import SCALABLE
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import scaled
from effnet_core.architecture.rounding import ROUNDINGS
from effnet_core.architecture.scaling import STRATEGIES, ScalingRule
from effnet_core.cost.arrays import CostArrays, scaled_costs
from effnet_core.cost.report import DTYPE_BYTES, CostReport, PartCost, analyze

factors = st.floats(0.8, 1.6, allow_nan=False)
Row = tuple[int, ...]


def arrays(found: CostArrays, place: int) -> list[Row]:
    """The parts of one network, each as often as it occurs."""
    rows: list[Row] = []
    for part in found.parts:
        row = (
            part.stage,
            int(part.channels[place]),
            int(part.side[place]),
            int(part.params[place]),
            int(part.mult_adds[place]),
            int(part.activations[place]),
            int(part.peak_activation_bytes[place]),
        )
        rows += [row] * int(part.times[place])
    return rows


def listed(report: CostReport) -> list[Row]:
    def row(part: PartCost) -> Row:
        counts = (part.params, part.mult_adds, part.activations, part.peak_activation_bytes)
        return (part.stage, *part.out_shape[:2], *counts)

    return [row(part) for part in report.parts]


@settings(max_examples=40)
@given(
    family=st.sampled_from(SCALABLE),
    phi=st.floats(-6, 4, allow_nan=False),
    rule=st.builds(ScalingRule, factors, factors, factors),
    strategy=st.sampled_from(STRATEGIES),
    repeats=st.sampled_from(ROUNDINGS),
    classes=st.integers(1, 3000),
    batch=st.integers(1, 64),
    dtype=st.sampled_from(sorted(DTYPE_BYTES)),
)
def test_every_part_of_any_network(
    family: Family,
    phi: float,
    rule: ScalingRule,
    strategy: str,
    repeats: str,
    classes: int,
    batch: int,
    dtype: str,
) -> None:
    network = {
        "family": family,
        "rule": rule,
        "strategy": strategy,
        "repeats": repeats,
        "num_classes": classes,
    }
    found = scaled_costs([phi], batch=batch, dtype=dtype, by_part=True, **network)  # type: ignore[arg-type]
    if not found.exists[0]:
        assert arrays(found, 0) == []
        return
    report = analyze(scaled(phi, **network), batch=batch, dtype=dtype)  # type: ignore[arg-type]
    assert arrays(found, 0) == listed(report)
    fields = {part.stage: int(part.receptive_field[0]) for part in found.parts}
    assert list(fields.values()) == [stage.receptive_field for stage in report.stages]


def test_parts_are_the_stem_two_of_each_stage_and_the_head_and_only_where_asked_for() -> None:
    found = scaled_costs([0.0, 10.0], strategy="depth", by_part=True)
    stages = [part.stage for part in found.parts]
    assert [(stage, len(list(same))) for stage, same in groupby(stages)] == [
        (0, 1),
        *((stage, 2) for stage in range(1, 8)),
        (8, 1),
    ]
    assert list(found.exists) == [True, False]
    assert all(part.times[1] == 0 for part in found.parts)
    assert sum(int(part.times[0]) for part in found.parts) == 16 + 2
    assert scaled_costs([0.0]).parts == ()


def test_totals_are_the_sums_of_the_parts() -> None:
    found = scaled_costs(np.linspace(-6, 10, 33), by_part=True)
    for field in ("params", "mult_adds", "activations"):
        summed = sum(part.times * getattr(part, field) for part in found.parts)
        assert np.array_equal(summed, getattr(found, field))
