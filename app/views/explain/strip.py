"""Every stage: the overlays of one class from the stem to the head convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from app.markup import caption, title
from app.pictures import in_a_row
from app.views.explain import files
from app.views.explain.controls import Drawing
from app.views.explain.maps import said, span, stage_name

if TYPE_CHECKING:
    from effnet_core.service import Explanation

_SIDE = 136


def draw(name: str, given: tuple[Explanation, ...], drawing: Drawing) -> None:
    """Draw the overlay of every stage, from the stem to the head convolution, each on its scale."""
    overlays = [drawing.overlay(explained) for explained in given]
    with st.container(horizontal=True, key=f"strip-{given[0].weights}-{given[0].target.index}"):
        for explained, image in zip(given, overlays, strict=True):
            _draw_stage(name, explained, image, len(given))
    files.draw(
        files.stem(name, given[0], stage="stages"),
        files.png(in_a_row(overlays)),
        files.npz(given),
        raw_ending="npz",
    )


def _draw_stage(name: str, explained: Explanation, image: Image.Image, count: int) -> None:
    attribution = explained.attribution
    height, width = attribution.grid
    with st.container(width=_SIDE, gap="xsmall"):
        st.image(image, width="stretch", alt=said(name, explained), output_format="PNG")
        st.html(title(stage_name(attribution.stage, count), f"{height} × {width}"))
        st.html(caption(span(attribution)))
