"""The rows of random networks: the same ones both ways, and refused where the ways differ."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from benchmarks import curves
from benchmarks.curves import as_arrays, drawn, one_by_one
from effnet_core.cost.arrays import CostArrays


def test_both_rows_say_how_many_networks_they_are_about() -> None:
    free = drawn(12)
    rows = (as_arrays(free), one_by_one(free))
    assert rows[0].name.startswith("12 random (d, w, r) of B0 as arrays")
    assert rows[1].name.startswith("12 random specs one by one")
    assert [row.passes for row in rows] == [curves.RUNS, curves.SPEC_RUNS]


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
