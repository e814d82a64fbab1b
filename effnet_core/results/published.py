"""What others measured and published: accuracy, cost and speed, each with its source.

One `PublishedResult` is one measurement on one test set, with the recipe, test resolution, crop
and interpolation that it holds for. EfficientNets are priced by this project at the record's own
test resolution (`price`); what the source itself says of cost stands apart (`published_cost`),
because the sources count differently. The data files are described in `data/README.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from effnet_core.architecture.names import variant
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.data.tables import TEST_SETS, Row, number, read, whole
from effnet_core.errors import InvalidInput
from effnet_core.results.published_types import (
    Benchmark,
    PaperRow,
    PublishedCost,
    PublishedResult,
    Recipe,
    Source,
)

TEST_SET_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "imagenet": "ImageNet validation",
        "real": "ImageNet-ReaL",
        "v2": "ImageNetV2 (matched frequency)",
        "sketch": "ImageNet-Sketch",
        "a": "ImageNet-A",
        "r": "ImageNet-R",
    }
)
PAPER_TABLES = (2, 3, 4, 7, 8)


@cache
def sources() -> Mapping[str, Source]:
    """Every source of figures, by key."""
    return MappingProxyType({row["key"]: Source(**row) for row in read("sources.csv")})


@cache
def recipes() -> Mapping[tuple[str, str], Recipe]:
    """Every training recipe, by (source, key)."""
    return MappingProxyType(
        {(row["source"], row["key"]): Recipe(**row) for row in read("recipes.csv")}
    )


@cache
def benchmarks() -> Mapping[str, Benchmark]:
    """Every way in which speed was measured, by key."""
    found = {}
    for row in read("benchmarks.csv"):
        text = {name: value for name, value in row.items() if name != "compiled"}
        found[row["key"]] = Benchmark(**text, compiled=row["compiled"] == "yes")
    return MappingProxyType(found)


@cache
def families() -> tuple[str, ...]:
    """Every family, EfficientNets first, then by name."""
    names = {result.family for result in _all_results()}
    return tuple(sorted(names, key=lambda name: (not name.startswith("EfficientNet"), name)))


def results(
    *,
    test_set: str | None = None,
    source: str | None = None,
    family: str | None = None,
    recipe: str | None = None,
    architecture: str | None = None,
) -> tuple[PublishedResult, ...]:
    """Every published accuracy, or those that match what is given. Raises `InvalidInput` for a
    test set that is not one of `TEST_SETS`.
    """
    if test_set is not None and test_set not in TEST_SETS:
        raise InvalidInput(f"The test set must be one of {', '.join(TEST_SETS)}, not {test_set!r}.")
    wanted = {
        "test_set": test_set,
        "source": source,
        "family": family,
        "recipe": recipe,
        "architecture": architecture,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return tuple(
        result
        for result in _all_results()
        if all(getattr(result, name) == value for name, value in given.items())
    )


@cache
def paper_table(table: int) -> tuple[PaperRow, ...]:
    """One of the paper's `PAPER_TABLES`, row by row. Raises `InvalidInput` for any other."""
    if table not in PAPER_TABLES:
        raise InvalidInput(f"The paper's tables {PAPER_TABLES} are held here, not {table!r}.")
    return tuple(_paper_row(row) for row in read("paper_tables.csv") if int(row["table"]) == table)


def published_cost(result: PublishedResult) -> PublishedCost | None:
    """What the result's own source says of its cost at its test resolution, if anything."""
    return _costs().get((result.source, result.published_as, result.test_resolution))


def speed(result: PublishedResult, benchmark: str) -> float | None:
    """The published speed of the result's network at its test resolution, in the benchmark's
    unit; speed depends on the network and resolution, not on the recipe. None where nobody
    published it. Raises `InvalidInput` for an unknown benchmark.
    """
    if benchmark not in benchmarks():
        raise InvalidInput(
            f"The benchmark must be one of {', '.join(benchmarks())}, not {benchmark!r}."
        )
    if benchmarks()[benchmark].source != result.source:
        return None
    return _speeds().get((benchmark, result.published_as, result.test_resolution))


