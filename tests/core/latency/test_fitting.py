"""The fit finds coefficients that made the times; errors are those of networks held out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.arrays import scaled_costs
from effnet_core.errors import InvalidInput
from effnet_core.latency import (
    MIN_NETWORKS,
    TERMS,
    LatencyModel,
    TimedNetwork,
    design,
    fit,
    terms,
    terms_of_each,
)

# Milliseconds a unit of each term, of the size found on two cores.
MADE_OF = (1e-8, 5e-9, 3e-8, 2e-8, 1e-7, 2e-7, 3e-8, 4e-8, 5e-8, 0.004, 0.02, 0.1)


def made_ms(spec: ArchitectureSpec) -> float:
    return sum(a * b for a, b in zip(terms(spec), MADE_OF, strict=True))


def test_known_coefficients_are_recovered() -> None:
    model = fit([TimedNetwork(spec, made_ms(spec)) for spec in design()])
    assert model.coefficients == pytest.approx(MADE_OF, rel=1e-3)
    assert model.worst_error < 1e-4
    asked = scaled(0.5)
    found = model.predict(asked)
    assert found.ms == pytest.approx(made_ms(asked), rel=1e-6)
    assert not found.extrapolated
    assert model.predict(variant("b7")).extrapolated


def test_errors_are_those_of_a_fit_without_the_network() -> None:
    noise = np.random.default_rng(0).uniform(0.9, 1.1, len(design()))
    timed = [
        TimedNetwork(spec, made_ms(spec) * factor)
        for spec, factor in zip(design(), noise, strict=True)
    ]
    model = fit(timed)
    assert model.worst_error > model.mean_error > 0.01
    for index, network in enumerate(timed):
        predicted = fit(timed[:index] + timed[index + 1 :]).predict(network.spec).ms
        assert model.held_out_errors[index] == pytest.approx(predicted / network.median_ms - 1)


def test_nine_in_ten_held_out_measurements_lie_within_the_band() -> None:
    errors = tuple(percent / 100 for percent in range(-30, 71))
    model = LatencyModel(
        coefficients=(0.0,) * (len(TERMS) - 1) + (10.0,),
        held_out_errors=errors,
        least_mult_adds=1,
        most_mult_adds=10**12,
    )
    found = model.predict(variant("b0"))
    assert (found.low_ms, found.ms, found.high_ms) == pytest.approx((10 / 1.65, 10, 10 / 0.75))
    held = [found.low_ms <= 10 / (1 + error) <= found.high_ms for error in errors]
    assert 89 <= sum(held) <= 91  # rounding decides about the two at the edges


def test_one_bad_timing_does_not_pull_the_others() -> None:
    timed = [TimedNetwork(spec, made_ms(spec)) for spec in design()]
    disturbed = [*timed[:4], replace(timed[4], median_ms=1.8 * timed[4].median_ms), *timed[5:]]
    model = fit(disturbed)
    for phi in (-3.0, -1.0, 0.0, 1.5, 3.0):
        spec = scaled(phi)
        assert model.predict(spec).ms == pytest.approx(made_ms(spec), rel=0.02)


def test_arrays_are_predicted_as_single_networks_are() -> None:
    model = fit([TimedNetwork(spec, made_ms(spec)) for spec in design()])
    phis = (-5.0, 0.0, 2.5, 6.0)
    costs = scaled_costs(phis, by_part=True)
    each = model.predict_each(terms_of_each(costs, num_classes=1000))
    for place, phi in enumerate(phis):
        one = model.predict(scaled(phi))
        row = [float(column[place]) for column in (each.ms, each.low_ms, each.high_ms)]
        assert row == pytest.approx([one.ms, one.low_ms, one.high_ms])
        assert bool(each.extrapolated[place]) == one.extrapolated


def test_times_may_not_be_too_few_or_zero() -> None:
    timed = [TimedNetwork(spec, made_ms(spec)) for spec in design()]
    with pytest.raises(InvalidInput, match=f"at least {MIN_NETWORKS} networks"):
        fit(timed[: MIN_NETWORKS - 1])
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match="above 0 ms"):
            fit([*timed, replace(timed[0], median_ms=wrong)])


def test_it_imports_without_torch() -> None:
    code = "import sys, effnet_core.latency; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
