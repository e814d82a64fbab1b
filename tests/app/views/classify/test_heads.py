"""Classify and Explain with one logit, and with a sigmoid for each class, without a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from effnet_core.architecture.names import scaled
from effnet_core.architecture.outputs import Activation
from effnet_core.images.samples import load_sample, sample_images
from effnet_core.network.build import build
from effnet_core.service import ClassifyRequest, InferenceService
from effnet_core.weights import WeightsStore, save_checkpoint
from tests.app.reading import healthy, html, opened, seen

SCRIPT = """
import streamlit as st
from app.views.classify import page as classify
from app.views.explain import page as explain
st.navigation([
    st.Page({page}.render, url_path="start", default=True),
    st.Page(classify.render, url_path="classify"),
    st.Page(explain.render, url_path="explain"),
]).run()
"""
BIASES = (1.2, -0.7, 2.1)


def saved(path: Path, logits: int) -> Path:
    model = build(scaled(-6, resolution=64, num_classes=logits), seed=1)
    with torch.no_grad():
        model.classifier.bias.copy_(torch.tensor(BIASES[:logits]))
    save_checkpoint(path, model)
    return path


@pytest.mark.parametrize(
    ("logits", "sentence"),
    [(1, "the two probabilities add up to 100 %"), (3, "several may be above 50 %")],
)
def test_the_page_shows_every_row_and_says_once_what_they_mean(
    empty_store: Path, tmp_path: Path, logits: int, sentence: str
) -> None:
    path = saved(tmp_path / "head.safetensors", logits)
    WeightsStore().import_file(path, name="head", activation="sigmoid")
    app = opened(SCRIPT.format(page="classify"), model="head")
    rows = {
        name: float(share)
        for name, share in re.findall(r'title="([^"]+)">.*?<td>([\d.]+)\s%', html(app))
    }
    names = ["class 0", "not class 0"] if logits == 1 else ["class 0", "class 1", "class 2"]
    assert sorted(rows) == names
    expected = torch.tensor(BIASES[:logits]).sigmoid()[0]  # initial weights hardly move the bias
    assert rows["class 0"] == pytest.approx(100 * float(expected), abs=3)
    assert (sum(rows.values()) > 150) == (logits == 3)
    assert sum(sentence in seen(caption) for caption in app.caption) == 1


def test_an_import_that_takes_a_name_is_shown_by_it(empty_store: Path, tmp_path: Path) -> None:
    for logits, other, shown in ((1, "class 2", "not class 0"), (3, "not class 0", "class 2")):
        if logits > 1:
            WeightsStore().remove("head")
        path = saved(tmp_path / "head.safetensors", logits)
        WeightsStore().import_file(path, name="head", activation="sigmoid")
        app = opened(SCRIPT.format(page="classify"), model="head")
        assert f'title="{shown}"' in html(app)
        assert f'title="{other}"' not in html(app)


def test_the_ledger_of_one_logit_offers_no_rival(empty_store: Path, tmp_path: Path) -> None:
    WeightsStore().import_file(saved(tmp_path / "head.safetensors", 1), name="head")
    app = opened(SCRIPT.format(page="explain"), model="head", part="Ledger")
    assert not [box for box in app.selectbox if box.label.startswith("Why ")]
    assert any("log-odds of this class against not class 0" in seen(c) for c in app.caption)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_the_form_asks_what_the_logits_mean(
    empty_store: Path, tmp_path: Path, activation: Activation
) -> None:
    path = saved(tmp_path / "head.safetensors", 3)
    app = opened(SCRIPT.format(page="classify"))
    app.selectbox(key="activation-0").set_value(activation)
    data = (path.name, path.read_bytes(), "application/octet-stream")
    app.file_uploader(key="checkpoint-0").set_value([data])
    app = healthy(app.run())
    button = app.button(key="add-checkpoint")
    app = healthy(button.click().run())
    said = any("several may be above 50 %" in seen(caption) for caption in app.caption)
    assert said == (activation == "sigmoid")


def test_an_uploads_card_names_both_rows(tmp_path: Path) -> None:
    service = InferenceService(WeightsStore(tmp_path / "store"), device="cpu")
    path = saved(tmp_path / "head.safetensors", 1)
    card = service.add_checkpoint(path.read_bytes(), path.name, classes=("cat", "dog"))
    swapped = service.add_checkpoint(path.read_bytes(), path.name, classes=("dog", "cat"))
    assert service.classes(card.id) == card.classes == ("cat", "dog")
    assert (card.activation, card.activation_source) == ("sigmoid", "one logit")
    photo = load_sample(sample_images()[0].name)
    one, other = (service.classify(ClassifyRequest(photo, each.id)) for each in (card, swapped))
    assert one.top[0].label == "dog"  # the second name is the one that a logit above 0 speaks for
    assert other.top[0].label == "cat"
    assert one.top[0].probability == other.top[0].probability
