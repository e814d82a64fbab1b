"""The explanation as one file: needs no other, says everything, takes no markup from names."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effnet_core.attribution.document import Document, Figure, to_html
from effnet_core.attribution.ledger import ledger
from effnet_core.attribution.trust.charts import Chart, Trace
from effnet_core.engines.engine import ForwardPass
from effnet_core.engines.prediction import ClassProbability, Prediction

HOSTILE = "<script>alert(1)</script>\"'&\u202e${title}$x"


def explanation(label: str = "tabby", **changed: Any) -> Document:
    """Class 0 against 1: on places 1 and 3 with weights 2 and 0 and bias 0.5, logits 4.5 and 0."""
    features, logits = np.array([[[1, 3]]], np.float32), np.array([4.5, 0], np.float32)
    by = ForwardPass(logits, features, "an engine 1.0")
    weights, biases = np.array([[2], [0]], np.float32), np.array([0.5, 0], np.float32)
    classes = (label, "lynx")
    odds = by.probabilities()
    prediction = Prediction(
        weights="some weights",
        top=tuple(ClassProbability(i, classes[i], float(odds[i])) for i in range(2)),
        milliseconds=changed.pop("milliseconds", 1.0),
        pixels=np.full((8, 8, 3), 90, np.uint8),
        crop_box=(0.0, 0.0, 8.0, 8.0),
        device="cpu",
        dtype="float32",
        engine=by.engine,
        resolution=8,
        classes=classes,
        probabilities=odds,
    )
    given: dict[str, Any] = {
        "picture": "cat.jpg",
        "prediction": prediction,
        "ledger": ledger(by, weights, biases, class_index=0, against=1),
        "figures": (Figure("A red square", Image.new("RGB", (8, 8), "red")),),
        "preparation": "shorter edge to 9 px\nClass names: given",
        "licence": "CC0",
        "origin": "made by hand",
        "sha256": "abc123",
    }
    return Document(**given | changed)


class Read(HTMLParser):
    """The tags, attributes and text of a document."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += " "
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_says_everything_that_was_found() -> None:
    text = " ".join(Read(to_html(explanation())).text.split())
    for said in (
        "What some weights sees in cat.jpg",
        "tabby, with a probability of 98.90%.",
        "The logit of tabby minus that of lynx is +4.5000.",
        "row 0, column 1 +3.0000 +3.5000 row 0, column 0 +1.0000 +4.5000",
        "channel 0 +4.0000 +4.5000",
        "row 0 +1.0000 +3.0000 +4.0000",
        "Measured on this picture by an engine 1.0 on cpu in float32",
        "Weights: some weights; licence: CC0; origin: made by hand; SHA-256 abc123.",
        "shorter edge to 9 px Class names: given",
    ):
        assert said in text
    assert "How far to rely on it" not in text


def test_it_needs_no_other_file_and_runs_nothing() -> None:
    document = to_html(explanation())
    found = Read(document)
    assert not {"script", "link", "iframe", "object"} & set(found.tags)
    assert "url(" not in document and "@import" not in document and "http:" not in document
    assert not [name for name in found.attributes if name.startswith("on") or name == "href"]
    view, red = found.attributes["src"]
    for source, colour in ((view, (90, 90, 90)), (red, (255, 0, 0))):
        data = base64.b64decode(source.removeprefix("data:image/png;base64,"), validate=True)
        with Image.open(io.BytesIO(data)) as picture:
            assert (picture.format, picture.size, picture.getpixel((3, 3))) == (
                "PNG",
                (8, 8),
                colour,
            )


def test_trust_is_told_with_its_evidence() -> None:
    given = explanation(trust="Barely.", evidence=(("margin", "0.1 < 0.5"),))
    text = " ".join(Read(to_html(given)).text.split())
    assert "How far to rely on it Barely. Evidence Value margin 0.1 < 0.5" in text


def test_charts_follow_the_evidence() -> None:
    line = Trace("insertion", ((0.0, 0.2), (1.0, 0.9)), "#D55E00")
    chart = Chart(
        test="rivals",
        title="How it went",
        across="part",
        up="probability",
        ticks=((0.0, "0 %"), (1.0, "100 %")),
        low=0.0,
        high=1.0,
        traces=(line,),
    )
    found = Read(to_html(explanation(trust="Barely.", charts=(chart,))))
    assert found.tags.count("svg") == found.tags.count("polyline") == 1
    assert "How it went: probability" in found.text
    assert found.attributes["aria-label"] == ["How it went. insertion: 0.20, 0.90."]


def test_names_bring_no_markup() -> None:
    hostile = explanation(
        HOSTILE,
        picture=HOSTILE,
        figures=(Figure(HOSTILE, Image.new("RGB", (8, 8))),),
        preparation=HOSTILE,
        licence=HOSTILE,
        origin=HOSTILE,
        trust=HOSTILE,
        evidence=((HOSTILE, HOSTILE),),
    )
    plain = explanation(trust="yes", evidence=(("a", "b"),), preparation="one line")
    read, expected = Read(to_html(hostile)), Read(to_html(plain))
    assert read.tags == expected.tags
    assert read.attributes.keys() == expected.attributes.keys()
    assert read.attributes["alt"][1] == HOSTILE
    assert read.text.count(HOSTILE) >= 9


def test_equal_input_gives_equal_bytes_whenever_it_was_measured() -> None:
    assert to_html(explanation()) == to_html(explanation(milliseconds=9.0))
    assert not re.search(r"\b20\d\d-\d\d", to_html(explanation()))


def test_a_files_name_of_any_bytes_can_be_written() -> None:
    assert r"\udcff.jpg" in to_html(explanation(picture="\udcff.jpg")).encode().decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.browser
def test_it_reads_in_light_and_dark(browser_page: Any, scheme: str) -> None:
    page = browser_page(color_scheme=scheme)
    page.set_content(to_html(explanation(HOSTILE)))
    shown = page.evaluate("getComputedStyle(document.body).color")
    bright = sum(map(int, re.findall(r"\d+", shown)[:3])) > 380
    assert bright == (scheme == "dark")
    assert page.evaluate("[...document.images].every((one) => one.naturalWidth === 8)")
