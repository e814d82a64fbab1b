"""The left column of Scale: which network, by which rule, priced how, and against which other."""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.markup import plain
from app.scale import network as fields
from app.scale.network import Network, chosen
from app.scale.results import step_as_built
from app.state import is_set, value
from effnet_core.architecture.scaling import FAST_COMPOUND_RULE, PAPER_RULE, ScalingRule
from effnet_core.errors import InvalidInput

PINNED = "a"
"""The key (also in the URL) under which the code of network A is held."""
_SETTINGS = (
    fields.REPEATS,
    fields.BASE,
    fields.PIXELS,
    fields.CLASSES,
    fields.BATCH,
    fields.DTYPE,
)


def draw() -> None:
    """Draw every control of the page."""
    kind = widgets.segmented(fields.KIND, label_visibility="collapsed", width="stretch")
    if kind == "published":
        widgets.pills(fields.VARIANT, label_visibility="collapsed")
        st.caption("Coefficients as the reference implementations use them; not the formula.")
    else:
        widgets.segmented(fields.FAMILY, width="stretch")
        widgets.slider(fields.PHI)
        widgets.segmented(fields.STRATEGY, width="stretch")
    with widgets.sheet("Rule, settings"):
        if kind != "published":
            _draw_rule()
        _draw_settings(kind)
        _draw_pin()


def _draw_rule() -> None:
    with st.expander("Scaling rule: α, β, γ", expanded=not widgets.on_phone()):
        for field in fields.RULE:
            widgets.slider(field)
        _draw_constraint()
        with st.container(horizontal=True, gap="xsmall"):
            st.button("Reset to the paper", on_click=_set_rule, args=(PAPER_RULE,))
            st.button(
                "Fast compound",
                on_click=_set_rule,
                args=(FAST_COMPOUND_RULE,),
                help="pycls' rule, (α, β, γ) = (2^0.1, 2^0.4, 2^0.05): most of the cost goes to "
                "width, which runs faster (arXiv 2103.06877).",
            )
        with st.popover("Where do α, β, γ come from?", width="stretch"):
            st.markdown(_ORIGIN)


def _draw_constraint() -> None:
    rule = ScalingRule(*(float(value(field)) for field in fields.RULE))
    st.markdown(f"α·β²·γ² = **{rule.cost_factor:.3f}** :small[{widgets.source('computed')}]")
    if rule.warning:
        st.warning(rule.warning)
    built = step_as_built(chosen().at_zero)
    as_built = "" if built is None else f", as built from φ 0 to 1: ×{built:.2f}"
    st.caption(f"A step of φ multiplies the FLOPs on paper ×{rule.cost_factor:.2f}{as_built}.")


def _draw_settings(kind: str) -> None:
    """The settings that few move: made once they are looked at, or say anything."""
    with st.expander("More settings", key="more", on_change="rerun") as box:
        if not box.open and not any(is_set(field) for field in _SETTINGS):
            return
        if kind == "formula":
            _draw_exact_phi(float(value(fields.PHI)))
            widgets.segmented(fields.REPEATS, width="stretch")
            widgets.number(fields.BASE)
            widgets.segmented(fields.PIXELS, width="stretch")
        widgets.number(fields.CLASSES)
        widgets.number(fields.BATCH)
        widgets.select(fields.DTYPE)


def _draw_exact_phi(phi: float) -> None:
    """A box for φ; each φ has a box of its own, which starts at it.

    A run that the next one cuts short lets Streamlit call `on_change` though nobody typed; a box
    shared by every φ would then put φ back to an earlier value while the slider is moving.
    """
    key = f"exact {phi}"
    st.number_input(
        "Exact φ",
        fields.PHI.low,
        fields.PHI.high,
        phi,
        step=0.01,
        key=key,
        on_change=_take_exact_phi,
        args=(key, phi),
        help="For a φ between the slider's steps, such as 0.01.",
    )


def _draw_pin() -> None:
    with st.container(border=True):
        name, buttons = st.container(), st.container(horizontal=True, gap="xsmall")
        with st.expander("Name A"):
            st.text_input(
                "Name or settings of A",
                key=PINNED,
                placeholder="b0",
                help="A published variant such as b4 or v2-s, or a network of the formula, "
                "such as phi=2.5,strategy=depth or phi=1,family=lite. Empty: none.",
                **widgets.KEPT,
            )
        named = plain(pinned().full_title) if compared() else "nothing is pinned"
        name.markdown(f"Compared with A: **{named}**")
        with buttons:
            st.button("Pin this network as A", on_click=_pin)
            st.button("Unpin", on_click=_unpin, disabled=not compared())


def pinned_or_b0() -> Network:
    """Network A, B0 until one is pinned; where what was typed is none, a sentence says so."""
    try:
        return pinned()
    except InvalidInput as error:
        st.warning(plain(f"Network A: {error} B0 is used instead."))
        return Network(variant="b0")


def pinned() -> Network:
    """Network A, B0 until one is pinned; raises InvalidInput where what was typed is none."""
    return Network.parse(st.session_state.get(PINNED) or "b0").existing()


def compared() -> bool:
    """Whether somebody chose a network A that there is."""
    try:
        return bool(st.session_state.get(PINNED) and pinned())
    except InvalidInput:
        return False


def _set_rule(rule: ScalingRule) -> None:
    for field, factor in zip(fields.RULE, (rule.alpha, rule.beta, rule.gamma), strict=True):
        st.session_state[field.key] = factor


def _take_exact_phi(key: str, start: float) -> None:
    typed = st.session_state[key]
    if typed not in (None, start):
        st.session_state[fields.PHI.key] = typed


def _pin() -> None:
    st.session_state[PINNED] = chosen().code


def _unpin() -> None:
    st.session_state[PINNED] = ""


def set_phi(phi: float, family: str) -> None:
    """Show the formula's network of `family` at `phi` (for a button's `on_click`)."""
    st.session_state[fields.KIND.key] = "formula"
    st.session_state[fields.FAMILY.key] = family
    st.session_state[fields.PHI.key] = phi


_ORIGIN = """
**By a small grid search.** The paper (section 3.3) fixes φ = 1, that is, twice B0's resources, and
tries a small grid of α, β, γ ≥ 1 under α·β²·γ² ≈ 2. The best was α = 1.2, β = 1.1, γ = 1.15
(product 1.92). These were then held fixed, and only φ was raised to get B1 to B7.

It is often retold as a random search, or as a search for each size: neither is what the paper says.

Cost grows with depth, but with the *square* of width and of resolution; hence β² and γ².
"""
