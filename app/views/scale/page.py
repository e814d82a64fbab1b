"""Scale: what does φ do to the network, and what does it cost?"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import widgets
from app.frame import page
from app.live import component as live
from app.live.readouts import Readout, Refusal, readout, refusal
from app.live.steps import resting
from app.markup import plain
from app.scale import results
from app.scale.network import FIELDS, Load, Network, chosen, load
from app.scale.pricing import nearest_phi
from app.server import warm
from app.state import Choice
from app.views.scale import (
    against,
    architecture,
    budget,
    budget_limits,
    controls,
    equal,
    files,
    growth,
    headline,
    reconcile,
)
from app.views.scale.shown import Shown

PARTS: dict[str, Callable[[Shown], None]] = {
    "Growth": growth.draw,
    "Same cost, four ways": equal.draw,
    "Architecture": architecture.draw,
    "Against A": against.draw,
    "Why B1 is not φ = 1": reconcile.draw,
    "What fits my budget?": budget.draw,
    "Verify and download": files.draw,
}
NEED_A_NETWORK = ("Architecture", "Against A", "Verify and download")
"""The parts that say nothing where the settings make no network."""

SHOW = Choice(key="show", label="The part shown", options=tuple(PARTS), default="Growth")


@page(
    "Scale",
    "Move φ and watch every stage of EfficientNet grow: in depth, width and resolution, "
    "and in what it costs.",
)
def render() -> None:
    """Draw the page: controls on the left, the network they make on the right."""
    parts = (growth, equal, architecture, budget_limits)
    widgets.show_refusals((*FIELDS, SHOW, *(field for part in parts for field in part.FIELDS)))
    with st.container(key="scale"):
        left, right = st.columns([4, 9], gap="large")
    with left, st.container(key="controls"):
        controls.draw()
    shown = Shown(chosen(), controls.pinned_or_b0(), load(), controls.compared())
    with right:
        with st.container(key="headline"):
            exists = _draw_headline(shown)
        with st.container(key="parts"):
            _draw_parts(shown, exists)


def prepare() -> None:
    """Compute what the page shows to those who open it first; it can run outside a session."""
    shown = Shown(Network(), Network(variant="b0"), Load())
    results.live_readouts(shown.formula, shown.other, shown.load)
    headline.prepare(shown)
    growth.prepare(shown)


def _draw_headline(shown: Shown) -> bool:
    """The network's name and numbers; where there is none, the nearest φ that has one."""
    current = shown.current
    if current is None:
        none = refusal(shown.network, nearest_phi(shown.network))
        with st.container(key="none"):
            st.error(plain(none.none))
        _follow_phi(shown, none)
        return False
    spec = shown.report.spec
    said = readout(
        current,
        shown.other,
        shown.load.dtype,
        depth=spec.depth,
        width=spec.width,
        dropout=spec.dropout,
        rule=shown.network.ours,
    )
    headline.draw(shown, said)
    _follow_phi(shown, said)
    return True


def _follow_phi(shown: Shown, said: Readout | Refusal) -> None:
    """Let the headline follow the slider; `said` is what it says at rest."""
    rows = "[]"
    if shown.network.variant is None:
        rows = results.live_readouts(shown.formula, shown.other, shown.load)
    live.readouts(rows, resting(shown.network, said))


def _draw_parts(shown: Shown, exists: bool) -> None:
    """The tabs; only the open one is drawn."""
    tabs = st.tabs(list(PARTS), key=SHOW.key, on_change="rerun", bind="query-params")
    for tab, (name, draw) in zip(tabs, PARTS.items(), strict=True):
        if not tab.open:
            continue
        if name != SHOW.default:
            warm.wait()
        with tab, widgets.told():
            if exists or name not in NEED_A_NETWORK:
                draw(shown)
            else:
                st.info("There is no network to show here; the sentence above says why.")
