"""What a network costs, counted exactly from its spec: no torch, and no network is built.

`summarize` gives totals, `analyze` every stage, block and layer, `scaled_costs` and `free_costs`
those of many networks at once as arrays; `reconcile` sets a published variant beside the formula.
What fits a budget is `cost.budget`.
"""

from __future__ import annotations

from effnet_core.cost.arrays import CostArrays, free_costs, scaled_costs
from effnet_core.cost.layers import LayerCost
from effnet_core.cost.reconcile import Reconciliation, depth_jumps, reconcile
from effnet_core.cost.report import CostReport, CostTotals, analyze, summarize

__all__ = [
    "CostArrays",
    "CostReport",
    "CostTotals",
    "LayerCost",
    "Reconciliation",
    "analyze",
    "depth_jumps",
    "free_costs",
    "reconcile",
    "scaled_costs",
    "summarize",
]
