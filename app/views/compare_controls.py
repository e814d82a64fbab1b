"""The left column of Compare: which records, on which axis, and the network drawn as a line."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app import network as scale
from app import widgets
from app.charts.compare_view import Mark
from app.network import Network
from app.state import Choice, Several
from effnet_core.comparison import CostAxis, Timings, cost_axes, extra_data, find_axis
from effnet_core.cost import summarize
from effnet_core.published import TEST_SET_TITLES, families, recipes, results
from effnet_core.published_records import PublishedResult

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
    "measured. One FLOP here is one multiply-add.",
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
    default="any",
    labels={"any": "Any", "imagenet-1k": "ImageNet-1k alone"},
    help="Some recipes learn from much more than ImageNet-1k: their marks are diamonds.",
)
DRAW = Several(
    key="draw",
    label="Draw",
    options=("front", "sizes", "network"),
    default=("front", "sizes", "network"),
    labels={"front": "Pareto front", "sizes": "Lines between sizes", "network": "Chosen network"},
)
FIELDS = (TEST_SET, COST, SPACING, FAMILIES, RECIPES, DATA, DRAW, *scale.FIELDS)


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

    def records(self) -> tuple[PublishedResult, ...]:
        """The records that pass every filter."""
        return tuple(filter(self._passes, results(test_set=self.test_set)))

    def _passes(self, result: PublishedResult) -> bool:
        return (
            (not self.families or result.family in self.families)
            and (not self.recipes or f"{result.source}/{result.recipe}" in self.recipes)
            and not (self.imagenet_alone and extra_data(result))
        )


def draw() -> Asked:
    """Draw every control and return what they hold."""
    axis = find_axis(widgets.select(COST))
    logarithmic = widgets.segmented(SPACING, width="stretch") == "log"
    test_set = widgets.select(TEST_SET)
    families_ = widgets.several(FAMILIES)
    data = widgets.segmented(DATA, width="stretch")
    recipes_ = widgets.several(RECIPES)
    drawn = st.pills(
        DRAW.label,
        DRAW.options,
        selection_mode="multi",
        default=list(DRAW.default),
        format_func=DRAW.shown,
        key=DRAW.key,
        bind="query-params",
        persist_state="session",
    )
    with st.expander("The chosen network, as on Scale"):
        _draw_network()
    return Asked(
        test_set=test_set,
        axis=axis,
        logarithmic=logarithmic,
        families=families_,
        recipes=recipes_,
        imagenet_alone=data == "imagenet-1k",
        draw=tuple(drawn),
    )


def _draw_network() -> None:
    """The controls of Scale under the same keys: both pages hold one and the same network."""
    if widgets.segmented(scale.KIND, label_visibility="collapsed", width="stretch") == "published":
        widgets.select(scale.VARIANT)
        return
    widgets.slider(scale.PHI)
    with st.popover("Rule and rounding", width="stretch"):
        widgets.select(scale.STRATEGY)
        for control in (*scale.RULE, scale.BASE, scale.CLASSES):
            widgets.number(control)
        for choice in (scale.REPEATS, scale.PIXELS):
            widgets.segmented(choice)


def mark(network: Network, axis: CostAxis, timings: Timings) -> Mark | None:
    """The network's cost on `axis`; None where it was neither computed nor measured.

    Raises InvalidInput where the settings make no network.
    """
    spec = network.spec()
    totals = summarize(spec)
    known: dict[str, float] = {
        "params": totals.params,
        "flops": totals.mult_adds,
        "activations": totals.activations,
        "resolution": spec.resolution,
    }
    timing = timings.get((network.code, spec.resolution))
    if axis.kind == "here" and timing is not None:
        known[axis.key] = timing.median_ms
    return Mark(title=network.title, value=known[axis.key]) if axis.key in known else None
