"""The controls: which published results, on which axis, and what is drawn besides."""

from __future__ import annotations

from dataclasses import dataclass

from app import widgets
from app.state import Choice, Several
from app.views.compare import line
from effnet_core.results.axes import CostAxis, cost_axes, find_axis
from effnet_core.results.published import (
    TEST_SET_TITLES,
    PublishedResult,
    families,
    recipes,
    results,
)
from effnet_core.results.trade_off import extra_data

TEST_SET = Choice(
    key="test",
    label="Test set",
    options=tuple(TEST_SET_TITLES),
    default="imagenet",
    labels=dict(TEST_SET_TITLES),
    help="ReaL has corrected labels, V2 new photos; Sketch, A and R ask how accuracy holds on "
    "drawings, hard photos and renditions. Only timm publishes all six.",
)
COST = Choice(
    key="cost",
    label="Cost",
    options=tuple(cost_axes()),
    default="flops",
    labels={axis.key: axis.title for axis in cost_axes().values()},
    help="Counts are of the network; throughput and latency are of one machine that somebody "
    "measured, or of this one. One FLOP here is one multiply-add.",
)
SPACING = Choice(key="spacing", label="Cost axis", options=("log", "linear"), default="log")
FAMILIES = Several(
    key="families",
    label="Families",
    options=families(),
    default=("EfficientNet", "EfficientNetV2", "EfficientNet-Lite", "ConvNeXt", "ResNet"),
    placeholder="Every family",
    help="Empty: every family.",
)
RECIPES = Several(
    key="recipes",
    label="Training recipes",
    options=tuple(f"{source}/{key}" for source, key in recipes()),
    labels={f"{one.source}/{one.key}": f"{one.title} ({one.source})" for one in recipes().values()},
    placeholder="Every recipe",
    help="Empty: every recipe. In brackets: who published it.",
)
DATA = Choice(
    key="data",
    label="Training data",
    options=("any", "imagenet-1k"),
    default="imagenet-1k",
    labels={"any": "Any", "imagenet-1k": "ImageNet-1k alone"},
    help="Some recipes learn from much more than ImageNet-1k: their marks are diamonds, and they "
    "make most of the front.",
)
DRAW = Several(
    key="draw",
    label="Draw",
    options=("front", "sizes", "network"),
    default=("front", "sizes", "network"),
    labels={"front": "Pareto front", "sizes": "Lines between sizes", "network": "Line of cost"},
)
FIELDS = (TEST_SET, COST, SPACING, FAMILIES, RECIPES, DATA, DRAW)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the controls hold."""

    test_set: str
    axis: CostAxis
    logarithmic: bool
    families: tuple[str, ...]
    recipes: tuple[str, ...]
    imagenet_alone: bool
    draw: tuple[str, ...]

    def results(self) -> tuple[PublishedResult, ...]:
        """The published results that pass every filter."""
        return tuple(filter(self._passes, results(test_set=self.test_set)))

    def _passes(self, result: PublishedResult) -> bool:
        return (
            (not self.families or result.family in self.families)
            and (not self.recipes or f"{result.source}/{result.recipe}" in self.recipes)
            and not (self.imagenet_alone and extra_data(result))
        )


def draw_axis() -> tuple[CostAxis, bool]:
    """Draw the controls of the axis of cost; return it, and whether it is logarithmic."""
    return find_axis(widgets.select(COST)), widgets.segmented(SPACING, width="stretch") == "log"


def draw() -> Asked:
    """Draw every control and return what they hold."""
    axis, logarithmic = draw_axis()
    asked = Asked(  # in the order in which they are drawn
        axis=axis,
        logarithmic=logarithmic,
        test_set=widgets.select(TEST_SET),
        families=widgets.several(FAMILIES),
        imagenet_alone=widgets.segmented(DATA, width="stretch") == "imagenet-1k",
        recipes=widgets.several(RECIPES),
        draw=widgets.several_pills(DRAW),
    )
    line.choose()
    return asked
