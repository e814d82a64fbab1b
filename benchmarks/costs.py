"""Counting B0 and B7 from their specs, beside fvcore, which traces torchvision's networks.

Both sides get what they count ready made. A block that was counted before is remembered by `cost`;
in the rows called "first time" it forgets them all before each count. fvcore's count of B7 takes as
long as thousands of ours and is timed a few times only. Operator by operator both have to give the
same numbers, or nothing is timed.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import torch

from benchmarks.peers import Differs, peer, torchvision_model
from benchmarks.protocol import Call, Plan
from benchmarks.rows import Row, compare
from effnet_core.architecture.names import variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import CostTotals, OperatorCounts, analyze, summarize
from effnet_core.cost.sums import sums_of

B7_TARGET = 1 / 10_000


def rows() -> tuple[Row, ...]:
    """Totals of B7 and B0, remembered blocks or none, and B0 layer by layer."""
    some = Plan(rounds=5, seconds=0.2, untimed=1)
    few = Plan(rounds=3, seconds=0.2, untimed=0, tries=2)
    b0, b7 = variant("b0"), variant("b7")
    small = peer("fvcore", partial(_fvcore, "b0"))
    large = peer("fvcore", partial(_fvcore, "b7"), B7_TARGET)
    return (
        *compare("cost of B7, totals, again", partial(summarize, b7), [large], few),
        *compare("cost of B7, totals, first time", partial(_first, b7), [large], few),
        *compare("cost of B0, totals, first time", partial(_first, b0), [small], some),
        *compare("cost of B0, every layer", partial(analyze, b0), [small], some),
    )


def _first(spec: ArchitectureSpec) -> CostTotals:
    sums_of.cache_clear()
    return summarize(spec)


def _fvcore(name: str) -> Call:
    """fvcore's count; raises Differs where it is not ours."""
    from fvcore.nn import FlopCountAnalysis

    spec = variant(name)
    model = torchvision_model(name).requires_grad_(True)  # as it is loaded
    inputs = torch.zeros(1, 3, spec.resolution, spec.resolution)

    def run() -> OperatorCounts:
        analysis = FlopCountAnalysis(model, inputs)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        found = analysis.by_operator()
        names = [field.name for field in dataclasses.fields(OperatorCounts)]
        return OperatorCounts(**{each: int(found[each]) for each in names})

    expected = summarize(spec).fvcore
    if run() != expected:
        raise Differs(f"fvcore's counts of {name} are not {expected}.")
    return run
