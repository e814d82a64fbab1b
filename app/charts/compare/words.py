"""What the chart of Compare shows, and the same in words: hover boxes and alternative text."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from html import escape

from app.text import count
from effnet_core.cost.report import CostTotals
from effnet_core.results.axes import CostAxis, Timings
from effnet_core.results.published import TEST_SET_TITLES, recipes, sources
from effnet_core.results.trade_off import Placed, front


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A network whose cost is known and whose accuracy nobody has measured.

    `caveat` is what the cost needs said after it, where it needs any.
    """

    title: str
    value: float
    caveat: str = ""

    def cost(self, axis: CostAxis) -> str:
        """Its cost as people read it."""
        return ", ".join(filter(None, (amount(axis, self.value), self.caveat)))


@dataclass(frozen=True, kw_only=True)
class View:
    """What to draw: which records on which axis, and what besides."""

    test_set: str
    axis: CostAxis
    logarithmic: bool
    placed: tuple[Placed, ...]
    picked: tuple[str, ...] = ()
    mark: Mark | None = None
    timings: Timings = field(default_factory=dict)
    with_front: bool = True
    with_lines: bool = True
    drag: str | None = None


def computed_costs(totals: CostTotals, resolution: int) -> dict[str, float]:
    """The cost of a network by the key of its axis, on those where nothing needs to be timed."""
    return {
        "params": totals.params,
        "flops": totals.mult_adds,
        "activations": totals.activations,
        "resolution": resolution,
    }


def amount(axis: CostAxis, value: float) -> str:
    """A cost as people read it: "390 M", "8,795 images/s", "12.9 ms", "224 pixels"."""
    if axis.kind == "count":
        return count(value)
    digits = 0 if value >= 100 or axis.kind == "pixels" else 1
    return f"{value:,.{digits}f} {axis.unit}"


def hover(one: Placed, axis: CostAxis) -> str:
    """Everything that a published number needs in order to mean something."""
    result = one.result
    recipe = recipes()[result.source, result.recipe]
    crop = "" if result.crop is None else f", crop {result.crop:g}"
    pixels = f"{result.test_resolution} pixels" if result.test_resolution else "not stated"
    lines = [
        f"<b>{escape(result.model)}</b>",
        f"top-1 {result.top1:.2f} %" + (f", top-5 {result.top5:.2f} %" if result.top5 else ""),
        f"{axis.title}: {amount(axis, one.cost.value)}",
        f"<i>{one.cost.basis}: {escape(one.cost.note)}</i>",
        f"Recipe: {escape(recipe.title)}",
        f"Extra training data: {escape(recipe.extra_data)}" if recipe.extra_data else "",
        f"Test resolution: {pixels}{crop}"
        + (f", {result.interpolation}" if result.interpolation else ""),
        f"Source: {escape(sources()[result.source].title)}",
    ]
    return "<br>".join(_wrapped(line) for line in lines if line)


def _wrapped(line: str) -> str:
    """At most about 64 characters a line, so that the box fits a phone."""
    return "<br>&nbsp;&nbsp;".join(textwrap.wrap(line, 64))


def message(view: View) -> str:
    """In words what `trade_off` shows."""
    best = front(view.placed, view.axis)
    mark = view.mark
    parts = [
        f"Top-1 accuracy on {TEST_SET_TITLES[view.test_set]} against {view.axis.title} for "
        f"{len(view.placed)} published records."
    ]
    if best:
        ends = [
            f"{one.result.model} ({amount(view.axis, one.cost.value)}, {one.result.top1:.1f} %)"
            for one in (best[0], best[-1])
        ]
        span = f"from {' to '.join(ends)}" if len(best) > 1 else f"only {ends[0]}"
        parts.append(f"{len(best)} on the Pareto front: {span}.")
    if mark is not None:
        parts.append(f"{mark.title} costs {mark.cost(view.axis)}; its accuracy is unknown.")
    return " ".join(parts)
