"""The form for checkpoints of one's own, run without a browser."""

from __future__ import annotations

import io
import json
from functools import partial
from pathlib import Path

import pytest
import timm
import torch

from tests.app.reading import healthy, html, opened

SCRIPT = """
import streamlit as st
from app.views.classify import page as classify
from app.views.explain import page as explain
st.navigation([
    st.Page(classify.render, url_path="classify", default=True),
    st.Page(explain.render, url_path="explain"),
]).run()
"""
open_page = partial(opened, SCRIPT)


def test_what_was_understood_is_shown_before_anything_is_computed(empty_store: Path) -> None:
    app = open_page()
    config = json.dumps({"architecture": "efficientnet_b0", "label_names": ["ant", "bee"]})
    model = timm.create_model("efficientnet_b0", num_classes=2)
    files = [("config.json", config.encode()), ("model.bin", torch_file(model.state_dict()))]
    app.file_uploader(key="checkpoint-0").set_value([(*file, "") for file in files])
    shown = html(healthy(app.run()))
    for words in ("b0 (config.json)", "2: ant, bee (config.json (label_names))", "Left out"):
        assert words in shown
    app.selectbox(key="architecture-0").set_value("tf_efficientnet_b0")
    app.text_input(key="weights-key-0").set_value("nothing")
    healthy(app.run())
    assert "names no network" in app.error[0].value.replace("\\", "")
    app.text_input(key="weights-key-0").set_value("")
    assert "b0 (given)" in html(healthy(app.run()))


def test_a_file_that_does_not_say_what_it_is_waits_for_its_architecture(empty_store: Path) -> None:
    app = open_page()
    data = torch_file(timm.create_model("efficientnet_b0", num_classes=2).state_dict())
    app.file_uploader(key="checkpoint-0").set_value([("mine.pth.tar", data, "")])
    healthy(app.run())
    assert "it looks like b0" in html(app)
    (add,) = (button for button in app.button if button.label == "Add this model")
    assert add.disabled


@pytest.mark.parametrize(
    ("name", "start", "sentence"),
    [
        ("model.rar", b"Rar!\x1a\x07\x00", "is a RAR archive"),
        ("model.7z", b"7z\xbc\xaf\x27\x1c", "is a 7z archive"),
        ("model.h5", b"\x89HDF", "no other kind is ever opened"),
    ],
)
def test_other_files_are_named_as_what_they_are(
    empty_store: Path, name: str, start: bytes, sentence: str
) -> None:
    app = open_page()
    app.file_uploader(key="checkpoint-0").set_value([(name, start + bytes(50), "")])
    assert sentence in healthy(app.run()).error[0].value.replace("\\", "")


def torch_file(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()
