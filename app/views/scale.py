"""Scale: what does φ do to the network, and what does it cost?"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import resources, warm, widgets
from app.frame import page
from app.live import component as live
from app.live.readouts import Readout, Refusal, of_report, rest, way_out
from app.markup import plain
from app.network import BATCH, DTYPE, FIELDS, Network, chosen
from app.pricing import nearest_phi
from app.state import Choice
from app.views import (
    scale_against,
    scale_architecture,
    scale_budget,
    scale_controls,
    scale_files,
    scale_growth,
    scale_reconcile,
)
from app.views.scale_network import Chosen, Shown
from effnet_core.errors import InvalidInput
from effnet_core.published import paper_table

CURVES: dict[str, Callable[[Chosen], None]] = {
    "Growth": scale_growth.draw,
    "Why B1 is not φ = 1": scale_reconcile.draw,
    "What fits my budget?": scale_budget.draw,
}
"""The parts that say something even where the settings make no network."""

DETAILS: dict[str, Callable[[Shown], None]] = {
    "Architecture": scale_architecture.draw,
    "Against A": scale_against.draw,
    "Verify and download": scale_files.draw,
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
    parts = (scale_growth, scale_architecture, scale_reconcile, scale_budget)
    widgets.show_refusals((*FIELDS, SHOW, *(field for part in parts for field in part.FIELDS)))
    with st.container(key="scale"):
        left, right = st.columns([4, 9], gap="large")
    with left, st.container(key="controls"):
        scale_controls.draw()
    with right:
        with st.container(key="headline"):
            held = Chosen.of(chosen(), scale_controls.pinned_or_b0())
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
        pinned_report=resources.report(pinned, batch, dtype),
        report=resources.report(network, batch, dtype),
        batch=batch,
        dtype=dtype,
    )
    resources.live_readouts(shown.at_zero, shown.other.totals, batch, dtype)
    scale_growth.prepare(shown)


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
    _draw_title(shown, said)
    _draw_numbers(shown, said)
    _follow_phi(held, said)
    return shown


def _follow_phi(held: Chosen, said: Readout | Refusal) -> None:
    """Let the headline follow the slider; `said` is what it says at rest."""
    rows = "[]"
    if held.network.variant is None:
        rows = resources.live_readouts(held.at_zero, held.other.totals, held.batch, held.dtype)
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


def _draw_title(shown: Shown, said: Readout) -> None:
    """What the network is: its name, its ratios and its sizes."""
    kinds: tuple[widgets.Source, ...] = ("computed",)
    if shown.network.variant:
        kinds = ("published", "computed")
    badges = " ".join(f":small[{widgets.source(kind)}]" for kind in kinds)
    st.markdown(f"## {said.title} {badges}")
    items = "".join(f'<span role="listitem">{fact}</span>' for fact in said.facts)
    st.html(f'<div class="facts" role="list">{items}</div>')


def _draw_numbers(shown: Shown, said: Readout) -> None:
    """The headline: the network's cost beside A's, and what the paper says of it."""
    peak = (
        f"The largest sum of live tensors in one forward pass over {shown.batch} image(s) in "
        f"{shown.dtype}, weights not included; reached at {shown.report.totals.peak_at}."
    )
    rows = (
        ("Parameters", None),
        ("FLOPs (multiply-adds)", None),
        ("Activations", ACTIVATIONS),
        ("Peak memory", peak),
    )
    with st.container(key="numbers"):
        for (label, explanation), new, ratio in zip(rows, said.values, said.ratios, strict=True):
            st.metric(
                label,
                new,
                ratio,
                delta_color="off",
                delta_arrow="off",
                delta_description=f"A ({shown.pinned.title})",
                help=explanation,
                border=True,
                height="stretch",
            )
    st.caption(UNIT)
    claim = paper_claim(shown.network.variant)
    if claim:
        st.caption(f"{widgets.source('published')} {claim}")


def paper_claim(variant: str | None) -> str | None:
    """What table 2 of the paper says of a variant; None for those that it does not list."""
    model = f"EfficientNet-{(variant or '').upper()}"
    row = next((row for row in paper_table(2) if row.model == model), None)
    if row is None:
        return None
    return (
        f"The paper's table 2 says {row.params_m:g} M parameters, {row.mult_adds_b:g} B FLOPs and "
        f"{row.top1:g} % top-1 on ImageNet for {model}."
    )


ACTIVATIONS = "Outputs of convolutions and the linear layer for one image: what training must keep."
UNIT = (
    "One FLOP here is one multiply-add: a multiplication and the addition that follows count "
    "once, as in the paper. Convolutions and the classifier are counted; batch-norm and "
    "pooling are listed apart, under Against A. Every count is for one image."
)
