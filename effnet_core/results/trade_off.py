"""Accuracy against cost: the axes, where each published record stands on them, and the front.

Cost has many meanings, and they disagree: an axis is a count, a benchmark that somebody ran, or a
time taken on this machine. Every cost says whether it was computed here, published or measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache

from effnet_core.architecture.names import variant
from effnet_core.errors import InvalidInput
from effnet_core.latency import Calibration
from effnet_core.results.published import (
    TEST_SET_TITLES,
    benchmarks,
    pareto_front,
    price,
    published_cost,
    recipes,
    results,
    sources,
    speed,
)
from effnet_core.results.published_types import PublishedResult
from effnet_core.results.trade_off_types import (
    BEYOND,
    Cost,
    CostAxis,
    Placed,
    PredictedTiming,
    Timing,
    Timings,
)

HERE = "here"
"""The key of the axis whose values are measured on this machine."""

# Count → its name in CostTotals, its name in PublishedCost, and the unit of the latter.
_COUNTS = {
    "params": ("params", "params_m", 1e6),
    "flops": ("mult_adds", "mult_adds_b", 1e9),
    "activations": ("activations", "activations_m", 1e6),
}
_SIZE = re.compile(r"(?<![V/\d.])\d[\d.]*(GF)?|-(S|M|L|XL|Tiny|Small|Base|Large|Huge)\b")


@cache
def cost_axes() -> Mapping[str, CostAxis]:
    """Every axis by key: counts, resolution, one for each published benchmark, this machine."""
    counted = "computed here for this project's architectures, as published for all others"
    axes = [
        CostAxis(key="params", title="Parameters", kind="count", unit="", detail=counted),
        CostAxis(key="flops", title="FLOPs (multiply-adds)", kind="count", unit="", detail=counted),
        CostAxis(key="activations", title="Activations", kind="count", unit="", detail=counted),
        CostAxis(
            key="resolution",
            title="Test resolution",
            kind="pixels",
            unit="pixels",
            detail="the side of the square input at which the accuracy was measured",
        ),
    ]
    for benchmark in benchmarks().values():
        throughput = benchmark.unit == "images/s"
        kind = "GPU throughput" if throughput else "CPU latency"
        detail = f"{benchmark.device}, {benchmark.precision}, batch {benchmark.batch}"
        axes.append(
            CostAxis(
                key=benchmark.key,
                title=f"{kind}: {benchmark.title}",
                kind="benchmark",
                unit=benchmark.unit,
                detail=detail,
                more_is_better=throughput,
            )
        )
    here = "one float32 image, with randomly initialised weights"
    axes.append(
        CostAxis(key=HERE, title="Latency on this machine", kind="here", unit="ms", detail=here)
    )
    return {axis.key: axis for axis in axes}


def cost(result: PublishedResult, axis: CostAxis, timings: Timings) -> Cost | None:
    """The record's cost on `axis`; None where nobody counted, published or measured it."""
    if axis.kind == "here":
        timing = timings.get((result.architecture or "", result.test_resolution or 0))
        if timing is None:
            return None
        if isinstance(timing, PredictedTiming):
            return Cost(value=timing.median_ms, basis="predicted", note=timing.note)
        return Cost(value=timing.median_ms, basis="measured", note=_protocol(timing))
    if axis.kind == "pixels":
        pixels = result.test_resolution
        return (pixels and Cost(value=pixels, basis="published", note=axis.detail)) or None
    if axis.kind == "benchmark":
        value = speed(result, axis.key)
        return None if value is None else Cost(value=value, basis="published", note=axis.detail)
    return _counted(result, axis)


def _counted(result: PublishedResult, axis: CostAxis) -> Cost | None:
    own, theirs, unit = _COUNTS[axis.key]
    totals = price(result)
    if totals is not None:
        note = f"computed by this project at {result.test_resolution} pixels"
        return Cost(value=getattr(totals, own), basis="computed", note=note)
    stated = published_cost(result)
    value = None if stated is None else getattr(stated, theirs)
    if stated is None or value is None:
        return None
    note = stated.convention if axis.key == "flops" else f"as published by {result.source}"
    return Cost(value=round(value * unit), basis="published", note=note)


def _protocol(timing: Timing) -> str:
    return (
        f"median of {timing.repeats} runs after {timing.warmup} to warm up, "
        f"{timing.engine} on {timing.device}, {timing.dtype}, {timing.threads} threads"
    )


@lru_cache(maxsize=4)
def predicted_timings(calibration: Calibration) -> Timings:
    """Every EfficientNet at every resolution that has a record, predicted from `calibration`."""
    found: dict[tuple[str, int], PredictedTiming] = {}
    for result in results():
        name, side = result.architecture, result.test_resolution
        if name and side and (name, side) not in found:
            latency = calibration.predict(variant(name, resolution=side))
            beyond = f", {BEYOND}" if latency.extrapolated else ""
            found[name, side] = PredictedTiming(
                median_ms=latency.ms,
                low_ms=latency.low_ms,
                high_ms=latency.high_ms,
                note=f"from the calibration of {calibration.made}{beyond}, band "
                f"{latency.low_ms:.3g} – {latency.high_ms:.3g} ms, {calibration.machine.title}",
                extrapolated=latency.extrapolated,
            )
    return found


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


def _timing_cells(timing: Timing | PredictedTiming | None) -> dict[str, str | float | None]:
    names = ("median_ms", "low_ms", "high_ms", "device", "dtype", "threads", "repeats", "warmup")
    basis = None
    if timing is not None:
        basis = "predicted" if isinstance(timing, PredictedTiming) else "measured"
    if isinstance(timing, PredictedTiming) and timing.extrapolated:
        basis = f"predicted, {BEYOND}"
    return {f"here_{name}": getattr(timing, name, None) for name in names} | {"here_basis": basis}


def find_axis(key: str) -> CostAxis:
    """The axis called `key`; raises InvalidInput for any other."""
    if key not in cost_axes():
        raise InvalidInput(f"The cost must be one of {', '.join(cost_axes())}, not {key!r}.")
    return cost_axes()[key]