@cache
def price(result: PublishedResult) -> CostTotals | None:
    """This project's exact cost of the result's network at the result's own test resolution;
    None when it is not one of this project's architectures.
    """
    if result.architecture is None:
        return None
    return summarize(variant(result.architecture), resolution=result.test_resolution)


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Indices of the (cost, value) points that no other point beats, cheapest first.

    A point is beaten by one that costs no more and is worth no less, and differs in one of them.
    Points that are equal in both are all kept.
    """
    front: list[int] = []
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    for index in order:
        if (
            not front
            or points[index][1] > points[front[-1]][1]
            or points[index] == points[front[-1]]
        ):
            front.append(index)
    return tuple(front)


@cache
def _all_results() -> tuple[PublishedResult, ...]:
    tables = (("timm", "accuracy_timm.csv"), ("torchvision", "accuracy_torchvision.csv"))
    found = [_result(source, row) for source, name in tables for row in read(name)]
    digits = {row.model: row.top1 for row in paper_table(8)}  # table 2's top-1, to two digits
    for table in (2, 3, 7):
        recipe = "paper" if table == 2 else "scaling study"
        found += [_paper_result(row, recipe, digits) for row in paper_table(table)]
    return tuple(found)


def _result(source: str, row: Row) -> PublishedResult:
    model = _models()[source, row["model"]]
    return PublishedResult(
        architecture=model["architecture"] or None,
        model=model["title"],
        published_as=row["model"],
        family=model["family"],
        recipe=row["recipe"],
        test_resolution=int(row["test_resolution"]),
        crop=float(row["crop"]),
        interpolation=row["interpolation"],
        test_set=row["test_set"],
        top1=float(row["top1"]),
        top5=number(row["top5"]),
        source=source,
    )


def _paper_result(row: PaperRow, recipe: str, digits: Mapping[str, float]) -> PublishedResult:
    model = _models()["paper", row.model]
    as_published = row.table == 2 or row.scaling == "baseline"
    return PublishedResult(
        architecture=(model["architecture"] or None) if as_published else None,
        model=model["title"] if row.table == 2 else row.published_as,
        published_as=row.published_as,
        family=model["family"],
        recipe=recipe,
        test_resolution=row.test_resolution,
        crop=None,
        interpolation=None,
        test_set="imagenet",
        top1=digits.get(row.model, row.top1) if row.table == 2 else row.top1,
        top5=row.top5,
        source="paper",
    )


def _paper_row(row: Row) -> PaperRow:
    return PaperRow(
        table=int(row["table"]),
        model=row["model"],
        scaling=row["scaling"],
        test_resolution=whole(row["test_resolution"]),
        top1=float(row["top1"]),
        top5=number(row["top5"]),
        params_m=number(row["params_m"]),
        mult_adds_b=number(row["mult_adds_b"]),
        latency_ms=number(row["latency_ms"]),
        note=row["note"],
    )


@cache
def _models() -> Mapping[tuple[str, str], Row]:
    return {(row["source"], row["model"]): row for row in read("models.csv")}


@cache
def _costs() -> Mapping[tuple[str, str, int | None], PublishedCost]:
    found = {
        (source, row["model"], whole(row["test_resolution"])): _cost(source, row)
        for source in ("timm", "torchvision")
        for row in read(f"cost_{source}.csv")
    }
    for row in (*paper_table(2), *paper_table(3), *paper_table(7)):
        found["paper", row.published_as, row.test_resolution] = PublishedCost(
            params_m=row.params_m,
            mult_adds_b=row.mult_adds_b,
            activations_m=None,
            convention=sources()["paper"].cost_convention,
        )
    return found


def _cost(source: str, row: Row) -> PublishedCost:
    return PublishedCost(
        params_m=number(row["params_m"]),
        mult_adds_b=number(row["mult_adds_b"]),
        activations_m=number(row["activations_m"]),
        convention=sources()[source].cost_convention,
    )


@cache
def _speeds() -> Mapping[tuple[str, str, int | None], float]:
    found = {
        (row["benchmark"], row["model"], whole(row["test_resolution"])): float(row["value"])
        for row in read("speed_timm.csv")
    }
    for row in paper_table(4):
        if row.latency_ms is not None:
            found["xeon_e5_2690_one_core", row.model, row.test_resolution] = row.latency_ms
    return found
