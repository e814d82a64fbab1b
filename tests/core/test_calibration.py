"""The fit finds coefficients that made the times; errors are those of networks held out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from effnet_core.architecture import ArchitectureSpec
from effnet_core.calibration import (
    MIN_NETWORKS,
    TERMS,
    TimedNetwork,
    fit,
    interleaved_medians,
    terms,
)
from effnet_core.cost import summarize
from effnet_core.errors import InvalidInput
from effnet_core.variants import scaled, variant

# Milliseconds a unit of each term, of the size found on two cores.
MADE_OF = (1.2e-8, 5e-8, 2e-8, 1e-7, 4e-8, 0.004, 0.3)


def networks() -> tuple[ArchitectureSpec, ...]:
    """Networks whose terms do not all grow together, as coefficients could not be told apart."""
    sides = (variant("b0", resolution=side) for side in (128, 224, 320))
    wide = (scaled(phi, strategy="width") for phi in (-2.0, 3.0))
    deep = (scaled(phi, strategy="depth") for phi in (2.0, 4.0))
    fused = (variant("v2-b0"), variant("v2-b2"))
    return (*sides, *wide, *deep, *fused, variant("lite0"), variant("b3", num_classes=10))


def made_ms(spec: ArchitectureSpec) -> float:
    return sum(a * b for a, b in zip(terms(spec), MADE_OF, strict=True))


def test_terms_of_b0_are_its_counts() -> None:
    spec = variant("b0")
    amounts = dict(zip(TERMS, terms(spec), strict=True))
    totals = summarize(spec)
    # By hand: a 3×3 stem of 32 channels on 112×112; 16 blocks of 3 convolutions and 2 of
    # squeeze-and-excitation, less one expansion in the first, then stem, head and classifier.
    assert amounts["dense_mult_adds"] == 3 * 32 * 9 * 112 * 112
    assert amounts["layers"] == 16 * 5 - 1 + 3
    assert amounts["feature_bytes"] == 8 * totals.activations
    kinds = ("pointwise_mult_adds", "depthwise_mult_adds", "dense_mult_adds")
    vectors = totals.mult_adds - sum(amounts[kind] for kind in kinds)
    gates = sum(2 * b.squeeze_channels * b.expanded_channels for b in spec.blocks)
    assert vectors == gates + 1280 * 1000


def test_known_coefficients_are_recovered() -> None:
    model = fit([TimedNetwork(spec, made_ms(spec)) for spec in networks()])
    assert model.coefficients == pytest.approx(MADE_OF, rel=1e-4)
    assert model.worst_error < 1e-6
    unseen = scaled(0.5)
    found = model.predict(unseen)
    assert found.ms == pytest.approx(made_ms(unseen), rel=1e-6)
    assert not found.extrapolated
    assert model.predict(variant("b7")).extrapolated


def test_the_band_holds_every_measurement_of_a_network_held_out() -> None:
    noise = (1.1, 0.95, 1.0, 1.2, 0.9, 1.05, 0.98, 1.0, 1.15, 0.93, 1.0)
    timed = [
        TimedNetwork(spec, made_ms(spec) * factor)
        for spec, factor in zip(networks(), noise, strict=True)
    ]
    model = fit(timed)
    found = model.predict(variant("b1"))
    assert found.low_ms < found.ms < found.high_ms
    assert model.worst_error > model.mean_error > 0.01
    for index, network in enumerate(timed):
        others = fit(timed[:index] + timed[index + 1 :])
        predicted = others.predict(network.spec).ms
        assert model.held_out_errors[index] == pytest.approx(predicted / network.median_ms - 1)
        scale = predicted / found.ms
        slack = 1e-9 * predicted
        assert found.low_ms * scale - slack <= network.median_ms <= found.high_ms * scale + slack


def test_times_may_not_be_too_few_or_zero() -> None:
    timed = [TimedNetwork(spec, made_ms(spec)) for spec in networks()]
    with pytest.raises(InvalidInput, match=f"at least {MIN_NETWORKS} networks"):
        fit(timed[: MIN_NETWORKS - 1])
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match="above 0 ms"):
            fit([*timed, replace(timed[0], median_ms=wrong)])


def test_passes_are_interleaved_and_the_median_taken() -> None:
    now, order = 0.0, []
    durations = {"a": iter((9, 1, 2, 50)), "b": iter((9, 20, 3, 10))}

    def run(name: str) -> None:
        nonlocal now
        order.append(name)
        now += next(durations[name]) / 1e3

    found = interleaved_medians(
        [lambda: run("a"), lambda: run("b")], passes=3, warmup=1, clock=lambda: now
    )
    assert order == ["a", "b", *("a", "b") * 3]
    assert found == pytest.approx((2, 10))
    with pytest.raises(InvalidInput, match="at least 1 pass"):
        interleaved_medians([], passes=0)


def test_it_imports_without_torch() -> None:
    code = "import sys, effnet_core.calibration; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
