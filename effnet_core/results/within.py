"""Which published networks keep a budget, and which comes nearest where none does.

Each network stands at one record on ImageNet: its accuracy is that record's, its cost what it
takes at the record's own test resolution. Nothing trained elsewhere is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from effnet_core.architecture.names import variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.budget.answers import Priced, Room, rooms
from effnet_core.cost.budget.limits import (
    Latency,
    Limits,
    Setting,
    in_dtype,
    require_possible,
)
from effnet_core.cost.memory import run_model
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.data.tables import read
from effnet_core.results.published import PublishedResult, Recipe, recipes, results


@dataclass(frozen=True, kw_only=True)
class PublishedNetwork(Priced):
    """A published network with its price at the test resolution of `record`.

    `weights` is the id of those that have this record's accuracy and can be had, "" where none is
    known here.
    """

    name: str
    record: PublishedResult
    weights: str

    @property
    def recipe(self) -> Recipe:
        """How it was trained."""
        return recipes()[self.record.source, self.record.recipe]

    @property
    def resolution(self) -> int:
        """The side of the input, in pixels."""
        return self.record.test_resolution or variant(self.name).resolution

    def rooms(self, limits: Limits) -> tuple[Room, ...]:
        """What it leaves of each limit that is set; below 0, by how much it is missed."""
        return rooms(self, limits)

    def excess(self, limits: Limits) -> float:
        """The largest of used / limit: above 1 where a limit is broken."""
        return max(room.used / room.limit for room in self.rooms(limits))


@dataclass(frozen=True, kw_only=True)
class PublishedAnswer:
    """Every published network, the most accurate first, held against `limits`."""

    limits: Limits
    networks: tuple[PublishedNetwork, ...]

    @property
    def fitting(self) -> tuple[PublishedNetwork, ...]:
        """Those that keep every limit, the most accurate first."""
        return tuple(one for one in self.networks if not one.broken(self.limits))

    @property
    def missing(self) -> tuple[PublishedNetwork, ...]:
        """Those that break a limit, the nearest first: by the limit that each breaks furthest."""
        broken = (one for one in self.networks if one.broken(self.limits))
        return tuple(sorted(broken, key=lambda one: one.excess(self.limits)))

    @property
    def limiting(self) -> str:
        """The name of the limit that the most networks break; the first of equals."""
        broken = [name for one in self.networks for name in one.broken(self.limits)]
        return max(self.limits.given, key=broken.count)


def published_within(
    limits: Limits, setting: Setting | None = None, *, latency: Latency | None = None
) -> PublishedAnswer:
    """The published EfficientNets held against `limits`, with their published 1,000 classes.

    Of `setting` the batch and the number format count; with a `latency` each network has its
    milliseconds, limited or not. A network's record is that of weights that
    can be had, otherwise the most accurate on ImageNet-1k alone. Raises InvalidInput for limits
    that no network can meet or that need a `latency` where there is none, and what `latency` does.
    """
    setting = setting or Setting()
    require_possible(limits, setting, latency)
    found = (_priced(name, record, setting, latency) for name, record in _records().items())
    return PublishedAnswer(
        limits=limits, networks=tuple(sorted(found, key=lambda one: -one.record.top1))
    )


def _priced(
    name: str, record: PublishedResult, setting: Setting, latency: Latency | None
) -> PublishedNetwork:
    spec = variant(name, resolution=record.test_resolution)

    def price(dtype: str) -> CostTotals:
        return _summary(spec, setting.batch, dtype)

    costs, weights, peak = in_dtype(price, setting.dtype)
    return PublishedNetwork(
        name=name,
        record=record,
        weights=weights_of(record),
        params=costs.params,
        mult_adds=costs.mult_adds,
        weight_bytes=weights,
        peak_bytes=peak,
        run_bytes=run_model("onnx", spec.activation).bytes(weights, peak),
        latency=latency(spec, setting.batch) if latency else None,
    )


@cache
def _summary(spec: ArchitectureSpec, batch: int, dtype: str) -> CostTotals:
    return summarize(spec, batch=batch, dtype=dtype)


@cache
def _records() -> dict[str, PublishedResult]:
    """The record at which each architecture stands."""
    held: dict[str, PublishedResult] = {}
    for one in results(test_set="imagenet"):
        if one.architecture and one.recipe != "scaling study":
            before = held.get(one.architecture)
            if before is None or _rank(one) > _rank(before):
                held[one.architecture] = one
    return held


def _rank(record: PublishedResult) -> tuple[bool, bool, float]:
    alone = not recipes()[record.source, record.recipe].extra_data
    return bool(weights_of(record)), alone, record.top1


def weights_of(record: PublishedResult) -> str:
    """The id of the weights whose accuracy a record is, "" where none of them is known here."""
    return _weights().get((record.source, record.published_as, record.recipe), "")


@cache
def _weights() -> dict[tuple[str, str, str], str]:
    """Torchvision's sets, and the packaged ones: TensorFlow's, converted, as timm's `tf_` are."""
    packaged = {
        ("timm", f"tf_efficientnet_{row['architecture']}", "in1k"): row["id"]
        for row in read("weights_packaged.csv")
    }
    downloads = {}
    for row in read("weights_torchvision.csv"):
        model, _, recipe = row["id"].partition("_Weights.")
        downloads["torchvision", model.lower(), recipe] = row["id"]
    return packaged | downloads
