"""Verify and download: independent counters beside the figures, and the network as files."""

from __future__ import annotations

import re
from functools import partial

import streamlit as st

from app import resources, widgets
from app.scale import results
from app.scale.network import FAMILY, Network
from app.scale.quantities import QUANTITIES
from app.views.scale.shown import Shown
from effnet_core.cost.report import CostReport
from effnet_core.files import csv_text

SEED = 0
_COLUMNS = ("name", "stage", "block", "role", "kind", "channels", "height", "width")
_COUNTS = ("params", "mult_adds", "other_ops", "activations")


def draw(shown: Shown) -> None:
    """Draw both sections; what one cannot do leaves the other alone."""
    with widgets.told():
        _draw_verify(shown.network)
    with widgets.told():
        _draw_downloads(shown)


def _draw_verify(network: Network) -> None:
    widgets.heading("Do other counters agree?", "computed", "measured")
    st.markdown(
        "Builds the network here and lets **fvcore** and **torch's own counter** trace it, beside "
        "the figures that this page computes from the architecture alone."
    )
    if st.button("Verify with fvcore and torch", type="primary"):
        st.session_state["verified"] = network
    if st.session_state.get("verified") != network:
        return
    with st.spinner("Building the network and counting; up to half a minute …"):
        found = resources.verification(network)
    if found.agrees:
        st.success(f"All {len(found.rows)} figures agree exactly, at {found.resolution} pixels.")
    else:
        st.warning("Some figures differ; the last column says by how much.")
    st.dataframe(
        [
            {
                "Counted by": row.counter,
                "Quantity": row.quantity,
                "Operator": row.operator,
                "Computed": row.computed,
                "Counted": row.counted,
                "Difference": row.difference,
            }
            for row in found.rows
        ],
        hide_index=True,
        column_config={
            "Operator": st.column_config.TextColumn(width="medium"),
            **{
                name: st.column_config.NumberColumn(format="localized")
                for name in ("Computed", "Counted")
            },
        },
        alt="Computed figures beside those of fvcore and torch, operator by operator.",
    )
    uncounted = ", ".join(f"{name} ({times}×)" for name, times in found.not_counted)
    st.caption(f"Not counted by fvcore, nor here: {uncounted}.")


def _draw_downloads(shown: Shown) -> None:
    widgets.heading("Take it with you")
    name, network = file_stem(shown.network), shown.network
    curves = results.curves(shown.formula, shown.load)
    family = "" if shown.formula.family == FAMILY.default else f"{shown.formula.family}-"
    every = f"efficientnet-{family}curves.csv"
    files = (  # each is written when its button is pressed
        ("Layers, CSV", partial(layers_csv, shown.report), f"{name}.csv"),
        ("Architecture, JSON", shown.report.spec.to_json, f"{name}.json"),
        ("Curves over φ, CSV", partial(curves_csv, curves), every),
    )
    with st.container(horizontal=True):
        for label, write, file in files:
            widgets.download(label, write, file)
    st.caption(
        "The two below need PyTorch and are made when you ask. They carry this architecture with "
        f"random weights (seed {SEED}) or none; for trained weights use "
        "`effnet export --weights …`."
    )
    with st.container(horizontal=True):
        if st.button("Make runnable Python"):
            with st.spinner("Writing the Python file …"):
                _keep(network, "py", resources.python_file(network))
        if st.button("Make ONNX"):
            with st.spinner("Building and exporting the network; up to a minute …"):
                _keep(network, "onnx", resources.service().untrained_onnx(network.spec(), SEED))
    with st.container(horizontal=True):
        for ending, data in _made(network).items():
            file = f"{name}.{ending}"
            widgets.download(f"Download {file}", data, file, type="primary")


def _made(network: Network) -> dict[str, str | bytes]:
    """The files made for `network` in this session, by their ending."""
    made_for, files = st.session_state.get("made", (None, {}))
    return files if made_for == network else {}


def _keep(network: Network, ending: str, data: str | bytes) -> None:
    """Hold a file for its download; those of another network go, since they can be large."""
    st.session_state["made"] = (network, _made(network) | {ending: data})


def file_stem(network: Network) -> str:
    """A file name without its ending: "efficientnet-b4", "efficientnet-phi-2.5"."""
    plain = re.sub(r"[^a-z0-9.+-]+", "-", network.code.lower())
    return f"efficientnet-{plain}".strip("-")


def layers_csv(report: CostReport) -> str:
    """Every layer as a row of CSV: its place, output shape and counts for one image."""
    rows: list[tuple[object, ...]] = [(*_COLUMNS, *_COUNTS)]
    for layer in report.layers:
        place = (layer.name, layer.stage, layer.block, layer.role, layer.kind, *layer.out_shape)
        rows.append((*place, *(getattr(layer, count) for count in _COUNTS)))
    return csv_text(rows)


def curves_csv(curves: results.Curves) -> str:
    """What every strategy costs at every φ, as CSV; bytes are for the chosen batch and format."""
    header = ("strategy", *(quantity.key for quantity in QUANTITIES))
    rows = (
        (strategy, *(quantity.of(point) for quantity in QUANTITIES))
        for strategy, curve in curves.items()
        for point in curve
    )
    return csv_text((header, *rows))
