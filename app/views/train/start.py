"""What will be done and how long it may take, and the button that begins it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import widgets
from app.markup import plain
from app.text import counted, duration
from app.views.train.recipe import facts
from app.views.train.run import RUN
from effnet_core.errors import EffnetError

if TYPE_CHECKING:
    from app.views.train.photos import Photos
    from app.views.train.recipe import Asked
    from effnet_core.service.training.jobs import TrainingJobs
    from effnet_core.service.training.orders import Wish

_REFUSED = "train-refused"


def draw(jobs: TrainingJobs, photos: Photos | None, asked: Asked) -> None:
    """Draw the run's name, the button, and what will be done."""
    st.caption(facts(asked))
    name = st.text_input(
        "Name",
        max_chars=60,
        key="train-name",
        placeholder=photos.name if photos else "What to call it",
        help="The finished network is called so on Classify and Explain.",
    )
    wish = _wish(name, photos, asked)
    live = next((run for run in jobs.runs() if run.live), None)
    pressed = st.button(
        "Start training",
        type="primary",
        disabled=wish is None or live is not None,
        width="stretch",
        key="train-start",
    )
    if live is not None:
        st.caption(f"“{plain(live.name)}” is being trained; one run at a time.")
    elif wish is not None and photos is not None:
        _draw_estimate(jobs, wish, photos)
    if pressed and wish is not None and photos is not None:
        _start(jobs, wish, photos)
    refused = st.session_state.pop(_REFUSED, asked.refused)
    if refused:
        st.error(plain(refused))


def _wish(name: str, photos: Photos | None, asked: Asked) -> Wish | None:
    from effnet_core.service.training.orders import Wish

    if photos is None or asked.recipe is None:
        return None
    return Wish(
        name=name.strip() or photos.name,
        recipe=asked.recipe,
        phi=asked.phi if asked.card is None else None,
        weights=None if asked.card is None else asked.card.id,
        resolution=asked.pixels,
        source=photos.source,
        folders_are=photos.folders_are,
    )


def _draw_estimate(jobs: TrainingJobs, wish: Wish, photos: Photos) -> None:
    held_out = wish.recipe.held_out
    shown = f"{counted(photos.count - held_out, 'photo')} to train on, {held_out:,} to judge by."
    found = jobs.estimate(wish, photos.count)
    if found is None:
        told = (
            "How long it takes is known once such a network has been trained on this machine: the "
            "run says so after its first steps."
        )
    else:
        told = (
            f"About **{duration(found.seconds)}**, at the {found.photos_per_second:,.0f} photos a "
            f"second of “{plain(found.by)}”. {widgets.source('measured')}"
        )
    st.caption(f"{shown} {told}")


def _start(jobs: TrainingJobs, wish: Wish, photos: Photos) -> None:
    """Prepare the photos with a bar, begin, and show the run; an error becomes its sentence."""
    bar = st.progress(0.0, "Reading the photos …")

    def progress(done: int, total: int) -> None:
        bar.progress(done / total, f"{done:,} of {total:,} photos read")

    try:
        run_id = jobs.start(photos.read(), wish, progress=progress)
    except EffnetError as error:
        st.session_state[_REFUSED] = str(error)
    else:
        st.query_params[RUN] = run_id
    st.rerun()
