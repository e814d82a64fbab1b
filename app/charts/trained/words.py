"""The words beside the charts of this project's own runs: names, hover boxes, alternative text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.charts.compare.words import amount, computed_costs
from app.text import counted, minus, percent
from effnet_core.attribution.scores import MapScores
from effnet_core.results.axes import CostAxis
from effnet_core.results.seeds import RunGroup
from effnet_core.results.trained import MeasuredRun
from effnet_core.results.verdict import in_words

COST_KEYS = ("flops", "params", "activations", "resolution")
"""The axes of Compare on which a run has a place: they are computed, not timed."""


def cost_on(run: MeasuredRun, axis: CostAxis) -> float:
    """The run's exact cost on one of `COST_KEYS`."""
    return computed_costs(run.cost, run.spec.resolution)[axis.key]


def short_name(run: MeasuredRun) -> str:
    """What a mark says: "φ = −4", "depth only", or an ablation's own id."""
    if run.group == "family" and run.phi is not None:
        return f"φ = {minus(run.phi)}"
    if run.group == "duel":
        return in_words(run.strategy)
    if run.group == "search":
        return "best of a search"
    return run.id


def label(run: MeasuredRun) -> str:
    """What a list says of a run, and of no other: its name, seed and id."""
    return f"{short_name(run)}, seed {run.seed} ({run.id})"


def hover(one: RunGroup, axis: CostAxis) -> str:
    """Everything that a measured accuracy needs in order to mean something."""
    run = one.runs[0]
    photos = f"{run.validation.photos:,} " if run.validation else ""
    seeds = counted(len(one.runs), "seed")
    low, high = one.seed_range
    seeds += f", {100 * low:.1f} to {100 * high:.1f} %" if len(one.runs) > 1 else ""
    spread = "" if one.spread is None else f" ± {100 * one.spread:.1f}"
    lines = [
        f"<b>{escape(short_name(run))}</b>",
        f"top-1 {100 * one.mean_top1:.1f}{spread} %, {seeds}",
        f"{axis.title}: {amount(axis, cost_on(run, axis))}",
        f"{run.spec.resolution} pixels, {run.cost.blocks} blocks",
        f"{run.recipe.get('epochs', '?')} epochs on {run.data.train:,} photos, "
        f"{escape(run.device)}",
        f"<i>measured on {photos}validation photos</i>",
    ]
    return "<br>".join(lines)


def message(points: Sequence[RunGroup], axis: CostAxis) -> str:
    """In words what `figure.accuracy` shows."""
    listed = "; ".join(
        f"{short_name(one.runs[0])}: {percent(one.mean_top1)} at "
        f"{amount(axis, cost_on(one.runs[0], axis))}"
        + ("" if one.spread is None else f" (± {100 * one.spread:.1f} over {len(one.runs)} seeds)")
        for one in points
    )
    return f"Top-1 accuracy of networks trained here against {axis.title}. {listed}."


def subject(row: MapScores, run: MeasuredRun, method: str, *, inner: str | None = None) -> str:
    """Whose maps a row scores, and where they were made: "Grad-CAM, last map".

    `inner` stands for the number of any stage before the last.
    """
    name = row.subject if row.control else method
    if row.stage is None:
        return name
    last = row.stage > run.spec.stage_count
    place = "last map" if last else inner or f"stage {row.stage}"
    return f"{name}, {place}" + ("’s grid" if row.control else "")
