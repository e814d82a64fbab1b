"""The formula beside what was published: why B1 is not φ = 1. This module needs no torch.

The reference implementation's coefficients for B1–B7 are tables that the formula α^φ, β^φ, γ^φ
does not give. `reconcile` says, axis by axis, which φ each published number implies, what rounding
did, and where near these φ the formula's own network changes depth; `depth_jumps` says so anywhere.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from effnet_core.architecture.families import BASELINES, V1, Baseline
from effnet_core.architecture.names import VARIANTS, canonical_name, variant
from effnet_core.architecture.scaling import (
    PAPER_RULE,
    PUBLISHED,
    Rounding,
    ScalingCoefficients,
    ScalingRule,
    validate_phi,
)
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.errors import InvalidInput
from effnet_core.limits import PHI_MAX, PHI_MIN

_JUST_BESIDE = 1e-6


@dataclass(frozen=True, kw_only=True)
class AxisReconciliation:
    """One axis: the published ratio to the baseline and the formula's at the nominal φ.

    `implied_phi` is the φ at which the formula gives the published ratio: log(ratio) / log(factor).
    `formula_ratio` is None where the name holds no φ.
    """

    axis: Literal["depth", "width", "resolution"]
    factor: float
    published_ratio: float
    formula_ratio: float | None
    implied_phi: float


@dataclass(frozen=True, kw_only=True)
class StageRounding:
    """What rounding made of one stage's published scaling."""

    stage: int
    exact_channels: float
    channels: int
    exact_repeats: float
    repeats: int


@dataclass(frozen=True, kw_only=True)
class DepthJump:
    """A φ at which some stage gains a block: the network just below and just above it."""

    phi: float
    blocks_below: int
    blocks_above: int
    params_below: int
    params_above: int


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """A published variant beside the formula.

    `nominal_phi` is the number in the variant's name. `twin_phi` is the formula's φ, in steps of
    0.01, whose network comes nearest in multiply-adds, and `twin` what that network costs; both
    are None where no φ up to 10 comes within a tenth (L2). `jumps` are the φ at which the formula's
    network gains a block, from the whole φ below the smallest to the one above the largest of the
    φ named here (nominal, twin and implied), within [0, 10]: between them depth stands still.
    """

    variant: str
    nominal_phi: float | None
    rule: ScalingRule
    axes: tuple[AxisReconciliation, ...]
    stages: tuple[StageRounding, ...]
    published: CostTotals
    formula: CostTotals | None
    twin_phi: float | None
    twin: CostTotals | None
    jumps: tuple[DepthJump, ...]


def reconcile(name: str, rule: ScalingRule = PAPER_RULE) -> Reconciliation:
    """Set the published variant `name` beside the formula, axis by axis.

    Raises InvalidInput for an unknown name, and for V2-S/M/L, which are tables of their own.
    """
    name, _ = canonical_name(name)
    if name not in PUBLISHED:
        raise InvalidInput(
            f"{name} is a stage table of its own, not a scaled baseline: there is no φ to compare."
        )
    spec = variant(name)
    row = PUBLISHED[name]
    baseline = next(b for b in BASELINES if b.family == spec.family)
    phi = _nominal_phi(name)
    formula = None if phi is None else summarize(_formula(baseline, rule, phi))
    published = summarize(spec)
    twin_phi, twin = _twin(baseline, rule, published.mult_adds)
    axes = _axes(rule, phi, (row.depth, row.width, row.test_resolution / baseline.resolution))
    low, high = _window(phi, twin_phi, *(axis.implied_phi for axis in axes))
    return Reconciliation(
        variant=name,
        nominal_phi=phi,
        rule=rule,
        axes=axes,
        stages=_stage_roundings(baseline, row.coefficients, spec),
        published=published,
        formula=formula,
        twin_phi=twin_phi,
        twin=twin,
        jumps=depth_jumps(low, high, rule=rule, baseline=baseline),
    )


def reconcilable() -> tuple[str, ...]:
    """The variants that `reconcile` accepts."""
    return tuple(name for name in VARIANTS if name in PUBLISHED)


def depth_jumps(
    low: float,
    high: float,
    *,
    rule: ScalingRule = PAPER_RULE,
    repeats: Rounding = "ceil",
    baseline: Baseline = V1,
) -> tuple[DepthJump, ...]:
    """Every φ in [low, high] at which the formula's network gains a block, in order.

    A stage of n repeats changes where n·α^φ passes a whole number (rounding up) or a half
    (rounding to the nearest), so the places are exact: φ = log(k / n) / log α. Between them depth
    stands still: those are the plateaus.
    """
    low, high = validate_phi(low), validate_phi(high)
    if rule.alpha == 1.0:
        return ()
    places = sorted(
        {
            round(phi, 9)
            for count in {stage.repeats for stage in baseline.stages}
            for phi in _crossings(count, rule.alpha, low, high, repeats)
        }
    )
    jumps = (_jump(baseline, rule, phi, repeats) for phi in places)
    return tuple(jump for jump in jumps if jump.blocks_below != jump.blocks_above)


