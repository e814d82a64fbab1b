"""The surface of α·β²·γ² = constant: whatever is proposed lies on it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from effnet_core.architecture.scaling import PAPER_RULE
from effnet_core.errors import InvalidInput
from effnet_core.search.surface import Shares, Surface, lattice, place_of, shares_at

UNIT = some.floats(0, 1)


@given(UNIT, UNIT, some.floats(1.01, 3))
def test_every_place_is_on_the_surface_and_no_axis_shrinks(u: float, v: float, c: float) -> None:
    shares = shares_at((u, v))
    assert math.isclose(shares.depth + shares.width + shares.resolution, 1, abs_tol=1e-12)
    rule = Surface(c).rule(shares)
    assert math.isclose(rule.alpha * rule.beta**2 * rule.gamma**2, c, rel_tol=1e-12)
    assert min(rule.alpha, rule.beta, rule.gamma) >= 1 - 1e-12


@given(some.floats(0.01, 1), UNIT)
def test_a_place_is_found_again_from_its_rule(u: float, v: float) -> None:
    surface = Surface(2.0)
    shares = surface.shares(surface.rule(shares_at((u, v))))
    assert place_of(shares) == pytest.approx((u, v), abs=1e-9)


def test_the_papers_rule_gives_each_axis_about_a_third() -> None:
    """ln 1.2, 2 ln 1.1 and 2 ln 1.15 over their sum, ln 1.9203."""
    shares = Surface(PAPER_RULE.cost_factor).shares(PAPER_RULE)
    assert (shares.depth, shares.width, shares.resolution) == pytest.approx(
        (0.182322 / 0.652467, 0.190620 / 0.652467, 0.279524 / 0.652467), abs=1e-5
    )


def test_equal_areas_of_the_square_are_equal_areas_of_the_triangle() -> None:
    """A quarter of the triangle lies where depth has at least half, and so of even places."""
    side = [(number + 0.5) / 100 for number in range(100)]
    deep = [shares_at((u, v)).depth >= 0.5 for u in side for v in side]
    assert sum(deep) / len(deep) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("asked", "given_"), [(3, 3), (5, 3), (6, 6), (50, 45), (55, 55)])
def test_a_grid_is_the_finest_with_so_many_places(asked: int, given_: int) -> None:
    places = lattice(asked)
    assert len(places) == len(set(places)) == given_
    corners = {(1, 0, 0), (0, 1, 0), (0, 0, 1)}
    found = {
        tuple(round(part, 9) for part in (one.depth, one.width, one.resolution))
        for one in map(shares_at, places)
    }
    assert corners <= found


def test_what_is_no_surface_is_a_sentence() -> None:
    with pytest.raises(InvalidInput, match="must lie above 1"):
        Surface(1.0)
    with pytest.raises(InvalidInput, match="three corners"):
        lattice(2)
    assert Surface(2).rule(Shares(1, 0, 0)).alpha == 2
