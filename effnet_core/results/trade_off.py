"""Accuracy against cost: where each published record stands on an axis, and the front."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from effnet_core.architecture.names import variant
from effnet_core.results.axes import (
    BEYOND,
    Cost,
    CostAxis,
    PredictedTiming,
    Timing,
    Timings,
    cost,
    cost_axes,
)
from effnet_core.results.published import (
    TEST_SET_TITLES,
    PublishedResult,
    pareto_front,
    recipes,
    results,
    sources,
)

_SIZE = re.compile(r"(?<![V/\d.])\d[\d.]*(GF)?|-(S|M|L|XL|Tiny|Small|Base|Large|Huge)\b")


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A published record and its cost on one axis."""

    result: PublishedResult
    cost: Cost


def place(
    records: Iterable[PublishedResult], axis: CostAxis, timings: Timings
) -> tuple[Placed, ...]:
    """The records that have a cost on `axis`, with it."""
    found = ((record, cost(record, axis, timings)) for record in records)
    return tuple(Placed(result=record, cost=known) for record, known in found if known is not None)


def front(placed: Sequence[Placed], axis: CostAxis) -> tuple[Placed, ...]:
    """The records that no other beats in both accuracy and cost, smallest axis value first."""
    sign = -1 if axis.more_is_better else 1
    best = pareto_front([(sign * one.cost.value, one.result.top1) for one in placed])
    return tuple(sorted((placed[i] for i in best), key=lambda one: one.cost.value))


def series(placed: Iterable[Placed]) -> tuple[tuple[Placed, ...], ...]:
    """The sizes of one network under one recipe from one source, smallest cost first.

    Each model stands at the largest resolution it was tested at; the paper's scaling studies are
    single networks and belong to no series.
    """
    found: dict[tuple[str, str, str], dict[str, Placed]] = {}
    for one in placed:
        result = one.result
        if result.recipe == "scaling study":
            continue
        models = found.setdefault((result.source, result.recipe, _stem(result)), {})
        held = models.get(result.published_as)
        if held is None or (result.test_resolution or 0) > (held.result.test_resolution or 0):
            models[result.published_as] = one
    ordered = (sorted(models.values(), key=lambda one: one.cost.value) for models in found.values())
    return tuple(tuple(line) for line in ordered if len(line) > 1)


def _stem(result: PublishedResult) -> str:
    """What the models of a series share: timm's ports of TensorFlow weights stand apart."""
    port = result.published_as.partition("_")[0]
    return f"{port if port == 'tf' else ''} {result.family} {_SIZE.sub('', result.model)}"


def extra_data(result: PublishedResult) -> str:
    """Training data beyond ImageNet-1k, "" where there is none."""
    return recipes()[result.source, result.recipe].extra_data


def identity(result: PublishedResult) -> str:
    """A text that names the record apart from its test set, and no other."""
    side = f"{result.test_resolution} px" if result.test_resolution else "resolution not stated"
    recipe = recipes()[result.source, result.recipe].title
    return f"{result.model}, {side}, {recipe}, {result.source} ({result.published_as})"


def growth(small: str, large: str, axis: CostAxis, timings: Timings) -> tuple[Cost, Cost] | None:
    """The costs on `axis` of two architectures, each at its own test resolution.

    Both come from the same source and recipe; None where no source has both.
    """
    wanted = {name: variant(name).resolution for name in (small, large)}
    found: dict[tuple[str, str, bool], dict[str, Cost]] = {}
    for result in results(test_set="imagenet"):
        if wanted.get(result.architecture or "") == result.test_resolution is not None:
            known = cost(result, axis, timings)
            port = result.published_as.startswith("tf_")
            if known is not None:
                costs = found.setdefault((result.source, result.recipe, port), {})
                costs.setdefault(str(result.architecture), known)
    for costs in found.values():
        if len(costs) == 2:
            return costs[small], costs[large]
    return None


def row(result: PublishedResult, timings: Timings) -> dict[str, str | float | None]:
    """Everything known about a record, as one row of a table; None where nothing is known."""
    source = sources()[result.source]
    recipe = recipes()[result.source, result.recipe]
    cells: dict[str, str | float | None] = {
        "model": result.model,
        "family": result.family,
        "test_set": TEST_SET_TITLES[result.test_set],
        "top1": result.top1,
        "top5": result.top5,
        "recipe": recipe.title,
        "extra_training_data": recipe.extra_data or None,
        "test_resolution": result.test_resolution,
        "crop": result.crop,
        "interpolation": result.interpolation,
    }
    for axis in cost_axes().values():
        known = cost(result, axis, timings)
        if axis.kind in ("count", "benchmark"):
            cells[axis.column] = None if known is None else known.value
        if axis.kind == "count":
            cells[f"{axis.column}_basis"] = None if known is None else known.note
    cells |= _timing_cells(timings.get((result.architecture or "", result.test_resolution or 0)))
    return cells | {
        "published_as": result.published_as,
        "source": source.title,
        "source_url": source.url,
    }


def _timing_cells(
    timing: Timing | None,
) -> dict[str, str | float | None]:
    names = ("median_ms", "low_ms", "high_ms", "device", "dtype", "threads", "repeats", "warmup")
    basis = None
    if timing is not None:
        basis = "predicted" if isinstance(timing, PredictedTiming) else "measured"
    if isinstance(timing, PredictedTiming) and timing.extrapolated:
        basis = f"predicted, {BEYOND}"
    return {f"here_{name}": getattr(timing, name, None) for name in names} | {"here_basis": basis}
