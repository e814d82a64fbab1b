"""What others measured and published: accuracy, cost and speed, each with its source.

One `PublishedResult` is one measurement on one test set, with the recipe, test resolution, crop
and interpolation that it holds for. EfficientNets are priced by this project at the record's own
test resolution (`price`); what the source itself says of cost stands apart (`published_cost`),
because the sources count differently. The data files are described in `data/README.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from effnet_core.architecture.names import variant
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.data.tables import TEST_SETS, Row, read, typed
from effnet_core.errors import InvalidInput

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


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where figures come from, and what its own cost figures count."""

    key: str
    title: str
    url: str
    retrieved: str
    cost_convention: str


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model was trained; `extra_data` names data beyond ImageNet-1k, if any."""

    source: str
    key: str
    title: str
    extra_data: str = ""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """How a speed was measured; `unit` is "images/s" (more is better) or "ms" (per image)."""

    key: str
    source: str
    title: str
    device: str
    precision: str
    batch: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class PublishedResult:
    """One measurement of accuracy, in percent, on one of `TEST_SETS`.

    `architecture` is this project's name of the network ("b0", "v2-s"), None for any other;
    `published_as` is the source's name. None elsewhere means that the source does not say.
    """

    architecture: str | None = None
    model: str
    published_as: str
    family: str
    recipe: str
    test_resolution: int | None = None
    crop: float | None = None
    interpolation: str | None = None
    test_set: str
    top1: float
    top5: float | None = None
    source: str


@dataclass(frozen=True, kw_only=True)
class PublishedCost:
    """Cost as the source states it: millions of parameters, billions of multiply-adds, millions
    of activations. What a multiply-add includes is the source's `cost_convention`.
    """

    params_m: float | None = None
    mult_adds_b: float | None = None
    activations_m: float | None = None
    convention: str


@dataclass(frozen=True, kw_only=True)
class PaperRow:
    """One row of a table of the EfficientNet paper (accuracies in percent, latency in ms)."""

    table: int
    model: str
    scaling: str = ""
    test_resolution: int | None = None
    top1: float
    top5: float | None = None
    params_m: float | None = None
    mult_adds_b: float | None = None
    latency_ms: float | None = None
    note: str = ""

    @property
    def published_as(self) -> str:
        """The model's name; in the scaling studies with how it was scaled."""
        return f"{self.model}, {self.scaling}" if self.table in (3, 7) else self.model


@cache
def sources() -> Mapping[str, Source]:
    """Every source of figures, by key."""
    return MappingProxyType({one.key: one for one in typed(read("sources.csv"), Source)})


@cache
def recipes() -> Mapping[tuple[str, str], Recipe]:
    """Every training recipe, by (source, key)."""
    found = typed(read("recipes.csv"), Recipe)
    return MappingProxyType({(one.source, one.key): one for one in found})


@cache
def benchmarks() -> Mapping[str, Benchmark]:
    """Every way in which speed was measured, by key."""
    return MappingProxyType({one.key: one for one in typed(read("benchmarks.csv"), Benchmark)})


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
    return tuple(row for row in typed(read("paper_tables.csv"), PaperRow) if row.table == table)


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
    rows = [
        {**row, **_naming(source, row["model"])} for source, name in tables for row in read(name)
    ]
    digits = {row.model: row.top1 for row in paper_table(8)}  # table 2's top-1, to two digits
    paper = tuple(_of_paper(row, digits) for table in (2, 3, 7) for row in paper_table(table))
    return typed(rows, PublishedResult) + paper


def _naming(source: str, name: str) -> Row:
    """What the source's model is called here."""
    model = _models()[source, name]
    naming = {"model": model["title"], "published_as": name, "source": source}
    return naming | {"family": model["family"], "architecture": model["architecture"]}


def _of_paper(row: PaperRow, digits: Mapping[str, float]) -> PublishedResult:
    named = _naming("paper", row.model)
    whole_network = row.table == 2 or row.scaling == "baseline"
    return PublishedResult(
        architecture=(named["architecture"] or None) if whole_network else None,
        model=named["model"] if row.table == 2 else row.published_as,
        published_as=row.published_as,
        family=named["family"],
        recipe="paper" if row.table == 2 else "scaling study",
        test_resolution=row.test_resolution,
        test_set="imagenet",
        top1=digits.get(row.model, row.top1) if row.table == 2 else row.top1,
        top5=row.top5,
        source="paper",
    )


@cache
def _models() -> Mapping[tuple[str, str], Row]:
    return {(row["source"], row["model"]): row for row in read("models.csv")}


@cache
def _costs() -> Mapping[tuple[str, str, int | None], PublishedCost]:
    found: dict[tuple[str, str, int | None], PublishedCost] = {}
    for source in ("timm", "torchvision"):
        convention = {"convention": sources()[source].cost_convention}
        rows = read(f"cost_{source}.csv")
        for row, cost in zip(
            rows, typed((row | convention for row in rows), PublishedCost), strict=True
        ):
            found[source, row["model"], int(row["test_resolution"])] = cost
    for line in (*paper_table(2), *paper_table(3), *paper_table(7)):
        found["paper", line.published_as, line.test_resolution] = PublishedCost(
            params_m=line.params_m,
            mult_adds_b=line.mult_adds_b,
            convention=sources()["paper"].cost_convention,
        )
    return found


@cache
def _speeds() -> Mapping[tuple[str, str, int | None], float]:
    found: dict[tuple[str, str, int | None], float] = {
        (row["benchmark"], row["model"], int(row["test_resolution"])): float(row["value"])
        for row in read("speed_timm.csv")
    }
    for row in paper_table(4):
        if row.latency_ms is not None:
            found["xeon_e5_2690_one_core", row.model, row.test_resolution] = row.latency_ms
    return found
