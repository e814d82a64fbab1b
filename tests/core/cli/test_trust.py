"""`effnet explain --trust`: the same verdict as the call, with and without an overlay."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest

from effnet_core.images.samples import load_sample, sample_images

Effnet = Callable[..., Any]


@pytest.fixture
def weights(effnet: Effnet, tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    network = ("--phi", "-6", "--resolution", "128", "--num-classes", "3", "--seed", "1")
    assert effnet("build", *network, "--out", path).code == 0
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.jpg"
    path.write_bytes(load_sample(sample_images()[0].name))
    return path


@pytest.mark.parametrize("method", [(), ("--method", "layer-cam", "--stage", "4")])
def test_evidence_as_json(
    effnet: Effnet, weights: Path, picture: Path, method: tuple[str, ...]
) -> None:
    options = ("--weights", weights, "--device", "cpu", *method)
    answer = effnet("explain", picture, *options, "--trust", "--json")
    assert answer.code == 0, answer.err
    found = answer.json["trust"]
    assert [each["test"] for each in found["evidence"]] == [
        "picture",
        "weights",
        "rivals",
        "road",
        "range",
    ]
    assert {each["outcome"] for each in found["evidence"]} <= {"for", "weak", "against"}
    assert found["milliseconds"] > 0
    figures = {each["test"]: each["figures"] for each in found["evidence"]}
    assert figures["picture"]["made again"] == pytest.approx(1, abs=1e-3)
    assert len(figures["weights"]) == 6
    low, high = answer.json["range"]
    assert figures["range"]["range"] == pytest.approx(high - low, rel=1e-5)
    assert figures["range"]["range by random weights"] == answer.json["reference_range"]
    assert answer.json["out"] is None


def test_readable_words_and_an_overlay_beside_them(
    effnet: Effnet, weights: Path, picture: Path, tmp_path: Path
) -> None:
    out, page = tmp_path / "overlay.png", tmp_path / "page.html"
    options = ("--weights", weights, "--device", "cpu", "--trust", "--out", out, "--html", page)
    answer = effnet("explain", picture, *options)
    assert answer.code == 0, answer.err
    assert out.exists()
    lines = answer.out.splitlines()
    verdicts = ("This map holds", "Weak evidence", "Do not trust")
    (verdict,) = (line for line in lines if line.startswith(verdicts))
    assert escape(verdict) in page.read_text(encoding="utf-8")
    marked = [line.split(":")[0] for line in lines if line[:4] in ("  + ", "  ? ", "  − ")]
    assert [mark[4:] for mark in marked] == ["picture", "weights", "rivals", "road", "range"]


def test_either_an_overlay_or_trust_is_asked_for(
    effnet: Effnet, weights: Path, picture: Path
) -> None:
    answer = effnet("explain", picture, "--weights", weights)
    assert (answer.code, answer.out) == (2, "")
    assert "--out" in answer.err
    assert "--trust" in answer.err
