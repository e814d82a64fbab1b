"""The headline: the network's name, its facts and its four numbers beside A's."""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.live import component as live
from app.live.marks import mark
from app.live.readouts import Readout
from app.live.steps import resting
from app.markup import facts
from app.scale import results
from app.scale.quantities import BY_KEY, Quantity
from app.text import counted, size
from app.views.scale.shown import Shown
from effnet_core.cost.memory import TITLES, runs
from effnet_core.results.published import paper_table

FIGURES = {
    "params": "Parameters",
    "flops": "FLOPs (multiply-adds)",
    "activations": "Activations",
    "peak": "Peak memory",
}
"""The four figures, by quantity; in the order of `app.live.readouts.NUMBERS`."""


def draw(shown: Shown, said: Readout) -> None:
    """Draw all of it; `app/live/readouts.js` writes into what is drawn here."""
    kinds: tuple[widgets.Source, ...] = ("computed",)
    if shown.network.variant:
        kinds = ("published", "computed")
    badges = " ".join(f":small[{widgets.source(kind)}]" for kind in kinds)
    st.markdown(f"## {said.title} {badges}")
    alone = not shown.compared
    same = not any(ratio.startswith("×") for ratio in said.ratios)
    st.html(facts(said.facts, " alone" * alone + " same" * same))
    peak = (
        f"The largest sum of live tensors in one forward pass over "
        f"{counted(shown.load.batch, 'image')} in {shown.load.dtype}, weights not "
        f"included; reached at {shown.report.totals.peak_at}. "
        f"A run on the CPU takes more, weights and the engine's copies included: {_taken(shown)} "
        "(predicted from measurements)."
    )
    explained = {"flops": UNIT, "activations": ACTIVATIONS, "peak": peak}
    with st.container(key="numbers"):
        for key, new, ratio in zip(FIGURES, said.values, said.ratios, strict=True):
            with st.container(border=True, key=f"figure-{key}", gap="xxsmall"):
                st.metric(
                    FIGURES[key],
                    new,
                    ratio,
                    delta_color="off",
                    delta_arrow="off",
                    delta_description="of B0" if alone else "of A",
                    help=explained.get(key),
                )
                _draw_curve(shown, key)
    claim = paper_claim(shown.network.variant)
    if claim:
        st.caption(f"{widgets.source('published')} {claim}")


def prepare(shown: Shown) -> None:
    """Compute the small curves that everybody sees first."""
    for key in FIGURES:
        _curve(shown, BY_KEY[key])
        results.live_marks(shown.formula, BY_KEY["phi"], BY_KEY[key], shown.load)


def _draw_curve(shown: Shown, key: str) -> None:
    """The figure over φ, with the mark that follows the hand."""
    y, x = BY_KEY[key], BY_KEY["phi"]
    rows = "[]"
    if shown.network.variant is None:
        rows = results.live_marks(shown.formula, x, y, shown.load)
    rest = resting(shown.network, shown.current and mark(shown.current, x, y))
    words = f"{y.label} over φ for four scaling strategies and the published variants."
    live.small_chart(f"curve-{key}", words, _curve(shown, y), rows, rest)


def _curve(shown: Shown, y: Quantity) -> str:
    current = None if shown.network.variant is None else shown.current
    return results.small_chart(shown.formula, shown.mark_of_a, current, y, shown.load)


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
