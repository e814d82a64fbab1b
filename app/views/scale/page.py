"""Scale: what does φ do to the network, and what does it cost?"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import warm, widgets
from app.frame import page
from app.live import component as live
from app.live.readouts import Readout, Refusal, of_report, rest, way_out
from app.markup import plain
from app.scale import results
from app.scale.network import BATCH, DTYPE, FIELDS, Network, chosen
from app.scale.pricing import nearest_phi
from app.state import Choice
from app.views.scale import (
    against,
    architecture,
    budget,
    budget_limits,
    controls,
    files,
    growth,
    headline,
    reconcile,
)
from app.views.scale.shown import Chosen, Shown
from effnet_core.errors import InvalidInput

CURVES: dict[str, Callable[[Chosen], None]] = {
    "Growth": growth.draw,
    "Why B1 is not φ = 1": reconcile.draw,
    "What fits my budget?": budget.draw,
}
"""The parts that say something even where the settings make no network."""

DETAILS: dict[str, Callable[[Shown], None]] = {
    "Architecture": architecture.draw,
    "Against A": against.draw,
    "Verify and download": files.draw,
}
TABS = (
    "Growth",
    "Architecture",
    "Against A",
    "Why B1 is not φ = 1",
    "What fits my budget?",
    "Verify and download",
)
SHOW = Choice(key="show", label="The part shown", options=TABS, default="Growth")


@page(
    "Scale",
    "Move φ and watch every stage of EfficientNet grow: in depth, width and resolution, "
    "and in what it costs.",
)
def render() -> None:
    """Draw the page: controls on the left, the network they make on the right."""
    parts = (growth, architecture, reconcile, budget_limits)
    widgets.show_refusals((*FIELDS, SHOW, *(field for part in parts for field in part.FIELDS)))
    with st.container(key="scale"):
        left, right = st.columns([4, 9], gap="large")
    with left, st.container(key="controls"):
        controls.draw()
    with right:
        with st.container(key="headline"):
            held = Chosen.of(chosen(), controls.pinned_or_b0())
            shown = _draw_headline(held)
        with st.container(key="parts"):
            _draw_parts(held, shown)


def prepare() -> None:
    """Compute what the page shows to those who open it first; it can run outside a session."""
    network, pinned = Network(), Network(variant="b0")
    batch, dtype = int(BATCH.default), DTYPE.default
    shown = Shown(
        network=network,
        pinned=pinned,
        pinned_report=results.report(pinned, batch, dtype),
        report=results.report(network, batch, dtype),
        batch=batch,
        dtype=dtype,
    )
    results.live_readouts(shown.at_zero, shown.other.totals, batch, dtype)
    growth.prepare(shown)


def _draw_headline(held: Chosen) -> Shown | None:
    """The network's name and numbers; where there is none, the nearest φ that has one."""
    try:
        shown = Shown.of_chosen(held)
    except InvalidInput as error:
        none = f"{error} {way_out(nearest_phi(held.network))}"
        with st.container(key="none"):
            st.error(plain(none))
        _follow_phi(held, Refusal(title=held.network.title, none=none))
        return None
    said = of_report(shown.network.title, shown.report, shown.other.totals)
    headline.draw(shown, said)
    _follow_phi(held, said)
    return shown


def _follow_phi(held: Chosen, said: Readout | Refusal) -> None:
    """Let the headline follow the slider; `said` is what it says at rest."""
    rows = "[]"
    if held.network.variant is None:
        rows = results.live_readouts(held.at_zero, held.other.totals, held.batch, held.dtype)
    live.readouts(rows, rest(held.network, said))


def _draw_parts(held: Chosen, shown: Shown | None) -> None:
    """The tabs; only the open one is drawn."""
    tabs = st.tabs(list(TABS), key=SHOW.key, on_change="rerun", bind="query-params")
    for tab, name in zip(tabs, TABS, strict=True):
        if not tab.open:
            continue
        if name != SHOW.default:
            warm.wait()
        with tab, widgets.told():
            if name in CURVES:
                CURVES[name](held if shown is None else shown)
            elif shown is not None:
                DETAILS[name](shown)
            else:
                st.info("There is no network to show here; the sentence above says why.")
