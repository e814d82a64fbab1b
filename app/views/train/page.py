"""Train: what does a network learn from your own photos?"""

from __future__ import annotations

import streamlit as st

from app import resources, widgets
from app.frame import page
from app.views.train import photos as train_photos
from app.views.train import recipe, runs
from app.views.train import start as train_start


@page("Train", "What can a network learn from your own photos? Teach one, and watch it learn.")
def render() -> None:
    """Draw the page: a new run on the left; one run, and the list of all, on the right."""
    jobs = resources.training_jobs()
    widgets.show_refusals((*train_photos.FIELDS, *recipe.fields()))
    with st.container(key="train"):
        left, right = st.columns([3, 8], gap="large")
    with left, st.container(key="controls"):
        st.subheader("A new run")
        photos = train_photos.choose(jobs)
        start, details = st.container(), st.container()
        with start:
            card, phi = recipe.choose_network()
        with details:
            asked = recipe.choose_rest(photos, card, phi)
        with start:
            train_start.draw(jobs, photos, asked)
    with right:
        runs.draw(jobs)
