"""What a network's time is made of, against counts taken layer by layer and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effnet_core.architecture.families import SCALABLE
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import VARIANTS, expand, scaled, variant
from effnet_core.architecture.scaling import STRATEGIES, ScalingCoefficients
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.arrays import free_costs, scaled_costs
from effnet_core.cost.report import analyze
from effnet_core.latency import TERMS, terms, terms_of_each


def named(spec: ArchitectureSpec) -> dict[str, int]:
    return dict(zip(TERMS, terms(spec), strict=True))


def test_terms_of_b0_by_hand() -> None:
    spec = variant("b0")
    amounts = named(spec)
    # 16 blocks of expansion, depthwise and projection, less one expansion; stem and head.
    assert (amounts["layers"], amounts["excitations"], amounts["runs"]) == (16 * 3 - 1 + 2, 16, 1)
    assert amounts["dense_mult_adds"] == 3 * 32 * 9 * 112 * 112
    gates = sum(
        2 * b.squeeze_channels * b.expanded_channels + b.squeeze_channels + b.expanded_channels
        for b in spec.blocks
    )
    assert amounts["vector_bytes"] == 4 * (gates + 1281 * 1000)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_counts_what_its_layers_do(name: str) -> None:
    spec = variant(name)
    layers = [one for one in analyze(spec).layers if one.kind in ("conv", "linear")]
    amounts = named(spec)

    def total(field: str, *roles: str) -> int:
        return sum(getattr(one, field) for one in layers if one.role in roles)

    pictures = ("stem", "expand", "depthwise", "project", "fused", "head")
    assert amounts["depthwise_mult_adds"] == total("mult_adds", "depthwise")
    assert amounts["dense_mult_adds"] == total("mult_adds", "stem", "fused")
    assert amounts["pointwise_mult_adds"] == total("mult_adds", "expand", "project", "head")
    assert amounts["vector_bytes"] == 4 * total("params", "squeeze_excite", "classifier")
    assert amounts["layers"] == sum(one.role in pictures for one in layers)
    activated = total("activations", *pictures) - total("activations", "project")
    assert amounts["activated"] == (activated if spec.activation == "silu" else 0)
    biases = sum(one.out_shape[0] for one in layers if one.role in pictures)
    assert amounts["weight_bytes"] == 4 * (total("params", *pictures) + biases)


def test_excited_elements_are_what_is_pooled_inside_blocks() -> None:
    spec = variant("b3")
    pooled = [one for one in analyze(spec).layers if one.kind == "adaptive_avg_pool2d"]
    inside = sum(one.other_ops for one in pooled if one.role == "squeeze_excite")
    assert named(spec)["excited"] == inside


def test_features_are_read_and_written_once_by_each_convolution() -> None:
    # At 32 pixels, by hand: stem 3×32² → 32×16²; then block by block.
    spec = scaled(-6, resolution=32, num_classes=2)
    elements = 3 * 32**2 + spec.stem_channels * 16**2
    side = 16
    for block in spec.blocks:
        after = -(-side // block.stride)
        if block.expands:
            elements += (block.in_channels + block.expanded_channels) * side**2
        elements += block.expanded_channels * (side**2 + after**2)
        elements += (block.expanded_channels + block.out_channels) * after**2
        side = after
    elements += (spec.blocks[-1].out_channels + spec.head_channels) * side**2
    assert named(spec)["feature_bytes"] == 4 * elements


def test_channels_of_pointwise_convolutions_are_filled_to_sixteen() -> None:
    spec, side, work = variant("b0"), 112, 0
    for block in spec.blocks:
        after = -(-side // block.stride)
        pairs = [(block.expanded_channels, block.out_channels, after)]
        if block.expands:
            pairs.append((block.in_channels, block.expanded_channels, side))
        for inputs, outputs, pixels in pairs:
            work += (inputs + 15) // 16 * 16 * ((outputs + 15) // 16 * 16) * pixels**2
        side = after
    work += 320 * 1280 * 7**2  # the head's channels are multiples of 16
    assert named(spec)["filled_mult_adds"] == work > named(spec)["pointwise_mult_adds"]


@pytest.mark.parametrize("axis", ["depth", "width", "resolution"])
def test_nothing_falls_when_a_network_grows(axis: str) -> None:
    steps = np.linspace(0.3, 2.5, 60)
    ones = np.ones_like(steps)
    depth, width, side = (steps if axis == name else ones for name in ("depth", "width", "pixels"))
    sides = (224 * (steps if axis == "resolution" else side)).astype(np.int64)
    rows = terms_of_each(free_costs(depth, width, sides, by_part=True), num_classes=1000)
    assert (np.diff(rows, axis=0) >= 0).all()
    assert (np.diff(rows, axis=0) > 0).any()


@pytest.mark.parametrize("family", SCALABLE, ids=lambda family: family.key)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_arrays_equal_single_networks_over_phi(strategy: Any, family: Family) -> None:
    phis = np.linspace(-6, 6, 40)
    network = {"family": family, "strategy": strategy, "num_classes": 37}
    costs = scaled_costs(phis, **network, by_part=True)
    each = terms_of_each(costs, num_classes=37, family=family)
    assert costs.exists.sum() > 20
    for phi, exists, row in zip(phis.tolist(), costs.exists, each, strict=True):
        if exists:
            assert tuple(row) == terms(scaled(phi, **network))


@settings(max_examples=40, deadline=None)
@given(
    family=st.sampled_from(SCALABLE),
    depth=st.floats(0.25, 3),
    width=st.floats(0.25, 3),
    side=st.integers(32, 320),
)
def test_arrays_equal_single_networks_of_any_shape(
    family: Family, depth: float, width: float, side: int
) -> None:
    costs = free_costs(
        np.array([depth, 1.0]),
        np.array([width, 1.0]),
        np.array([side, 224]),
        family=family,
        by_part=True,
    )
    coefficients = ScalingCoefficients(depth, width, side, 0.2)
    row = terms_of_each(costs, num_classes=1000, family=family)[0]
    assert tuple(row) == terms(expand(family, coefficients, name="any"))
