"""Analytic costs against fvcore's and torch's counters, operator by operator."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from effnet_core.architecture.families import EDGE, LITE, V2_BASE, V2_RW_S, V2_S
from effnet_core.architecture.family import Padding
from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.scaling import STRATEGIES, ScalingRule
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.report import CostReport, analyze, summarize
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.network import verify as module
from effnet_core.network.verify import Verification, verify

SIDES = st.integers(32, 97)
FACTORS = st.floats(0.9, 1.3)


@st.composite
def formula_specs(draw: st.DrawFn) -> ArchitectureSpec:
    """Networks of the formula: any strategy, rounding, α β γ; φ of both signs; quick to build."""
    spec = scaled(
        draw(st.floats(-4, 1)),
        rule=ScalingRule(draw(FACTORS), draw(FACTORS), draw(FACTORS)),
        strategy=draw(st.sampled_from(STRATEGIES)),
        repeats=draw(st.sampled_from(("ceil", "nearest"))),
        resolution=draw(SIDES),
        num_classes=draw(st.integers(1, 1000)),
    )
    assume(len(spec.blocks) <= 24 and summarize(spec).params <= 8_000_000)
    return spec


@st.composite
def table_specs(draw: st.DrawFn) -> ArchitectureSpec:
    """The other families' tables, shrunk and with either padding."""
    baseline = draw(st.sampled_from((LITE, V2_BASE, V2_S, EDGE, V2_RW_S)))
    coefficients = ScalingRule().coefficients(draw(st.floats(-6, 0)), exact_pixels=True)
    spec = expand(baseline, dataclasses.replace(coefficients, resolution=64), name="drawn")
    padding: Padding = draw(st.sampled_from(("symmetric", "same")))
    return dataclasses.replace(spec, resolution=draw(SIDES), padding=padding)


@settings(max_examples=15)
@given(st.one_of(formula_specs(), table_specs()))
def test_every_operator_agrees_with_fvcore_and_torch(spec: ArchitectureSpec) -> None:
    assert_agrees(verify(spec))


@pytest.mark.parametrize("name", ["b0", "v2-b0", "lite0"])
def test_published_variants_agree_at_their_own_resolution(name: str) -> None:
    assert_agrees(verify(variant(name)))


def assert_agrees(verification: Verification) -> None:
    wrong = [row for row in verification.rows if row.difference]
    assert not wrong
    assert verification.agrees
    counted = {(row.counter, row.quantity, row.operator) for row in verification.rows}
    operators = ("conv", "linear", "batch_norm", "adaptive_avg_pool2d")
    assert counted == {
        ("network", "parameters", "all"),
        ("network", "bytes", "all"),
        *(("fvcore", "operations", name) for name in operators),
        *(("fvcore", "activations", name) for name in operators[:2]),
        *(("torch", "operations", name) for name in operators[:2]),
    }


def test_says_what_fvcore_did_not_count() -> None:
    # B0: 49 batch-norms with 16 linear projections leave 33 SiLUs, plus one in each of 16 gates.
    not_counted = dict(verify(variant("b0", resolution=32)).not_counted)
    assert not_counted == {"silu": 49, "sigmoid": 16, "mul": 16, "add": 9}


def test_a_wrong_count_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_too_many(spec: ArchitectureSpec, **options: Any) -> CostReport:
        report = analyze(spec, **options)
        first = dataclasses.replace(report.layers[0], mult_adds=report.layers[0].mult_adds + 1)
        return dataclasses.replace(report, layers=(first, *report.layers[1:]))

    monkeypatch.setattr(module, "analyze", one_too_many)
    verification = verify(variant("b0", resolution=32))
    assert not verification.agrees
    wrong = {
        (r.counter, r.quantity, r.operator): r.difference for r in verification.rows if r.difference
    }
    assert wrong == {("fvcore", "operations", "conv"): -1, ("torch", "operations", "conv"): -1}


def test_logs_nothing(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    verify(variant("b0", resolution=32))
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_inside_inference_code_the_same_is_counted() -> None:
    with torch.no_grad():
        assert verify(variant("b0", resolution=32)).agrees


def test_an_unusable_resolution_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Resolution must lie between"):
        verify(variant("b0"), resolution=8)


def test_a_network_that_does_not_fit_is_refused_before_it_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        sys.modules["effnet_core.network.build"], "free_bytes", lambda device: 50_000_000
    )
    with pytest.raises(EffnetError, match="largest φ that fits"):
        verify(variant("b7"))
