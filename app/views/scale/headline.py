"""The headline: the network's name, its facts and its four numbers beside A's."""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.live.readouts import Readout
from app.markup import facts
from app.text import size
from app.views.scale.shown import Shown
from effnet_core.cost.memory import TITLES, runs
from effnet_core.results.published import paper_table


def draw(shown: Shown, said: Readout) -> None:
    """Draw all of it; `app/live/readouts.js` writes into what is drawn here."""
    kinds: tuple[widgets.Source, ...] = ("computed",)
    if shown.network.variant:
        kinds = ("published", "computed")
    badges = " ".join(f":small[{widgets.source(kind)}]" for kind in kinds)
    st.markdown(f"## {said.title} {badges}")
    st.html(facts(said.facts))
    peak = (
        f"The largest sum of live tensors in one forward pass over {shown.load.batch} image(s) in "
        f"{shown.load.dtype}, weights not included; reached at {shown.report.totals.peak_at}. "
        f"A run on the CPU takes more, weights and the engine's copies included: {_taken(shown)} "
        "(predicted from measurements)."
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


def _taken(shown: Shown) -> str:
    """What a run takes by each engine, in words."""
    each = runs(shown.report).items()
    return ", ".join(f"{size(needed)} with {TITLES[engine]}" for engine, needed in each)


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
