"""Classify, run without a browser."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from functools import partial
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from app import models, replies
from app.text import count
from effnet_core.cost.report import summarize
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import Busy
from effnet_core.images.samples import load_sample
from effnet_core.service import ClassifyRequest, InferenceService
from effnet_core.weights import WeightsStore, load_checkpoint, resolve_weights
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


def tables(app: AppTest) -> list[str]:
    return [e.proto.body for e in app.get("html") if 'class="answers"' in e.proto.body]


def labels(table: str) -> list[str]:
    rows = table.split("<tbody>")[1].split('title="')[1:]
    return [unescape(row.split('"')[0]) for row in rows]


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    taken = app.session_state["pictures_taken_in"]
    uploader = app.file_uploader(key=f"upload-{taken}")
    uploader.set_value([(name, data, "image/png") for name, data in files])
    return healthy(app.run())


def png(size: tuple[int, int] = (90, 70)) -> bytes:
    file = io.BytesIO()
    Image.effect_mandelbrot(size, (-2, -1, 1, 1), 30).convert("RGB").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def tiny(empty_store: Path, tiny_checkpoint: Path) -> str:
    WeightsStore().import_file(tiny_checkpoint, name="tiny")
    return "tiny"


def test_a_fresh_machine_says_what_to_click(empty_store: Path) -> None:
    app = open_page()
    assert any("No weights are on this machine yet" in info.value for info in app.info)
    assert [button.label for button in app.button if "Download" in button.label] == [
        "Download 21.4 MB"
    ]
    assert app.multiselect(key="model").value == ["B0 · IMAGENET1K_V1"]
    assert "77.7 % top-1 on ImageNet (published)" in html(app)
    assert "Cup of coffee" in html(app)
    assert not list(empty_store.rglob("*.pth"))


def test_offline_says_so_and_names_what_is_ready(
    tiny: str, free_port: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFNET_WEIGHTS_MIRROR", f"http://127.0.0.1:{free_port()}")
    app = open_page(model="B0 · IMAGENET1K_V1")
    assert not app.error
    app.button(key="get-EfficientNet_B0_Weights.IMAGENET1K_V1").click().run()
    for _ in range(100):
        if app.error:
            break
        healthy(app.run())
    assert "no connection" in app.error[0].value.replace("\\", "")
    assert "ready: tiny" in app.error[0].value.replace("\\", "")


def test_the_page_gives_what_the_core_gives(tiny: str) -> None:
    app = open_page(sample="Coffee")
    predictor = Predictor(resolve_weights("tiny", WeightsStore()))
    expected = predictor.predict_bytes(load_sample("coffee"), top_k=5)
    assert labels(tables(app)[0]) == [entry.label for entry in expected.top]
    assert f"sees {expected.resolution} × {expected.resolution}" in html(app)


def test_each_answer_says_what_computed_it(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = InferenceService(WeightsStore()).classify(ClassifyRequest(load_sample("coffee"), tiny))
    answered = dataclasses.replace(
        given, milliseconds=34.4, engine="<some> engine 9.1", device="tpu:3", dtype="bfloat16"
    )
    monkeypatch.setattr(replies, "prediction", lambda *_: answered)
    said = "34 ms measured, from bytes to answer · <some> engine 9.1 · tpu:3 · bfloat16"
    assert escape(said) in html(open_page(sample="Coffee"))


def test_class_names_are_text_and_cards_have_equal_rows(tiny: str, tiny_checkpoint: Path) -> None:
    WeightsStore().import_file(tiny_checkpoint, name="other", classes=["a", "b", "c", "d"])
    app = open_page(model=["tiny", "other"], top="6")
    assert "<script>alert" not in html(app)
    assert "&lt;script&gt;" in html(app)
    rows = [table.split("<tbody>")[1].count("<tr") for table in tables(app)]
    assert rows == [6, 6]
    assert "The models differ: " in html(app)
    app.multiselect(key="model").set_value(["tiny"])
    assert "The models" not in html(healthy(app.run()))


def test_models_that_agree_are_said_to_agree(tiny: str, tiny_checkpoint: Path) -> None:
    WeightsStore().import_file(tiny_checkpoint, name="twin")
    app = open_page(model=["tiny", "twin"])
    assert "All 2 models say " in html(app)


def test_a_bad_file_gets_its_sentence_and_the_good_ones_are_answered(tiny: str) -> None:
    name = "<b>**x**</b>$y$.png"
    app = open_page()
    upload(app, (name, b"#!/bin/sh"), ("good.png", png()), ("empty.png", b""))
    said = [error.value.replace("\\", "") for error in app.error]
    assert len(said) == 2
    assert said[0].startswith(name)
    assert "not a readable picture" in said[0] and "empty" in said[1]
    assert "good.png" in html(app)
    assert len(tables(app)) == 1
    assert app.session_state["sample"] == []


def test_a_hostile_file_name_is_text(tiny: str) -> None:
    app = open_page()
    upload(app, ("<script>alert(1)<script>.png", png()))
    assert "<script>alert" not in html(app)
    assert "&lt;script&gt;alert(1)" in html(app)


def test_a_picture_can_be_removed(tiny: str) -> None:
    app = upload(open_page(), ("mine.png", png()))
    next(button for button in app.button if button.label == "Remove").click()
    healthy(app.run())
    assert "mine.png" not in html(app)
    assert any("Choose a sample" in info.value for info in app.info)


def test_every_picture_has_alternative_text(tiny: str) -> None:
    app = open_page(sample=["Chelsea", "Coffee"])
    pictures = [image for element in app.get("image") for image in element.proto.imgs]
    assert len(pictures) == 2
    assert all(len(picture.alt) > 20 for picture in pictures)


def test_an_own_checkpoint_is_added_and_chosen(empty_store: Path, tiny_checkpoint: Path) -> None:
    app = open_page()
    give_checkpoint(app, tiny_checkpoint, names=b"one\ntwo\nthree\nfour\n")
    (chosen,) = app.multiselect(key="model").value
    assert chosen == "φ = −4 · your file"
    assert set(labels(tables(app)[0])) == {"one", "two", "three", "four"}
    assert "metadata" in html(app)  # where the preprocessing comes from
    shown = html(app)
    assert "<dt>File</dt><dd>tiny.safetensors, " in shown
    assert hashlib.sha256(tiny_checkpoint.read_bytes()).hexdigest() in shown
    cost = summarize(load_checkpoint(tiny_checkpoint).spec)
    assert f"{count(cost.params)} parameters · sees 64 × 64 pixels" in shown
    assert f"{count(cost.mult_adds)} FLOPs (multiply-adds)" in shown


def test_two_own_files_of_one_network_have_two_names(
    empty_store: Path, tiny_checkpoint: Path
) -> None:
    app = open_page()
    give_checkpoint(app, tiny_checkpoint)
    give_checkpoint(app, tiny_checkpoint, number=1, names=b"one\ntwo\nthree\nfour\n")
    names = ["φ = −4 · your file 2", "φ = −4 · your file"]
    assert app.multiselect(key="model").value == names


@pytest.mark.parametrize(
    ("architecture", "title"),
    [
        ("lite0", "Lite0"),
        ("v2-rw-t", "V2-RW-T"),
        ("edge-s", "Edge-S"),
        ("compound φ=-4", "φ = −4"),
        ("depth φ=2", "depth φ = 2"),
    ],
)
def test_networks_are_called_as_titles_have_it(architecture: str, title: str) -> None:
    assert models.network_title(architecture) == title


def test_an_upload_is_another_sessions_secret(empty_store: Path, tiny_checkpoint: Path) -> None:
    app = open_page()
    give_checkpoint(app, tiny_checkpoint)
    own = app.multiselect(key="model").value[0]
    assert own not in open_page().multiselect(key="model").options
    other = open_page(model=own)
    assert any("not known here" in warning.value for warning in other.warning)


@pytest.mark.parametrize(
    ("names", "data", "fragment"),
    [
        (b"one\ntwo\n", None, "2"),
        (b"\xff\xfe\x00", None, "UTF-8"),
        (None, b"garbage", "tiny.safetensors"),
    ],
)
def test_a_wrong_checkpoint_gets_a_sentence(
    empty_store: Path,
    tiny_checkpoint: Path,
    names: bytes | None,
    data: bytes | None,
    fragment: str,
) -> None:
    app = open_page()
    assert send_checkpoint(app, tiny_checkpoint, names=names, data=data).disabled
    assert len(app.error) == 1
    assert fragment in app.error[0].value.replace("\\", "")
    assert app.multiselect(key="model").value == ["B0 · IMAGENET1K_V1"]


def test_preprocessing_given_by_hand_is_used_and_named(
    empty_store: Path, tiny_checkpoint: Path
) -> None:
    app = open_page()
    app.checkbox(key="by-hand-0").check().run()
    next(box for box in app.number_input if box.label.startswith("Crop")).set_value(80)
    next(box for box in app.number_input if box.label.startswith("Shorter")).set_value(80)
    give_checkpoint(app, tiny_checkpoint)
    assert "sees 80 × 80 pixels" in html(app)
    assert "<dd>given; interpolation, mean, std: metadata</dd>" in html(app)


def test_unreadable_numbers_by_hand_get_a_sentence(
    empty_store: Path, tiny_checkpoint: Path
) -> None:
    app = open_page()
    app.checkbox(key="by-hand-0").check().run()
    next(box for box in app.text_input if box.label.startswith("Mean")).set_value("0.5, red")
    assert send_checkpoint(app, tiny_checkpoint).disabled
    assert "Three numbers are expected" in app.error[0].value.replace("\\", "")


def test_an_unknown_model_in_the_address_is_named(tiny: str) -> None:
    app = open_page(model="**no** such model")
    assert "“**no** such model”" in app.warning[0].value.replace("\\", "")
    assert not tables(app)
    assert any("No model is chosen" in info.value for info in app.info)


def test_the_address_names_the_model_that_was_chosen_for_it(
    tiny: str, tiny_checkpoint: Path
) -> None:
    app = open_page()
    assert app.query_params["model"] == "tiny"
    WeightsStore().import_file(tiny_checkpoint, name="another")
    again = open_page(**app.query_params)
    assert again.multiselect(key="model").value == ["tiny"]


def test_published_weights_are_preferred_to_smaller_imported_ones(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = models.cards()
    published = next(card for card in every if card.kind == "published")
    here = dataclasses.replace(published, state="ready")
    monkeypatch.setattr(models, "cards", lambda: (*every, here))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replies, "prediction", busy)
        assert open_page().query_params["model"] == models.label(here)


def test_a_link_asks_for_one_model_alone(tiny: str, tiny_checkpoint: Path) -> None:
    WeightsStore().import_file(tiny_checkpoint, name="twin")
    app = open_page(model=["tiny", "twin"])
    links = [element.proto for element in app.get("page_link")]
    asked = [parse_qs(link.query_string)["only"] for link in links]
    assert asked == [["tiny"], ["twin"]]
    app.query_params["only"] = "twin"
    healthy(app.run())
    assert app.multiselect(key="model").value == ["twin"]
    assert "only" not in app.query_params


def test_no_model_and_an_unknown_sample_get_a_sentence(tiny: str) -> None:
    app = open_page(sample="zzz")
    assert "“zzz”" in app.warning[0].value
    app.multiselect(key="model").set_value([])
    assert any("No model is chosen" in info.value for info in healthy(app.run()).info)


def test_the_same_checkpoint_twice_is_said(empty_store: Path, tiny_checkpoint: Path) -> None:
    app = open_page()
    give_checkpoint(app, tiny_checkpoint)
    app.checkbox(key="by-hand-1").check().run()
    assert app.number_input(key="resize-1").value is None
    app.checkbox(key="by-hand-1").uncheck().run()
    give_checkpoint(app, tiny_checkpoint, number=1)
    assert any("had been added before" in toast.value for toast in app.toast)


def test_too_many_requests_get_the_sentence(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "prediction", busy)
    app = open_page()
    assert "requests are waiting" in app.error[0].value


def busy(*_: object) -> None:
    raise Busy("16 requests are waiting already.")


def send_checkpoint(
    app: AppTest,
    file: Path,
    *,
    number: int = 0,
    names: bytes | None = None,
    data: bytes | None = None,
) -> Button:
    """Put a file into the form; the button that adds it, which is not pressed yet."""
    app.file_uploader(key=f"checkpoint-{number}").set_value(
        [(file.name, data or file.read_bytes(), "application/octet-stream")]
    )
    if names is not None:
        app.file_uploader(key=f"names-{number}").set_value(("names.txt", names, "text/plain"))
    healthy(app.run())
    return app.button(key="add-checkpoint")


def give_checkpoint(
    app: AppTest, file: Path, *, number: int = 0, names: bytes | None = None
) -> None:
    send_checkpoint(app, file, number=number, names=names).click()
    healthy(app.run())
