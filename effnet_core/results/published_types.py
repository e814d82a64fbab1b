"""The records of `effnet_core.results.published`."""

from __future__ import annotations

from dataclasses import dataclass


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
    extra_data: str


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """How a speed was measured; `unit` is "images/s" (more is better) or "ms" (per image)."""

    key: str
    source: str
    title: str
    device: str
    precision: str
    compiled: bool
    batch: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class PublishedResult:
    """One measurement of accuracy, in percent, on one of `TEST_SETS`.

    `architecture` is this project's name of the network ("b0", "v2-s"), None for any other;
    `published_as` is the source's name. None elsewhere means that the source does not say.
    """

    architecture: str | None
    model: str
    published_as: str
    family: str
    recipe: str
    test_resolution: int | None
    crop: float | None
    interpolation: str | None
    test_set: str
    top1: float
    top5: float | None
    source: str


@dataclass(frozen=True, kw_only=True)
class PublishedCost:
    """Cost as the source states it: millions of parameters, billions of multiply-adds, millions
    of activations. What a multiply-add includes is the source's `cost_convention`.
    """

    params_m: float | None
    mult_adds_b: float | None
    activations_m: float | None
    convention: str


@dataclass(frozen=True, kw_only=True)
class PaperRow:
    """One row of a table of the EfficientNet paper (accuracies in percent, latency in ms)."""

    table: int
    model: str
    scaling: str
    test_resolution: int | None
    top1: float
    top5: float | None
    params_m: float | None
    mult_adds_b: float | None
    latency_ms: float | None
    note: str

    @property
    def published_as(self) -> str:
        """The model's name; in the scaling studies with how it was scaled."""
        return f"{self.model}, {self.scaling}" if self.table in (3, 7) else self.model
