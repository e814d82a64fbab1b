from __future__ import annotations

import math

import pytest

from app.charts.reconcile import blocks_over_phi, implied_phi
from app.charts.scale import (
    Axis,
    Chart,
    axis_of,
    growth_curves,
    growth_ratio,
    growth_sentence,
    span,
)
from app.charts.style import OUTLINE
from app.scale import pricing
from app.scale.network import Load, Network
from app.scale.quantities import BY_KEY, QUANTITIES
from app.views.scale.architecture import SHADES
from effnet_core.architecture.families import SCALABLE
from effnet_core.architecture.family import Family
from effnet_core.cost.reconcile import depth_jumps, reconcile
from effnet_core.errors import InvalidInput

B0 = pricing.price_network(Network(), Load())
B4 = pricing.price_network(Network(variant="b4"), Load())
HALVES = [step / 2 for step in range(-12, 21)]
COMPOUND = tuple(filter(None, pricing.price_each(Network(), HALVES, Load())))
DEPTH = tuple(filter(None, pricing.price_each(Network(strategy="depth"), HALVES, Load())))


def axis(key: str, *, logarithmic: bool = True) -> Axis:
    quantity = BY_KEY[key]
    logarithmic = logarithmic and key != "phi"
    return Axis(quantity=quantity, logarithmic=logarithmic, span=span(COMPOUND, quantity))


def curves(x: str = "phi", y: str = "flops", log: bool = True) -> Chart:
    return growth_curves(
        {"compound": COMPOUND, "depth": DEPTH},
        published=(B0, B4),
        pinned=B0,
        strategy="compound",
        x=axis(x, logarithmic=log),
        y=axis(y, logarithmic=log),
    )


def test_a_sweep_covers_phi_and_stops_at_the_cap_on_blocks() -> None:
    assert (COMPOUND[0].phi, COMPOUND[-1].phi, len(COMPOUND)) == (-6, 10, 33)
    assert DEPTH[-1].phi is not None and 7 <= DEPTH[-1].phi < 8
    assert DEPTH[-1].blocks <= 2000


@pytest.mark.parametrize(
    ("network", "nearest"),
    [
        (Network(phi=-6, gamma=3), -1.8),  # 31 pixels, rounded to 32
        (Network(phi=2.55), 2.5),
        (Network(phi=-1, base=32), -0.9),  # 28 pixels, rounded to 32
    ],
)
def test_the_nearest_network_lies_towards_the_baseline(network: Network, nearest: float) -> None:
    found = pricing.nearest_phi(network)
    assert found == nearest
    network.at(found).spec()


def test_one_step_past_the_nearest_network_there_is_none() -> None:
    deep = Network(phi=10, strategy="depth")
    found = pricing.nearest_phi(deep)
    assert found is not None
    deep.at(found).spec()
    with pytest.raises(InvalidInput):
        deep.at(found + 0.1).spec()


def test_curves_hold_the_computed_figures() -> None:
    compound, depth = curves().lines
    assert compound.y[compound.x.index(0)] == B0.mult_adds
    assert list(compound.y) == sorted(compound.y)
    assert compound.width > depth.width


def test_published_variants_without_phi_have_no_place_on_its_axis() -> None:
    lite = pricing.price_network(Network(variant="lite0"), Load())
    assert lite.phi is None
    for key, marked in (("phi", 0), ("params", 1)):
        drawn = growth_curves(
            {"compound": COMPOUND},
            published=(lite,),
            pinned=B0,
            strategy="compound",
            x=axis(key),
            y=axis("flops"),
        )
        assert len(drawn.marks[0].marks) == marked


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("v1", [(f"B{number}", number) for number in range(9)]),
        ("lite", [(f"Lite{number}", number) for number in range(5)]),
        ("v2-b", [(f"V2-B{number}", number) for number in range(4)]),
    ],
)
def test_variants_of_the_family_stand_at_the_phi_of_their_names(
    family: str, expected: list[tuple[str, int]]
) -> None:
    drawn = growth_curves(
        {"compound": COMPOUND},
        published=pricing.published(family, 1000, Load()),
        pinned=B0,
        strategy="compound",
        x=axis("phi"),
        y=axis("flops"),
    )
    held = drawn.marks[0]
    assert [(mark.title, mark.x) for mark in held.marks] == expected
    assert list(held.labels) == [title for title, _ in expected]


