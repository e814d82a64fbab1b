"""Accuracy and speed: published by others, measured here on own networks, against cost.

`results` are the published records, `measured_runs` the networks trained here. `cost_axes` are the
meanings of cost, `place` and `front` put records on one, `published_within` says which networks
keep a budget, `duel_verdict` which rule won.
"""

from __future__ import annotations

from effnet_core.results.axes import (
    Cost,
    CostAxis,
    cost,
    cost_axes,
    find_axis,
    predicted_timings,
)
from effnet_core.results.published import (
    PublishedResult,
    paper_table,
    price,
    published_cost,
    results,
    speed,
)
from effnet_core.results.seeds import RunGroup, grouped
from effnet_core.results.trade_off import Placed, front, place
from effnet_core.results.trained import MeasuredMaps, MeasuredRun, measured_maps, measured_runs
from effnet_core.results.verdict import DuelVerdict, duel_verdict
from effnet_core.results.within import PublishedAnswer, PublishedNetwork, published_within

__all__ = [
    "Cost",
    "CostAxis",
    "DuelVerdict",
    "MeasuredMaps",
    "MeasuredRun",
    "Placed",
    "PublishedAnswer",
    "PublishedNetwork",
    "PublishedResult",
    "RunGroup",
    "cost",
    "cost_axes",
    "duel_verdict",
    "find_axis",
    "front",
    "grouped",
    "measured_maps",
    "measured_runs",
    "paper_table",
    "place",
    "predicted_timings",
    "price",
    "published_cost",
    "published_within",
    "results",
    "speed",
]
