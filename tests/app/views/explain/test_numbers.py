"""Layers by their numbers, run without a browser."""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from app.live import cells
from app.views.explain import numbers
from app.views.explain.sums import TERMS, added, cards, signed
from effnet_core.attribution.cell import Cell, CellArithmetic
from effnet_core.images.samples import load_sample
from effnet_core.service import CellRequest, ExplainRequest, InferenceService
from effnet_core.weights import WeightsStore
from tests.app.reading import component, healthy, html, opened
from tests.app.views.explain.test_page import SCRIPT

PART = "Numbers"
open_page = partial(opened, SCRIPT, part=PART, picture="Coffee")

floats = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-12)


@pytest.fixture
def one(empty_store: Path, bundled: Any) -> str:
    """A machine with one bundled model and nothing else."""
    bundled.put("tiny4", "φ = −6, trained here (4 classes)")
    return "tiny4"


def expected(weights: str, **at: int) -> CellArithmetic:
    service = InferenceService(WeightsStore())
    return service.cell(CellRequest(load_sample("coffee"), weights, Cell(**at)))


def pills(app: AppTest) -> Any:
    """The choice of a feature map."""
    return next(g for g in app.get("button_group") if getattr(g, "label", "") == "Feature map")


def test_it_begins_with_the_strongest_channel_s_middle_cell(one: str) -> None:
    app = open_page()
    service = InferenceService(WeightsStore())
    channels = service.channels(ExplainRequest(image=load_sample("coffee"), weights=one))[2]
    assert app.selectbox(key="channel").options == list(map(str, channels.order))
    middle = channels.side // 2
    found = expected(one, stage=2, channel=channels.order[0], row=middle, column=middle)
    assert html(app).count(cards(found)) == 1
    assert any(signed(found.value, 7) in markdown.value for markdown in app.markdown)
    given = component(app, "cells")
    assert (given["size"], given["chosen"]) == ([channels.side] * 2, [middle, middle])
    assert not any("most probable" in heading.value for heading in app.subheader)


def test_a_cell_is_an_address(one: str) -> None:
    address = {"map": "Stage 3", "channel": "1", "row": "0", "column": "2"}
    app = open_page(**address)
    assert not app.warning
    found = expected(one, stage=3, channel=1, row=0, column=2)
    assert cards(found) in html(app)
    assert [one.value for one in app.number_input] == [0, 2]


def test_another_map_begins_anew_and_another_cell_keeps_the_channel(one: str) -> None:
    app = open_page()
    app.selectbox(key="channel").set_value("3")
    app = healthy(app.run())
    app.number_input(key="row").set_value(1)
    app.number_input(key="column").set_value(0)
    app = healthy(app.run())
    assert cards(expected(one, stage=2, channel=3, row=1, column=0)) in html(app)
    pills(app).set_value("8")
    app = healthy(app.run())
    side = int(app.number_input(key="row").max or 0) + 1
    channel = int(app.selectbox(key="channel").options[0])
    found = expected(one, stage=8, channel=channel, row=side // 2, column=side // 2)
    assert cards(found) in html(app)
    assert "Head convolution" in html(app)


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("map", "Stage 12", "Feature map: the address says “Stage 12”"),
        ("channel", "7000", "Channel: the address says “7000”"),
        ("row", "100", "Row: the address says “100”"),
    ],
)
def test_an_address_of_no_cell_gets_a_sentence(
    one: str, key: str, text: str, sentence: str
) -> None:
    app = open_page(**{key: text})
    assert any(sentence in warning.value.replace("\\", "") for warning in app.warning)
    assert 'class="sums"' in html(app)


def test_a_click_chooses_row_and_column(monkeypatch: pytest.MonkeyPatch) -> None:
    held: dict[str, Any] = {}
    monkeypatch.setattr(numbers.st, "session_state", held)
    monkeypatch.setattr(numbers, "chosen_cell", lambda: (3, 5))
    numbers._take_click()
    assert held == {"row": 3, "column": 5}


def test_the_browser_is_given_the_very_values() -> None:
    plane = np.random.default_rng(0).standard_normal((3, 4), dtype=np.float32)
    again = np.frombuffer(base64.b64decode(cells.packed(plane)), "<f4").reshape(3, 4)
    np.testing.assert_array_equal(again, plane)


@given(parts=st.lists(floats, min_size=1, max_size=TERMS), rest=floats)
def test_what_is_written_adds_up_to_the_digit(parts: list[float], rest: float) -> None:
    total = sum(parts) + rest
    texts, left, whole = added(parts, total, others=True)
    assert sum(map(number, texts)) + number(left) == number(whole)
    texts, left, whole = added(parts, sum(parts), others=False)
    assert sum(map(number, texts)) == number(whole)
    assert number(left) == 0


def number(text: str) -> Decimal:
    return Decimal(text.replace("−", "-"))


def test_a_sum_s_card_says_every_number_of_it(one: str) -> None:
    found = expected(one, stage=5, channel=0, row=0, column=0)
    said = re.split("(?=<section)", cards(found))[1:]
    assert len(said) == len(found.sums)
    for text, each in zip(said, found.sums, strict=True):
        assert signed(each.normalised) in text or each.role in ("gate", "shortcut")
        assert each.activation == "none" or signed(each.output) in text
    project = next(i for i, each in enumerate(found.sums) if each.role == "project")
    products = [row for row in said[project].split("<tr>") if 'scope="row">channel ' in row]
    assert len(products) == TERMS
    assert f"the other {len(found.sums[project].values) - TERMS}" in said[project]
    depthwise = next(i for i, each in enumerate(found.sums) if each.role == "depthwise")
    kernel = found.sums[depthwise].values.shape[-1]
    assert said[depthwise].count("<td") == 2 * kernel**2
    padding = int((~found.sums[depthwise].inside).sum())
    assert said[depthwise].count("class=padding") == padding > 0