def _nominal_phi(name: str) -> float | None:
    found = re.search(r"(?:b|lite)(\d+)$", name)
    return float(found[1]) if found else None


def _window(*phis: float | None) -> tuple[float, float]:
    """Whole φ below and above all that are given and finite, at least one apart, in [0, 10]."""
    known = [phi for phi in phis if phi is not None and math.isfinite(phi)]
    low = min(max(0.0, math.floor(min(known))), PHI_MAX - 1)
    return low, min(max(low + 1, math.ceil(max(known))), PHI_MAX)


def _formula(
    baseline: Baseline, rule: ScalingRule, phi: float, repeats: Rounding = "ceil"
) -> ArchitectureSpec:
    coefficients = rule.coefficients(phi, base_resolution=baseline.resolution)
    name = f"{baseline.title} φ={phi:g}"
    return expand(baseline, coefficients, name=name, repeats=repeats, phi=phi)


def _twin(
    baseline: Baseline, rule: ScalingRule, mult_adds: int
) -> tuple[float, CostTotals] | tuple[None, None]:
    """The φ in steps of 0.01 whose network's multiply-adds come nearest, by ratio."""
    coarse = _nearest(baseline, rule, mult_adds, [step / 2 for step in range(21)])
    steps = [coarse + step / 100 for step in range(-60, 61)]
    phi = _nearest(baseline, rule, mult_adds, [min(PHI_MAX, max(0.0, round(p, 2))) for p in steps])
    cost = summarize(_formula(baseline, rule, phi))
    return (phi, cost) if 0.9 < cost.mult_adds / mult_adds < 1.1 else (None, None)


def _nearest(baseline: Baseline, rule: ScalingRule, mult_adds: int, phis: list[float]) -> float:
    def distance(phi: float) -> float:
        return abs(math.log(summarize(_formula(baseline, rule, phi)).mult_adds / mult_adds))

    return min(phis, key=distance)


def _axes(
    rule: ScalingRule, phi: float | None, ratios: tuple[float, float, float]
) -> tuple[AxisReconciliation, ...]:
    names: tuple[Literal["depth", "width", "resolution"], ...] = ("depth", "width", "resolution")
    factors = (rule.alpha, rule.beta, rule.gamma)
    return tuple(
        AxisReconciliation(
            axis=axis,
            factor=factor,
            published_ratio=ratio,
            formula_ratio=None if phi is None else factor**phi,
            implied_phi=math.log(ratio) / math.log(factor) if factor != 1.0 else math.nan,
        )
        for axis, factor, ratio in zip(names, factors, ratios, strict=True)
    )


def _stage_roundings(
    baseline: Baseline, coefficients: ScalingCoefficients, spec: ArchitectureSpec
) -> tuple[StageRounding, ...]:
    return tuple(
        StageRounding(
            stage=number,
            exact_channels=row.channels * coefficients.width,
            channels=blocks[0].out_channels,
            exact_repeats=row.repeats * coefficients.depth,
            repeats=len(blocks),
        )
        for number, (row, blocks) in enumerate(
            zip(baseline.stages, spec.stages, strict=True), start=1
        )
    )


def _crossings(count: int, alpha: float, low: float, high: float, repeats: Rounding) -> list[float]:
    offset = 0.0 if repeats == "ceil" else 0.5
    ends = sorted((count * alpha**low, count * alpha**high))
    first, last = math.ceil(ends[0] - offset), math.floor(ends[1] - offset)
    found = (
        math.log((k + offset) / count) / math.log(alpha)
        for k in range(first, last + 1)
        if k + offset > 0
    )
    return [phi for phi in found if low <= phi <= high]


def _jump(baseline: Baseline, rule: ScalingRule, phi: float, repeats: Rounding) -> DepthJump:
    def network(at: float) -> ArchitectureSpec:
        return _formula(baseline, rule, min(max(at, PHI_MIN), PHI_MAX), repeats)

    below, above = network(phi - _JUST_BESIDE), network(phi + _JUST_BESIDE)
    return DepthJump(
        phi=phi,
        blocks_below=len(below.blocks),
        blocks_above=len(above.blocks),
        params_below=summarize(below).params,
        params_above=summarize(above).params,
    )