@pytest.mark.parametrize("x", [quantity.key for quantity in QUANTITIES])
@pytest.mark.parametrize("log", [True, False])
def test_any_quantity_on_either_axis(x: str, log: bool) -> None:
    drawn = curves(x=x, y="peak", log=log)
    low, high = drawn.x.range
    here = BY_KEY[x].of(B4)
    assert here is not None
    place = math.log10(here) if drawn.x.logarithmic else here
    assert low <= place <= high


def test_ranges_stay_for_a_network_within_and_widen_for_one_outside() -> None:
    across = axis("params")
    giant = pricing.price_network(Network(variant="l2"), Load())
    assert across.including(B4) == across.including(None) == across
    assert 10 ** across.drawn.range[1] < giant.params
    assert 10 ** across.including(giant).drawn.range[1] > giant.params


@pytest.mark.parametrize(("log", "low"), [(True, 1.5e6), (False, 0)])
def test_a_linear_axis_starts_at_zero_and_ends_before_the_giants(log: bool, low: float) -> None:
    found = axis_of(BY_KEY["params"], {"compound": COMPOUND}, (B0, B4), log)
    eight = next(point for point in COMPOUND if point.phi == 8)
    most = COMPOUND[-1].params if log else eight.params
    start, end = found.span
    assert start == pytest.approx(low, rel=0.1) and end == most


def test_growth_draws_both_laws_and_what_is_built() -> None:
    built, doubling, nominal = growth_ratio(COMPOUND, B0, cost_factor=1.92027).lines
    at_zero, at_ten = built.x.index(0), built.x.index(10)
    assert [line.y[at_zero] for line in (built, doubling, nominal)] == [1, 1, 1]
    assert doubling.y[at_ten] == 1024
    assert nominal.y[at_ten] == pytest.approx(1.92027**10)
    assert built.y[at_ten] == COMPOUND[-1].mult_adds / B0.mult_adds
    assert doubling.texts[at_ten] == "2^φ, φ = 10: ×1.02e+03"


def test_the_growth_sentence_tells_the_actual_factor() -> None:
    seven = next(point for point in COMPOUND if point.phi == 7)
    actual = (seven.mult_adds / B0.mult_adds) ** (1 / 7)
    assert f"{actual:.3g} a step" in growth_sentence(COMPOUND, 1.92)


def luminance(colour: str) -> float:
    """WCAG's relative luminance of "#RRGGBB"."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("page", ["#FFFFFF", "#10171E"])
def test_every_shade_and_the_frame_stand_out_on_both_pages(page: str) -> None:
    behind = luminance(page)

    def contrast(colour: str) -> float:
        dark, light = sorted((luminance(colour), behind))
        return (light + 0.05) / (dark + 0.05)

    assert contrast(OUTLINE) >= 3
    assert min(map(contrast, SHADES)) >= 1.8


def test_implied_phi_is_where_the_reconciliation_puts_it() -> None:
    b1, b2 = reconcile("b1"), reconcile("b2")
    depth, width, resolution, name = implied_phi((b1, b2), "b1").data
    assert list(depth.x) == [b1.axes[0].implied_phi, b2.axes[0].implied_phi]
    assert width.x[0] == 0
    assert resolution.x[0] == pytest.approx(math.log(240 / 224) / math.log(1.15))
    assert list(name.x) == [1, 2]


@pytest.mark.parametrize("family", SCALABLE)
def test_every_jump_of_every_family_is_drawn(family: Family) -> None:
    jumps = depth_jumps(0, 8, family=family)
    drawn = blocks_over_phi(jumps, [], None)
    assert list(drawn.data[0].x[1:-1]) == [jump.phi for jump in jumps]
    assert drawn.layout.yaxis.range[1] > jumps[-1].blocks_above


def test_blocks_jump_from_16_to_23_at_zero() -> None:
    line = blocks_over_phi(depth_jumps(0, 8), [("b1", 1, 23)], 0.5).data[0]
    assert list(line.x[:2]) == [0, 0]
    assert list(line.y[:2]) == [16, 23]
    assert line.y[-1] == line.y[-2]


def test_nearest_rounding_starts_on_a_plateau() -> None:
    line = blocks_over_phi(depth_jumps(0, 8, repeats="nearest"), [], None).data[0]
    assert line.y[0] == 16
    assert line.x[1] == pytest.approx(0.646, abs=1e-3)
