"""Why B1 is not φ = 1: the formula beside the published table, axis by axis."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import resources, widgets
from app.charts.reconcile import blocks_over_phi, implied_phi
from app.scale.network import Network, with_a_phi
from app.state import Choice
from app.text import count, minus
from app.views.scale.controls import set_phi
from app.views.scale.shown import Shown
from effnet_core.architecture.families import PUBLISHED, V1, find_family
from effnet_core.architecture.family import Family
from effnet_core.cost.reconcile import Reconciliation, reconcilable

BESIDE = Choice(key="beside", label="Variant", options=reconcilable(), default="b1")


def draw(shown: Shown) -> None:
    """Draw the explanation, the axes of one variant, what rounding did, plateaus and jumps."""
    family = find_family(shown.formula.family)
    named = [resources.reconciliation(variant) for variant in with_a_phi(family.word)]
    first, second = named[1:3]
    assert first.formula is not None
    one, two = (Network(variant=found.variant).title for found in (first, second))
    at_one = Network(phi=1.0, family=family.word).title
    formula = "formula" if family is V1 else f"formula of {family.title}"
    widgets.heading(f"Why {one} is not {at_one}", "computed", "published")
    st.markdown(
        f"The {formula} at φ = 1 gives a network with **{count(first.formula.params)}** "
        f"parameters. The published {one} has **{count(first.published.params)}**; it is {two} "
        f"that has {count(second.published.params)}. The reference implementations do not compute "
        "α^φ, β^φ and γ^φ: they read rounded values from a table, and depth, width and resolution "
        "each imply a φ of their own."
    )
    name = _choose_variant(family, first.variant)
    found = resources.reconciliation(name)
    _draw_axes(found)
    widgets.chart(implied_phi(named, name), _implied_alt(first), key="implied")
    _draw_rounding(found, family)
    _draw_jumps(shown.formula, shown.network, named)


def _choose_variant(family: Family, first: str) -> str:
    """The pills: the published variants of the family alone."""
    options = tuple(row.name for row in family.published)
    control = replace(BESIDE, options=options, default=first)
    held = st.session_state.get(BESIDE.key)
    if held is None:
        widgets.show_refusals([control])
    elif held not in options:
        st.session_state[BESIDE.key] = first
    return widgets.pills(control)


def _draw_axes(found: Reconciliation) -> None:
    phi = found.nominal_phi
    formula = "Formula" if phi is None else f"Formula at φ = {minus(phi)}"
    st.table(
        [
            {
                "Axis": axis.axis,
                "Published ratio": f"{axis.published_ratio:.3f}",
                formula: "–" if axis.formula_ratio is None else f"{axis.formula_ratio:.3f}",
                "φ it implies": minus(axis.implied_phi),
            }
            for axis in found.axes
        ]
    )
    title = Network(variant=found.variant).title
    if found.twin is not None and found.twin_phi is not None:
        st.markdown(
            f"By its multiply-adds {title} is nearest to **φ = {minus(found.twin_phi)}** of the "
            f"formula, which has {count(found.twin.mult_adds)} of them ({title}: "
            f"{count(found.published.mult_adds)}) and {count(found.twin.params)} parameters "
            f"({title}: {count(found.published.params)})."
        )
    st.caption(f"Published ratios: {PUBLISHED[found.variant].source}.")


def _draw_rounding(found: Reconciliation, family: Family) -> None:
    widgets.heading(f"What rounding did to {Network(variant=found.variant).title}", "computed")
    st.table(
        [
            {
                "Stage": str(stage.stage),
                "Channels": f"{stage.exact_channels:.1f} → {stage.channels}",
                "Effect on width": _effect(stage.channels / stage.exact_channels),
                "Blocks": f"{stage.exact_repeats:.2f} → {stage.repeats}",
                "Effect on depth": _effect(stage.repeats / stage.exact_repeats),
            }
            for stage in found.stages
        ]
    )
    fixed = " The repeats of the first and the last stage stay as they are." * family.fixed_ends
    st.caption(
        f"Channels become a multiple of 8 and repeats round up: small stages gain the most.{fixed}"
    )


def _effect(ratio: float) -> str:
    return "none" if ratio == 1 else f"{100 * (ratio - 1):+.1f} %".replace("-", "−")


def _draw_jumps(formula: Network, network: Network, named: list[Reconciliation]) -> None:
    widgets.heading("Plateaus and jumps of depth", "computed")
    jumps = resources.jumps(network.repeats, formula.family)
    first = jumps[0]
    sentence = (
        f"Blocks come whole, so depth stands still and then jumps. Just above φ = "
        f"{minus(first.phi)} the network goes from {first.blocks_below} to {first.blocks_above} "
        f"blocks and from {count(first.params_below)} to {count(first.params_above)} parameters."
    )
    st.markdown(sentence)
    st.button("Show φ = 0.01", on_click=set_phi, args=(0.01, formula.family))
    published = [
        (one.variant, one.nominal_phi, one.published.blocks)
        for one in named
        if one.nominal_phi is not None
    ]
    phi = None if network.variant else network.phi
    widgets.chart(blocks_over_phi(jumps, published, phi), sentence, key="jumps")
    st.caption(
        f"{len(jumps)} jumps between φ = 0 and φ = 8, with α = 1.2 as in the paper and repeats "
        f"rounded “{network.repeats}” (see More settings)."
    )


def _implied_alt(first: Reconciliation) -> str:
    implied = ", ".join(f"{axis.axis} {minus(axis.implied_phi)}" for axis in first.axes)
    title = Network(variant=first.variant).title
    return f"The φ that each published axis implies. For {title}: {implied}, where its name says 1."
