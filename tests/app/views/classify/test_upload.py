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


def test_what_could_be_guessed_is_assumed_said_and_can_be_overruled(empty_store: Path) -> None:
    app = open_page()
    assert app.button(key="add-checkpoint").disabled
    data = torch_file(timm.create_model("efficientnet_b0", num_classes=2).state_dict())
    app.file_uploader(key="checkpoint-0").set_value([("mine.pth.tar", data, "")])
    shown = html(healthy(app.run()))
    assert not app.error
    assert "efficientnet_b0 (assumed: its tensors fit" in shown
    assert "timm" in shown and "2: class 0, class 1 (numbered" in shown
    add = app.button(key="add-checkpoint")
    assert (add.label, add.disabled) == ("Add B0", False)
    assert app.selectbox(key="architecture-0").proto.placeholder == "b0"
    app.checkbox(key="by-hand-0").check()
    healthy(app.run())
    assert app.number_input(key="crop-0").proto.placeholder == "224"  # as recognised
    assert app.selectbox(key="interpolation-0").proto.placeholder == "bicubic"
    app.checkbox(key="by-hand-0").uncheck()
    app.button(key="add-checkpoint").click()
    healthy(app.run())
    assert app.multiselect(key="model").value == ["B0 · your file"]


def test_a_network_of_no_known_shape_waits_for_its_architecture(empty_store: Path) -> None:
    app = open_page()
    state = timm.create_model("efficientnet_b0", num_classes=2).state_dict()
    narrow = {name: values for name, values in state.items() if "blocks.6" not in name}
    app.file_uploader(key="checkpoint-0").set_value([("mine.pth", torch_file(narrow), "")])
    healthy(app.run())
    assert app.button(key="add-checkpoint").disabled
    assert "Choose the architecture below" in app.warning[0].value and not app.error


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
