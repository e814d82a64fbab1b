"""The line of cost: which network it is, and where it stands on the axis."""

from __future__ import annotations

import streamlit as st

from app import widgets
from app.charts.compare.words import Mark, computed_costs
from app.markup import plain
from app.scale.network import Network, chosen
from app.state import put
from effnet_core.cost.report import summarize
from effnet_core.errors import InvalidInput
from effnet_core.latency import Calibration
from effnet_core.results.axes import BEYOND, CostAxis, PredictedTiming, Timings

LINE = "line"
"""The key (also in the URL) under which the code of the network drawn as a line is held."""

_FOLLOWED = "line_of_scale"


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
        return "" if network == Network() else network.existing().code
    except InvalidInput:
        return ""


def choose() -> None:
    """Draw the box for the network of the vertical line; empty, it is the one chosen on Scale."""
    st.text_input(
        "Network drawn as a line of cost",
        key=LINE,
        placeholder=f"as on Scale: {chosen().title}",
        help="A published variant such as b4 or v2-s, or a network of the formula, such as "
        "phi=2.5,strategy=depth. What is typed stays; empty, it follows Scale.",
        **widgets.KEPT,
    )


def network() -> Network | None:
    """The network of the vertical line: the one typed, otherwise the one chosen on Scale.

    Where one of them is no network, a sentence says so; None where neither is.
    """
    typed = st.session_state.get(LINE)
    if typed:
        try:
            return Network.parse(typed).existing()
        except InvalidInput as error:
            st.warning(plain(f"Network drawn as a line: {error} The one on Scale is used."))
    try:
        return chosen().existing()
    except InvalidInput as error:
        st.warning(plain(f"The network on Scale: {error} No line of cost is drawn."))
        return None


def mark(
    network: Network, axis: CostAxis, timings: Timings, held: Calibration | None
) -> Mark | None:
    """The network's cost on `axis`; None where it was neither computed, measured nor predicted.

    Raises InvalidInput where the settings make no network.
    """
    spec = network.spec()
    known = computed_costs(summarize(spec), spec.resolution)
    if axis.kind == "here":
        timing = timings.get((network.code, spec.resolution))
        if held is not None and (timing is None or isinstance(timing, PredictedTiming)):
            predicted = held.predict(spec)
            caveat = "predicted" + f", {BEYOND}" * predicted.extrapolated
            return Mark(title=network.title, value=predicted.ms, caveat=caveat)
        if timing is not None:
            known[axis.key] = timing.median_ms
    return Mark(title=network.title, value=known[axis.key]) if axis.key in known else None
