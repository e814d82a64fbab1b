"""The left column of Compare: which records, on which axis, and the network drawn as a line."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app import widgets
from app.charts.compare_view import Mark
from app.markup import plain
from app.network import Network, chosen
from app.state import Choice, Several, put
from effnet_core.calibration import Calibration
from effnet_core.comparison import cost_axes, extra_data, find_axis
from effnet_core.comparison_records import BEYOND, CostAxis, PredictedTiming, Timings
from effnet_core.cost import summarize
from effnet_core.errors import InvalidInput
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
    default="any",
    labels={"any": "Any", "imagenet-1k": "ImageNet-1k alone"},
    help="Some recipes learn from much more than ImageNet-1k: their marks are diamonds.",
)
DRAW = Several(
    key="draw",
    label="Draw",
    options=("front", "sizes", "network"),
    default=("front", "sizes", "network"),
    labels={"front": "Pareto front", "sizes": "Lines between sizes", "network": "Line of cost"},
)
LINE = "line"
"""The key (also in the URL) under which the code of the network drawn as a line is held."""

_FOLLOWED = "line_of_scale"

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

    def records(self) -> tuple[PublishedResult, ...]:
        """The records that pass every filter."""
        return tuple(filter(self._passes, results(test_set=self.test_set)))

    def _passes(self, result: PublishedResult) -> bool:
        return (
            (not self.families or result.family in self.families)
            and (not self.recipes or f"{result.source}/{result.recipe}" in self.recipes)
            and not (self.imagenet_alone and extra_data(result))
        )


def follow_scale() -> None:
    """Write the network of Scale into the address, unless another was typed or came with it."""
    held, written = st.session_state.get(LINE) or "", st.session_state.get(_FOLLOWED, "")
    if held not in ("", written) or (not held and st.query_params.get(LINE)):
        return
    code = _code_of_scale()
    if code != held:
        put(LINE, code)
        st.session_state[_FOLLOWED] = code


def _code_of_scale() -> str:
    """What the address says of the network of Scale: nothing of B0, nor of one that cannot be."""
    network = chosen()
    try:
        return "" if network == Network() else _existing(network).code
    except InvalidInput:
        return ""


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
    """Which network is the vertical line: the one chosen on Scale, or one that the URL carries."""
    st.text_input(
        "Network drawn as a line of cost",
        key=LINE,
        placeholder=f"as on Scale: {chosen().title}",
        help="A published variant such as b4 or v2-s, or a network of the formula, such as "
        "phi=2.5,strategy=depth. What is typed stays; empty, it follows Scale.",
        bind="query-params",
        persist_state="session",
    )


def line() -> Network | None:
    """The network of the vertical line: the one typed, otherwise the one chosen on Scale.

    Where one of them is no network, a sentence says so; None where neither is.
    """
    typed = st.session_state.get(LINE)
    if typed:
        try:
            return _existing(Network.parse(typed))
        except InvalidInput as error:
            st.warning(plain(f"Network drawn as a line: {error} The one on Scale is used."))
    try:
        return _existing(chosen())
    except InvalidInput as error:
        st.warning(plain(f"The network on Scale: {error} No line of cost is drawn."))
        return None


def _existing(network: Network) -> Network:
    """The same network; raises InvalidInput where its settings make none."""
    network.spec()
    return network


def mark(
    network: Network, axis: CostAxis, timings: Timings, held: Calibration | None
) -> Mark | None:
    """The network's cost on `axis`; None where it was neither computed, measured nor predicted.

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
    timing, caveat = timings.get((network.code, spec.resolution)), ""
    if axis.kind == "here" and held is not None:
        predicted = held.predict(spec)
        known[axis.key] = predicted.ms
        caveat = "predicted" + f", {BEYOND}" * predicted.extrapolated
    if axis.kind == "here" and timing is not None and not isinstance(timing, PredictedTiming):
        known[axis.key], caveat = timing.median_ms, ""
    if axis.key not in known:
        return None
    return Mark(title=network.title, value=known[axis.key], caveat=caveat)
