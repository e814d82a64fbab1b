"""A sentence: how multiply-adds grow from B0 to B7, and how much slower they become."""

from __future__ import annotations

from app import widgets
from app.text import times
from effnet_core.architecture.names import variant
from effnet_core.results.axes import BEYOND, HERE, PredictedTiming, Timings, cost_axes, find_axis
from effnet_core.results.trade_off import growth


def contrast(timings: Timings) -> str:
    """Multiply-adds beside speed from B0 to B7, each at its own resolution."""
    slower: dict[str, float] = {}
    for axis in cost_axes().values():
        pair = growth("b0", "b7", axis, timings)
        if pair is not None and axis.kind == "benchmark":
            ratio = pair[1].value / pair[0].value
            slower[axis.title] = 1 / ratio if axis.more_is_better else ratio
    counts = growth("b0", "b7", find_axis("flops"), timings)
    assert counts is not None
    ends = (min(slower, key=slower.__getitem__), max(slower, key=slower.__getitem__))
    told = " to ".join(f"**×{slower[title]:.3g}** ({title})" for title in ends)
    kinds: list[widgets.Source] = ["computed", "published"]
    here = ""
    own = growth("b0", "b7", find_axis(HERE), timings)
    if own is not None:
        kinds += sorted({cost.basis for cost in own})
        here = f"; on this machine ×{own[1].value / own[0].value:.3g}{_beyond(timings)}"
    return (
        f"**Multiply-adds are not speed.** From B0 to B7 they grow "
        f"**{times(counts[1].value, counts[0].value)}**, while the networks become slower by "
        f"{told}{here}. {' '.join(map(widgets.source, kinds))}"
    )


def _beyond(timings: Timings) -> str:
    """What is to be said where one of the two latencies on this machine is extrapolated."""
    ends = [timings.get((name, variant(name).resolution)) for name in ("b0", "b7")]
    extrapolated = any(isinstance(end, PredictedTiming) and end.extrapolated for end in ends)
    return f", {BEYOND}" if extrapolated else ""
