"""Counting B0 and B7 from their specs, beside fvcore, which traces torchvision's networks.

Both sides get what they count ready made. Ours forgets the blocks that it has counted before each
time, so that no count is a look-up. fvcore's of B7 takes as long as thousands of ours and is timed
a few times only. Operator by operator both have to give the same numbers, or nothing is timed.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import torch

from benchmarks.peers import Differs, peer, torchvision_model
from benchmarks.protocol import Call, Plan
from benchmarks.rows import Row, compare
from effnet_core import layer_costs
from effnet_core.cost import OperatorCounts, analyze, summarize
from effnet_core.variants import variant

B7_TARGET = 1 / 10_000


def rows() -> tuple[Row, ...]:
    """Totals of B0 and of B7, and B0 layer by layer."""
    some = Plan(rounds=5, seconds=0.2, untimed=1)
    few = Plan(rounds=2, seconds=0.2, untimed=0, tries=1)

    def totals(name: str) -> Call:
        return partial(_anew, partial(summarize, variant(name)))

    def layers(name: str) -> Call:
        return partial(_anew, partial(analyze, variant(name)))

    b0 = peer("fvcore", partial(_fvcore, "b0"))
    b7 = peer("fvcore", partial(_fvcore, "b7"), B7_TARGET)
    return (
        *compare("cost of B0, totals", totals("b0"), [b0], some),
        *compare("cost of B0, every layer", layers("b0"), [b0], some),
        *compare("cost of B7, totals", totals("b7"), [b7], few),
    )


def _anew(count: Call) -> object:
    layer_costs._block_part.cache_clear()
    return count()


def _fvcore(name: str) -> Call:
    """fvcore's count; raises Differs where it is not ours."""
    from fvcore.nn import FlopCountAnalysis

    spec = variant(name)
    model = torchvision_model(name)
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
