"""Costs as arrays equal the count layer by layer, to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effnet_core.architecture.families import SCALABLE, V2_L, V2_M, V2_S
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import scaled
from effnet_core.architecture.rounding import ROUNDINGS
from effnet_core.architecture.scaling import STRATEGIES, ScalingCoefficients, ScalingRule
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.arrays import CostArrays, free_costs, scaled_costs
from effnet_core.cost.report import DTYPE_BYTES, CostTotals, summarize
from effnet_core.errors import InvalidInput

factors = st.floats(0.5, 3.0, allow_nan=False)


def require_equal(found: CostArrays, place: int, spec: ArchitectureSpec, **options: object) -> None:
    expected: CostTotals = summarize(spec, **options)  # type: ignore[arg-type]
    assert found.exists[place]
    assert found.resolution[place] == spec.resolution
    assert found.blocks[place] == expected.blocks
    assert found.params[place] == expected.params
    assert found.mult_adds[place] == expected.mult_adds
    assert found.activations[place] == expected.activations
    assert found.batch_norm[place] == expected.fvcore.batch_norm
    assert found.adaptive_avg_pool2d[place] == expected.fvcore.adaptive_avg_pool2d
    assert found.weight_bytes[place] == expected.weight_bytes
    assert found.peak_activation_bytes[place] == expected.peak_activation_bytes


@settings(max_examples=60, deadline=None)
@given(
    family=st.sampled_from(SCALABLE),
    phis=st.lists(st.floats(-6, 10, allow_nan=False), min_size=1, max_size=4),
    rule=st.builds(ScalingRule, factors, factors, factors),
    strategy=st.sampled_from(STRATEGIES),
    repeats=st.sampled_from(ROUNDINGS),
    base=st.integers(32, 640),
    exact=st.booleans(),
    classes=st.integers(1, 3000),
    batch=st.integers(1, 64),
    dtype=st.sampled_from(sorted(DTYPE_BYTES)),
)
def test_any_family_rule_and_phi(
    family: Family,
    phis: list[float],
    rule: ScalingRule,
    strategy: str,
    repeats: str,
    base: int,
    exact: bool,
    classes: int,
    batch: int,
    dtype: str,
) -> None:
    network = {
        "family": family,
        "rule": rule,
        "strategy": strategy,
        "repeats": repeats,
        "base_resolution": base,
        "exact_pixels": exact,
        "num_classes": classes,
    }
    found = scaled_costs(phis, batch=batch, dtype=dtype, **network)  # type: ignore[arg-type]
    for place, phi in enumerate(phis):
        try:
            spec = scaled(phi, **network)  # type: ignore[arg-type]
        except InvalidInput:
            assert not found.exists[place]
            assert found.params[place] == 0
            continue
        require_equal(found, place, spec, batch=batch, dtype=dtype)


@settings(max_examples=60, deadline=None)
@given(
    family=st.sampled_from(SCALABLE),
    depth=st.floats(0.05, 8, allow_nan=False),
    width=st.floats(0.05, 8, allow_nan=False),
    side=st.integers(32, 1024),
    classes=st.integers(1, 3000),
    repeats=st.sampled_from(ROUNDINGS),
)
def test_free_coefficients(
    family: Family, depth: float, width: float, side: int, classes: int, repeats: str
) -> None:
    spec = expand(
        family,
        ScalingCoefficients(depth, width, side, 0.2),
        name="free",
        repeats=repeats,  # type: ignore[arg-type]
        num_classes=classes,
    )
    found = free_costs(
        np.array([depth]),
        np.array([width]),
        np.array([side]),
        family=family,
        repeats=repeats,  # type: ignore[arg-type]
        num_classes=classes,
    )
    require_equal(found, 0, spec)


def test_every_tenth_of_phi_for_all_strategies_and_their_ends() -> None:
    phis = np.linspace(-6, 10, 161)
    missing = 0
    for strategy in STRATEGIES:
        found = scaled_costs(phis, strategy=strategy)
        for place, phi in enumerate(phis):
            try:
                spec = scaled(float(phi), strategy=strategy)
            except InvalidInput:
                missing += 1
                assert not found.exists[place]
                continue
            require_equal(found, place, spec)
    assert missing > 0  # depth alone meets the cap on blocks


def test_counts_past_64_bits_stay_exact() -> None:
    rule = ScalingRule(1.0, 3.0, 1.3)
    found = scaled_costs([10.0], rule=rule)
    spec = scaled(10.0, rule=rule)
    require_equal(found, 0, spec)
    assert int(found.mult_adds[0]) > 2**63


def test_a_given_resolution_is_taken_as_it_is() -> None:
    require_equal(scaled_costs([1.5], resolution=331), 0, scaled(1.5, resolution=331))


def test_no_networks_give_empty_arrays() -> None:
    assert len(scaled_costs([]).params) == 0


@pytest.mark.parametrize("family", [V2_S, V2_M, V2_L])
def test_tables_of_their_own_are_refused_in_a_sentence(family: Family) -> None:
    one = np.array([1.0])
    with pytest.raises(InvalidInput, match="is a stage table of its own"):
        free_costs(one, one, np.array([224]), family=family)
    with pytest.raises(InvalidInput, match="is a stage table of its own"):
        scaled_costs([1.0], family=family)
    with pytest.raises(InvalidInput, match="is a stage table of its own"):
        scaled(1.0, family=family)


def test_phi_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidInput, match="φ must lie between"):
        scaled_costs([11.0])
