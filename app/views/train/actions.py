"""What can be done with a run: stop it, go on, use its network, take it home, remove it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app import resources, widgets
from app.markup import plain
from app.models import ASKED
from app.pages import page
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.files import csv_text

if TYPE_CHECKING:
    from effnet_core.training.runs.run import Run

_REFUSED = "train-action-refused"


def draw(run: Run) -> None:
    """Draw the buttons that this run has, and why the last one pressed did nothing."""
    jobs = resources.training_jobs()
    with st.container(horizontal=True, vertical_alignment="center", key="train-actions"):
        if run.live:
            label = "Cancel at once" if run.state == "stopping" else "Cancel"
            _button(label, jobs.cancel, run)
        if run.resumable:
            _button("Resume", jobs.resume, run, primary=True)
        if run.model:
            if st.button("Use it on Classify", type="primary", key=f"use-{run.id}"):
                st.switch_page(page("classify"), query_params={ASKED: run.name})
        elif run.state == "finished":
            st.caption("Its network is no longer among the weights on this machine.")
        if not run.live:
            _draw_downloads(run)
            with st.popover("Remove"):
                st.markdown("The run, its photos and its network go for good.")
                _button("Remove it", jobs.remove, run)
    refused = st.session_state.pop(_REFUSED, None)
    if refused:
        st.error(plain(refused))


def _button(label: str, act: Callable[[str], None], run: Run, *, primary: bool = False) -> None:
    st.button(
        label,
        type="primary" if primary else "secondary",
        key=f"{label}-{run.id}",
        on_click=_do,
        args=(act, run.id),
    )


def _do(act: Callable[[str], None], run_id: str) -> None:
    """Act on the run; an error's sentence is shown when the page is drawn."""
    try:
        act(run_id)
    except EffnetError as error:
        st.session_state[_REFUSED] = str(error)


def _draw_downloads(run: Run) -> None:
    """Each file is read when its button is pressed."""
    if run.order is None:
        return
    with st.popover("Download"):
        files: list[tuple[str, Callable[[], str | bytes], str]] = [
            ("Recipe, JSON", run.order.recipe.to_json, "json"),
            ("Curves, CSV", partial(curves_csv, run.id), "csv"),
        ]
        if run.state == "finished":
            files.append(("Weights, safetensors", partial(_weights, run.id), "safetensors"))
        for label, read, ending in files:
            widgets.download(label, read, f"{run.id}.{ending}", key=f"{label}-{run.id}")


def curves_csv(run_id: str) -> str:
    """Every look at the run as a row of CSV."""
    rows = [asdict(point) for point in resources.training_jobs().course(run_id).points]
    return csv_text((rows[0] if rows else ["epoch"], *(row.values() for row in rows)))


def _weights(run_id: str) -> bytes:
    path = resources.training_jobs().weights_file(run_id)
    if path is None:
        raise InvalidInput("The weights of this run are not there any more.")
    return path.read_bytes()
