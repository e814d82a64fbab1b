"""Several pictures by several models at a glance, run without a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import replies
from effnet_core.images.samples import load_sample
from effnet_core.service import ClassifyRequest, InferenceService
from effnet_core.weights import WeightsStore
from tests.app.reading import component, html, opened
from tests.app.views.classify.test_page import SCRIPT

open_page = partial(opened, SCRIPT)


def cells(app: AppTest) -> list[str]:
    """The table's texts, row by row."""
    text = re.sub("<[^>]*>", "|", component(app, "matrix")["table"])
    return [part for part in text.split("|") if part]


@pytest.fixture
def three(empty_store: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three models: "c" says another class than the others of the rocket, in other times."""
    for name in "abc":
        WeightsStore().import_file(tiny_checkpoint, name=name)
    given = InferenceService(WeightsStore()).classify(ClassifyRequest(load_sample("coffee"), "a"))
    other = replace(given, top=given.top[::-1])

    def say(picture: Any, model: replies.Model) -> Any:
        weights = model.id
        said = other if (weights, picture.key) == ("c", "rocket") else given
        time = {"coffee": 10.0, "rocket": 20.0, "chelsea": 60.0}[picture.key]
        return replace(said, weights=weights, milliseconds=time + ord(weights) - ord("a"))

    monkeypatch.setattr(replies, "prediction", say)


def test_the_table_says_who_differs_and_the_median_times(three: None) -> None:
    app = open_page(model=["a", "b", "c"], sample=["Coffee", "Chelsea", "Rocket"])
    shown = cells(app)
    assert sum(" · differs" in text for text in shown) == 1
    at = shown.index("Says what most say")
    assert shown[at : at + 4] == ["Says what most say", "3 of 3", "3 of 3", "2 of 3"]
    assert shown[at + 4 :] == ["Median, measured", "20.0 ms", "21.0 ms", "22.0 ms"]
    assert "The 3 models agree on 2 of 3 pictures." in html(app)
    assert html(app).count("All 3 models say") == 1  # of the one picture shown in detail


def test_one_picture_and_one_model_need_no_table(three: None) -> None:
    app = open_page(model="a", sample="Coffee")
    assert not app.get("bidi_component")
    app = open_page(model=["a", "b"], sample="Coffee")
    assert "Says what most say" not in cells(app)
