"""Compare, a sentence: how multiply-adds grow from B0 to B7, and how much slower they become."""

from __future__ import annotations

from app import widgets
from app.text import times
from effnet_core.comparison import HERE, cost_axes, find_axis, growth
from effnet_core.comparison_records import PredictedTiming, Timings


def contrast(timings: Timings) -> str:
    """Multiply-adds beside speed from B0 to B7, each at its own resolution."""
    slower: dict[str, float] = {}
    for axis in cost_axes().values():
        pair = growth("b0", "b7", axis, timings)
        if pair is not None and axis.kind in ("benchmark", "here"):
            ratio = pair[1].value / pair[0].value
            slower[axis.title] = 1 / ratio if axis.more_is_better else ratio
    counts = growth("b0", "b7", find_axis("flops"), timings)
    assert counts is not None
    ends = (min(slower, key=slower.__getitem__), max(slower, key=slower.__getitem__))
    told = " to ".join(f"**×{slower[title]:.3g}** ({title})" for title in ends)
    own = find_axis(HERE).title
    here = f"; on this machine ×{slower[own]:.3g}" if own in slower else ""
    kinds: list[widgets.Source] = ["computed", "published"]
    if own in slower:
        predicted = any(isinstance(timing, PredictedTiming) for timing in timings.values())
        kinds.append("predicted" if predicted else "measured")
    return (
        f"**Multiply-adds are not speed.** From B0 to B7 they grow "
        f"**{times(counts[1].value, counts[0].value)}**, while the networks become slower by "
        f"{told}{here}. {' '.join(map(widgets.source, kinds))}"
    )
