"""What the browser is given for a φ equals what the count layer by layer says of its network."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.live import networks, readouts
from app.live.steps import resting, to_json
from app.scale import results
from app.scale.network import FAMILY, Load, Network
from app.scale.pricing import TENTHS, nearest_phi, price, price_network
from app.scale.quantities import BY_KEY, Priced
from app.text import count, size, times
from effnet_core.architecture.names import VARIANTS, variant
from effnet_core.architecture.rounding import ROUNDINGS
from effnet_core.architecture.scaling import STRATEGIES
from effnet_core.cost.report import CostReport, analyze
from effnet_core.errors import InvalidInput

B0 = price_network(Network(variant="b0"), Load())

some_networks = st.builds(
    Network,
    family=st.sampled_from(FAMILY.options),
    strategy=st.sampled_from(STRATEGIES),
    alpha=st.sampled_from((1.0, 1.2, 1.35)),
    gamma=st.sampled_from((0.9, 1.15)),
    repeats=st.sampled_from(ROUNDINGS),
    base=st.sampled_from((64, 224)),
    pixels=st.sampled_from(("to 8", "to 1")),
    classes=st.integers(1, 3000),
)
steps = st.integers(0, 100)  # up to φ = 4: larger networks take long to count layer by layer
formats = st.sampled_from(("float32", "bfloat16"))


def counted(network: Network, step: int, batch: int, dtype: str) -> CostReport | None:
    try:
        return analyze(replace(network, phi=TENTHS[step]).spec(), batch=batch, dtype=dtype)
    except InvalidInput:
        return None


@settings(max_examples=30)
@given(network=some_networks, step=steps, batch=st.integers(1, 9), dtype=formats)
def test_readouts_at_any_step(network: Network, step: int, batch: int, dtype: str) -> None:
    said = json.loads(results.live_readouts(network, B0, Load(batch, dtype)))[step]
    report = counted(network, step, batch, dtype)
    assert said["title"] == replace(network, phi=TENTHS[step]).full_title
    if report is None:
        assert "facts" not in said
        return
    spec, totals = report.spec, report.totals
    pairs = [
        (totals.params, B0.params),
        (totals.mult_adds, B0.mult_adds),
        (totals.activations, B0.activations),
        (totals.peak_activation_bytes, B0.peak_activation_bytes),
    ]
    assert said["values"] == [*(count(new) for new, _ in pairs[:3]), size(pairs[3][0])]
    assert said["ratios"] == [times(new, old) for new, old in pairs]
    assert said["facts"] == [
        f"depth ×{spec.depth:.2f}",
        f"width ×{spec.width:.2f}",
        f"{spec.resolution} × {spec.resolution} pixels",
        f"{len(spec.blocks)} blocks",
        f"dropout {spec.dropout:.2f}",
        f"{size(totals.weight_bytes)} of weights in {dtype}",
    ]


@pytest.mark.parametrize(
    "network", [Network(strategy="depth"), Network(gamma=3.0), Network(base=32)]
)
def test_where_there_is_no_network_the_reason_and_the_way_out_are_said(network: Network) -> None:
    said = json.loads(results.live_readouts(network, B0, Load()))
    none = [(phi, row["none"]) for phi, row in zip(TENTHS, said, strict=True) if "none" in row]
    for phi, sentence in (none[0], none[-1]):
        at = replace(network, phi=phi)
        with pytest.raises(InvalidInput) as raised:
            at.spec()
        assert sentence == f"{raised.value} {readouts.way_out(nearest_phi(at))}"


def total(network: dict[str, Any], place: int, count: int) -> int:
    return sum(part["times"][place] * part["counts"][count][place] for part in network["parts"])


@settings(max_examples=30)
@given(network=some_networks, step=steps, batch=st.integers(1, 9), dtype=formats)
def test_parts_at_any_step(network: Network, step: int, batch: int, dtype: str) -> None:
    columns = json.loads(results.live_networks(network, Load(batch, dtype)))
    report = counted(network, step, batch, dtype)
    if report is None:
        assert columns["side"][step] == 0
        return
    one = json.loads(to_json(networks.of_report(network.at(TENTHS[step]).title, report)))
    assert columns["titles"][step] == one["titles"][0]
    assert columns["side"][step] == one["side"][0] == report.resolution
    for held, place in ((columns, step), (one, 0)):
        assert spelt_out(held, place) == [
            (p.stage, *p.out_shape[:2], *(getattr(p, name) for name in networks.COUNTS))
            for p in report.parts
        ]
        for stage, expected in zip(held["stages"], report.stages, strict=True):
            assert stage["receptive_field"][place] == expected.receptive_field
            assert (stage["operator"], stage["stride"]) == (expected.title, expected.stride)


def spelt_out(held: dict[str, Any], place: int) -> list[tuple[int, ...]]:
    """The parts of one network in order, each as often as it occurs."""
    rows: list[tuple[int, ...]] = []
    for part in held["parts"]:
        counts = (column[place] for column in part["counts"])
        row = (part["stage"], part["channels"][place], part["side"][place], *counts)
        rows += [row] * part["times"][place]
    return rows


@pytest.mark.parametrize("name", VARIANTS)
def test_parts_of_every_variant_add_up(name: str) -> None:
    report = analyze(variant(name))
    held = json.loads(to_json(networks.of_report(name, report)))
    assert total(held, 0, 0) == report.totals.params
    assert total(held, 0, 1) == report.totals.mult_adds
    assert len(spelt_out(held, 0)) == len(report.spec.blocks) + 2


@settings(max_examples=20)
@given(
    network=some_networks,
    step=steps,
    axes=st.permutations(sorted(BY_KEY)).map(lambda keys: keys[:2]),
)
def test_marks_at_any_step(network: Network, step: int, axes: list[str]) -> None:
    base = counted(network, TENTHS.index(0.0), 1, "float32")
    assert base is not None
    x, y = (BY_KEY[key] for key in axes)
    found = json.loads(results.live_marks(network, x, y, Load()))[step]
    ratios = json.loads(results.live_ratios(network, Load()))
    report = counted(network, step, 1, "float32")
    if report is None:
        assert found is None
        return
    expected = priced(network, TENTHS[step], report)
    assert (found["x"], found["y"]) == (x.of(expected), y.of(expected))
    assert expected.title == found["title"] and expected.title in found["text"]
    if network.strategy != "compound":
        assert ratios == []
        return
    assert ratios[step]["x"] == TENTHS[step]
    assert ratios[step]["y"] == report.totals.mult_adds / base.totals.mult_adds


def priced(network: Network, phi: float, report: CostReport) -> Priced:
    return price(network.at(phi), report.spec, report.totals)


@pytest.mark.parametrize(
    ("network", "at"),
    [(Network(phi=1.01), "1.01"), (Network(phi=-0.1004), "-0.10"), (Network(variant="b4"), None)],
)
def test_a_network_between_the_steps_comes_with_the_sliders_words(
    network: Network, at: str | None
) -> None:
    assert resting(network, "row") == {"at": at, "row": "row"}


@pytest.mark.parametrize("phi", [-6.0, 0.0, 0.3, 10.0])
def test_a_network_at_a_step_needs_no_row_of_its_own(phi: float) -> None:
    assert resting(Network(phi=phi), "row") is None
