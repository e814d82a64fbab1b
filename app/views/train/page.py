"""Train: what does a network learn from your own photos?"""

from __future__ import annotations

import streamlit as st

from app import resources, widgets
from app.frame import page
from app.views.train import photos, recipe, runs, start


@page("Train", "What can a network learn from your own photos? Teach one, and watch it learn.")
def render() -> None:
    """Draw the page: a new run on the left; one run, and the list of all, on the right."""
    jobs = resources.training_jobs()
    widgets.show_refusals((*photos.FIELDS, *recipe.fields()))
    with st.container(key="train"):
        left, right = st.columns([3, 8], gap="large")
    with left, st.container(key="controls"):
        st.subheader("A new run")
        given = photos.choose(jobs)
        first, details = st.container(), st.container()
        with first:
            card, phi = recipe.choose_network()
        with details:
            asked = recipe.choose_rest(given, card, phi)
        with first:
            start.draw(jobs, given, asked)
    with right:
        runs.draw(jobs)
