"""These very weights as files for elsewhere: ONNX, safetensors, Python that needs torch alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import replies, widgets
from app.markup import caption, plain
from app.models import label
from app.text import file_stem, minus, size

if TYPE_CHECKING:
    from effnet_core.service import ModelCard


@st.fragment
def draw(card: ModelCard, key: str) -> None:
    """Draw the button behind which the files are; they are made once it is opened."""
    opened = st.popover("Export", type="tertiary", key=f"export-{key}", on_change="rerun")
    if opened.open:
        with opened, widgets.told():
            _draw_files(card, key)


def _draw_files(card: ModelCard, key: str) -> None:
    name, stem = label(card), f"efficientnet-{file_stem(label(card)).lower()}"
    with st.spinner("Writing the files …"):
        found = replies.exported(card)
    st.markdown(f"**{plain(name)}** as files")
    with st.container(horizontal=True, gap="small"):
        for text, data, ending in (
            ("ONNX", found.onnx, "onnx"),
            ("safetensors", found.safetensors, "safetensors"),
        ):
            what = f"{text} · {size(len(data))}"
            widgets.download(what, data, f"{stem}.{ending}", key=f"save-{ending}-{key}")
        python = st.empty()
    side, channels, classes = found.spec.resolution, found.spec.in_channels, found.spec.num_classes
    st.html(
        caption(
            f"ONNX: opset {found.opset}, “images” (batch, {channels}, {side}, {side}) to “logits” "
            f"(batch, {classes:,}); batch-norm folded in. Architecture, class names and "
            f"preprocessing are in the files: {card.preprocessing.in_words}."
        )
    )
    with st.spinner("PyTorch answers beside it, in a process of its own …"):
        seen = replies.witnessed(card, stem)
    with python:
        file, what = f"{stem}-python.zip", f"Python · {size(len(seen.python))}"
        widgets.download(what, seen.python, file, key=f"save-python-{key}")
    badge = f":small[{widgets.source('measured')}]"
    st.markdown(
        f"Largest difference from PyTorch: **{_small(seen.difference)}** of logits up to "
        f"{minus(seen.largest)}, on {seen.inputs} drawn inputs. {badge}"
    )


def _small(value: float) -> str:
    return f"{value:.1e}".replace("-", "−")
