"""The downloads: overlays as PNG, raw maps as NumPy's files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from app import widgets
from app.text import file_stem

if TYPE_CHECKING:
    from effnet_core.service import Explanation


def draw(stem: str, picture: bytes, raw: bytes, *, raw_ending: str = "npy") -> None:
    """Draw the downloads of an overlay and of its raw map, both called `stem`."""
    with st.container(horizontal=True):
        for label, data, ending in (
            ("Overlay (PNG)", picture, "png"),
            (f"Raw map (.{raw_ending})", raw, raw_ending),
        ):
            widgets.download(label, data, f"{stem}.{ending}", key=f"save-{stem}-{ending}")


def stem(name: str, given: Explanation, *, stage: str | None = None) -> str:
    """A file name made of the request."""
    at = stage or (
        "input" if given.attribution.stage is None else f"stage{given.attribution.stage}"
    )
    return file_stem(
        f"{name} {given.attribution.method} {given.target.label} {given.target.index} {at}"
    )


def png(image: Image.Image) -> bytes:
    """The picture as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def npy(raw: npt.NDArray[np.float32]) -> bytes:
    """The array as an .npy file."""
    file = io.BytesIO()
    np.save(file, raw, allow_pickle=False)
    return file.getvalue()


def npz(given: tuple[Explanation, ...]) -> bytes:
    """The raw maps as an .npz file with the arrays stage_0, stage_1, …"""
    file = io.BytesIO()
    arrays = {f"stage_{g.attribution.stage}": g.attribution.raw for g in given}
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()
