"""The rows of random networks: the same ones both ways, and refused where the ways differ."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from benchmarks import curves
from benchmarks.curves import drawn, four_curves, one_by_one, random_networks
from effnet_core.cost.arrays import CostArrays


def test_arrays_are_timed_beside_the_networks_one_by_one() -> None:
    row = random_networks(drawn(12))
    assert row.name.startswith("12 random (d, w, r) of B0 as arrays")
    assert row.peer_name == "specs one by one (cost.summarize)"
    assert (row.passes, row.peer_passes) == (curves.ROUNDS * curves.RUNS, curves.ROUNDS)


def test_curves_are_timed_beside_a_count_layer_by_layer() -> None:
    row = four_curves(count=3)
    assert row.name.startswith("four strategies × 3 φ") and row.peer_name == "layer by layer"
    assert row.target == 1 / 40 and row.met is not None
    assert (row.passes, row.peer_passes) == (curves.ROUNDS * curves.RUNS, curves.ROUNDS)


@pytest.mark.parametrize("field", ["params", "mult_adds", "peak_activation_bytes"])
def test_arrays_that_say_something_else_are_refused(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = curves.free_costs

    def wrong(*arguments: Any) -> CostArrays:
        found = right(*arguments)
        values = getattr(found, field).copy()
        values[3] += 1
        return dataclasses.replace(found, **{field: values})

    monkeypatch.setattr(curves, "free_costs", wrong)
    with pytest.raises(RuntimeError, match="random network 3"):
        one_by_one(drawn(5))
