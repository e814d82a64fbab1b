"""Four networks of one cost: their costs are counted again, layer by layer."""

from __future__ import annotations

import pytest

from effnet_core.architecture.families import LITE, V1, V2_BASE
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.scaling import STRATEGIES, ScalingRule
from effnet_core.cost.budget import Setting
from effnet_core.cost.equal import NEAR, equal_cost
from effnet_core.cost.report import summarize
from effnet_core.errors import InvalidInput

B0 = summarize(variant("b0")).mult_adds


@pytest.mark.parametrize("times", [0.5, 1, 2, 3, 4, 8, 12, 16])
def test_four_networks_cost_the_same_within_a_hundredth(times: float) -> None:
    found = equal_cost(times)
    assert found.base == B0
    costs = []
    for way, strategy in zip(found.ways, STRATEGIES, strict=True):
        assert way.setting.strategy == strategy
        spec = scaled(
            way.phi,
            strategy=strategy,
            repeats=way.setting.repeats,
            exact_pixels=way.setting.exact_pixels,
        )
        costs.append(summarize(spec).mult_adds)
        assert way.mult_adds == costs[-1]
    assert max(costs) / found.common <= 1.01 and min(costs) / found.common >= 0.99
    assert abs(found.common / (times * B0) - 1) <= NEAR
    assert found.equal


def test_depth_alone_is_the_networks_own_four_times_at_table_7s_cost() -> None:
    """Table 7's networks are d = 4, w = 2 and r = 2, each nominally four times B0's cost."""
    _, depth, width, resolution = (
        way.setting.rule.ratios(way.phi, way.setting.strategy) for way in equal_cost(4).ways
    )
    assert depth[0] == pytest.approx(4, rel=0.1) and depth[1:] == (1, 1)
    assert width[1] == pytest.approx(2, rel=0.1) and width[::2] == (1, 1)
    assert resolution[2] == pytest.approx(2, rel=0.02) and resolution[:2] == (1, 1)


@pytest.mark.parametrize("family", [V1, LITE, V2_BASE], ids=lambda family: family.word)
def test_once_the_baselines_cost_is_the_baseline(family: Family) -> None:
    found = equal_cost(1, Setting(family=family))
    assert {way.mult_adds for way in found.ways} == {found.base}
    assert [way.phi for way in found.ways] == [0.0] * 4


def test_the_rounding_asked_for_stays_where_it_is_enough() -> None:
    assert {(way.setting.repeats, way.setting.exact_pixels) for way in equal_cost(4).ways} == {
        ("ceil", False)
    }
    helped = equal_cost(0.5)
    assert any(way.setting.exact_pixels for way in helped.ways)


def test_what_rounding_cannot_reach_says_so() -> None:
    """EfficientNetV2-B's blocks come whole: a depth alone of half its cost lies too far off."""
    found = equal_cost(0.5, Setting(family=V2_BASE))
    assert not found.equal and found.apart < 0.05


@pytest.mark.parametrize(
    ("times", "rule", "said"),
    [
        (0.4, ScalingRule(), "between 0.5 and 16"),
        (17.0, ScalingRule(), "between 0.5 and 16"),
        (float("nan"), ScalingRule(), "between 0.5 and 16"),
        (4.0, ScalingRule(1, 1, 1), "above 1"),
        (16.0, ScalingRule(1.1, 1.0, 1.0), "no common cost"),
    ],
)
def test_what_cannot_be_asked(times: float, rule: ScalingRule, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        equal_cost(times, Setting(rule=rule))
