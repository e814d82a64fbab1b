"""The calibration of this machine: offered where there is none, and how good it is where there is.

Any page may draw it. It is made in a process of its own, one at a time for all sessions, and goes
on when the page is left.
"""

from __future__ import annotations

import streamlit as st

from app import resources, widgets
from app.charts.calibration import message, scatter
from app.live import component as live
from app.live.steps import to_json
from app.markup import plain
from app.text import count
from effnet_core.latency import SECONDS, Calibration, errors_of, standing
from effnet_core.latency.making import Task

SECONDS_BETWEEN_LOOKS = 1.0


def offer(what: str) -> Calibration | None:
    """The calibration of this machine; where none can be used, draw the offer to make one.

    `what` is what cannot be shown without it.
    """
    stand = standing()
    if stand.usable is not None:
        return stand.usable
    st.info(
        f"{plain(stand.reason)} {what} needs a calibration: a few networks are timed here, and "
        "those times give every other network's. Nothing is guessed without it. It takes "
        f"a minute, {SECONDS:.0f} s at most, and can be left alone meanwhile."
    )
    _draw_button("calibrate", "Calibrate this machine", primary=True)
    return None


def draw(held: Calibration) -> None:
    """Draw how well predictions meet measurements, and the buttons that make new ones."""
    with st.expander("How good are the predicted milliseconds?"):
        which = {
            "Each network of the calibration, predicted from the others alone": held.timed,
            "Networks never timed before, B0 to B4 and φ = −4 to 3": held.checked,
        }
        for name, networks in which.items():
            if networks:
                words = message(networks, *errors_of(networks))
                st.markdown(f"{widgets.source('measured')} {name}: {words}")
        live.chart("scatter", words, to_json(scatter(held)))
        st.caption(sources(held))
        _draw_button("check", "Check with networks never timed")
    _draw_again(held)


def note(held: Calibration, band: str = "In brackets the band") -> None:
    """Draw where milliseconds come from, with their date, and the button that makes them anew."""
    st.caption(sources(held, band))
    _draw_again(held)


def _draw_again(held: Calibration) -> None:
    """The date with the button, and whether other programs disturbed it or a later one."""
    with st.container(horizontal=True, vertical_alignment="center", key="recalibrate"):
        st.caption(f"Calibrated {held.made}", width="content")
        _draw_button("calibrate", "Recalibrate")
    if held.busy and held.disturbance is not None:
        st.markdown(f":orange-badge[busy: repeat when idle] {held.disturbance.words}.")
    if held.passed_over is not None:
        over = held.passed_over
        st.markdown(
            f":orange-badge[busy: repeat when idle] The calibration of {over.made} was slower "
            f"({over.words}); this quieter one is kept."
        )


def sources(held: Calibration, band: str = "In brackets the band") -> str:
    """A sentence about where predicted milliseconds come from, and what their band holds.

    `band` says how it is drawn.
    """
    low, high = held.model.band
    least, most = (count(ends) for ends in (held.model.least_mult_adds, held.model.most_mult_adds))
    edges = f"{100 * (low - 1):+.0f} % to {100 * (high - 1):+.0f} %".replace("-", "−")
    return (
        f"{widgets.source('predicted')} Milliseconds of one float32 image, without decoding: "
        f"predicted from a calibration of this machine, {held.made} "
        f"({plain(held.machine.title)}). {band}, {edges}, that held nine in ten "
        f"networks left out; below {least} or above {most} FLOPs nothing was timed, and it may "
        "not hold."
    )


def _draw_button(task: Task, label: str, *, primary: bool = False) -> None:
    """The button of a task, or how far it is."""
    job = resources.calibration_job()
    if job.state.running and job.state.task == task:
        st.fragment(_follow, run_every=SECONDS_BETWEEN_LOOKS)()
        return
    if st.button(
        label,
        key=f"{task}-here",
        type="primary" if primary else "secondary",
        disabled=job.state.running,
    ):
        with widgets.told():
            job.start(task)
            st.rerun()
    if job.state.error and job.state.task == task:
        st.error(plain(job.state.error))


def _follow() -> None:
    """How far the calibration is; the whole page again once it is done."""
    state = resources.calibration_job().state
    if not state.running:
        st.rerun()
    doing = f": {state.doing}" if state.doing else ""
    st.progress(min(1.0, state.share), f"Timing networks on this machine{doing} …")
