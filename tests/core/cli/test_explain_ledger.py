"""`effnet explain --ledger` and `--html`: the sums close, and the files hold what is printed."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effnet_core.attribution.render import signed_overlay
from effnet_core.engines.predictor import Predictor
from effnet_core.images.samples import load_sample, sample_images
from effnet_core.weights import load_checkpoint

Effnet = Callable[..., Any]


@pytest.fixture
def asked(effnet: Effnet, tmp_path: Path) -> tuple[object, ...]:
    """Return `explain PICTURE --weights FILE` of a small network with three classes."""
    weights, picture = tmp_path / "small.safetensors", tmp_path / "picture.jpg"
    network = ("--phi", "-6", "--resolution", "96", "--num-classes", "3", "--seed", "1")
    assert effnet("build", *network, "--out", weights).code == 0
    picture.write_bytes(load_sample(sample_images()[0].name))
    (tmp_path / "labels.txt").write_text("ant\n<b>bee</b>\ncat")
    named = ("--weights", weights, "--classes", tmp_path / "labels.txt", "--device", "cpu")
    return ("explain", picture, *named)


@pytest.mark.parametrize("against", [None, 0])
def test_the_printed_sums_close(
    effnet: Effnet, asked: tuple[object, ...], tmp_path: Path, against: int | None
) -> None:
    rival = () if against is None else ("--against", str(against))
    result = effnet(*asked, "--ledger", "--class", "2", *rival, "--json").json
    ledger = result["ledger"]
    assert (ledger["class_index"], ledger["against"]) == (2, against)
    assert result["class"]["label"] == "cat"
    assert result["against"] is None if against is None else result["against"]["label"] == "ant"
    assert np.shape(ledger["cells"]) == (3, 3)
    assert (result["out"], result["csv"], result["html"]) == (None, None, None)
    predictor = Predictor(load_checkpoint(tmp_path / "small.safetensors"), device="cpu")
    view = predictor.predict_bytes((tmp_path / "picture.jpg").read_bytes()).view
    logits = predictor.forward(predictor.inputs(view)).logits.astype(float)
    expected = logits[2] - (0 if against is None else logits[against])
    size = np.abs(logits).max()
    assert ledger["logit"] == pytest.approx(expected, abs=1e-5 * size)
    shares = [channel["share"] for channel in ledger["channels"]]
    assert np.sum(ledger["cells"]) + ledger["bias"] == pytest.approx(expected, abs=1e-5 * size)
    assert np.sum(shares) + ledger["bias"] == pytest.approx(expected, abs=1e-5 * size)
    assert shares == sorted(shares, key=abs, reverse=True)
    assert sorted(channel["index"] for channel in ledger["channels"]) == list(range(len(shares)))


def test_the_most_probable_class_is_added_up_line_by_line(
    effnet: Effnet, asked: tuple[object, ...]
) -> None:
    found = effnet(*asked, "--ledger", "--json").json
    top = effnet("classify", *asked[1:], "--top", "1", "--json").json[0]["top"][0]
    assert found["class"]["index"] == top["index"]
    text = effnet(*asked, "--ledger").out
    for part in ("Places", "Channels"):
        table = text[text.index(f"\n{part} ") :].split("= logit")
        shares = re.findall(r"([-+]\d+\.\d{4}) +[-+]\d+\.\d{4}$", table[0], re.MULTILINE)
        said = float(table[1].split()[0])
        assert said == pytest.approx(found["ledger"]["logit"], abs=6e-5)
        # Each share is rounded to four digits.
        assert sum(map(float, shares)) == pytest.approx(said, abs=5e-5 * (len(shares) + 1))
    assert "Preprocessing (metadata): shorter edge to" in text


def test_files_hold_the_ledger(effnet: Effnet, asked: tuple[object, ...], tmp_path: Path) -> None:
    out, table = tmp_path / "signed.png", tmp_path / "ledger.csv"
    options = ("--ledger", "--class", "0", "--against", "1", "--out", out, "--csv", table)
    result = effnet(*asked, *options, "--json").json
    assert (result["out"], result["csv"]) == (str(out), str(table))
    rows = list(csv.DictReader(table.read_text().splitlines()))
    shares: dict[str, list[float]] = {
        name: [] for name in ("place", "channel", "bias", "rounding", "logit")
    }
    for row in rows:
        share = row["share of the logit of class 0 minus that of class 1"]
        shares[row["part"]].append(float(share))
    ledger = result["ledger"]
    assert shares["place"] == np.ravel(ledger["cells"]).tolist()
    assert shares["logit"] == [ledger["logit"]]
    for part in ("place", "channel"):
        whole = sum(shares[part]) + shares["bias"][0] + shares["rounding"][0]
        assert whole == pytest.approx(ledger["logit"], abs=1e-9)
    predictor = Predictor(load_checkpoint(tmp_path / "small.safetensors"), device="cpu")
    view = predictor.predict_bytes((tmp_path / "picture.jpg").read_bytes()).view
    with Image.open(out) as drawn:
        assert drawn.tobytes() == signed_overlay(view, np.array(ledger["cells"])).tobytes()


def test_the_page_is_the_same_each_time_and_escapes_names(
    effnet: Effnet, asked: tuple[object, ...], tmp_path: Path
) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        answer = effnet(*asked, "--ledger", "--html", tmp_path / name)
        assert answer.code == 0 and f"Written: {tmp_path / name}" in answer.out
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]
    page = pages[0].decode()
    assert "&lt;b&gt;bee&lt;/b&gt;" in page and "<b>" not in page
    assert "ONNX Runtime" in page and "licence: not stated; origin: file small" in page
    assert page.count("data:image/png;base64,") == 2


def test_maps_come_with_a_page_too(
    effnet: Effnet, asked: tuple[object, ...], tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    maps = effnet(*asked, "--method", "layer-cam", "--top-classes", "2", "--html", path, "--json")
    assert [(one["out"], one["html"]) for one in maps.json["maps"]] == [(None, str(path))] * 2
    page = path.read_text()
    assert page.count("data:image/png;base64,") == 4
    assert page.count("Layer-CAM of") == 4, "twice each: beneath the picture and instead of it"


def test_a_bundled_models_page_says_its_licence(effnet: Effnet, tmp_path: Path) -> None:
    picture, path = tmp_path / "picture.jpg", tmp_path / "page.html"
    picture.write_bytes(load_sample(sample_images()[0].name))
    weights = ("--weights", "tiny100-phi-4", "--device", "cpu")
    assert effnet("explain", picture, *weights, "--ledger", "--html", path).code == 0
    page = path.read_text()
    assert "Weights: tiny100-phi-4; licence: " in page and "licence: not stated" not in page


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--ledger --class 3", "classes 0 to 2; got 3"),
        ("--ledger --against 3", "classes 0 to 2; got 3"),
        ("--ledger --class 1 --against 1", "cannot be weighed against itself"),
        ("", "A map needs --out"),
    ],
)
def test_what_cannot_be_added_up_gets_a_sentence(
    effnet: Effnet, asked: tuple[object, ...], options: str, sentence: str
) -> None:
    answer = effnet(*asked, *options.split(), "--json")
    assert answer.code == 2
    assert sentence in answer.json["error"]
