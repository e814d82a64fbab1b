"""Commands answer for one logit and for sigmoids of their own as torch does, and say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from effnet_core.architecture.names import scaled
from effnet_core.engines.predictor import Predictor
from effnet_core.network.build import build
from effnet_core.weights import load_checkpoint, save_checkpoint

Effnet = Callable[..., Any]
BIASES = (1.2, -0.7, 2.1)


def saved(path: Path, logits: int) -> Path:
    model = build(scaled(-6, resolution=64, num_classes=logits), seed=1)
    with torch.no_grad():
        model.classifier.bias.copy_(torch.tensor(BIASES[:logits]))
    save_checkpoint(path, model)
    return path


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return saved(tmp_path / "one.safetensors", 1)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return saved(tmp_path / "three.safetensors", 3)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def logits(weights: Path, picture: Path) -> torch.Tensor:
    """The network's own, by torch alone."""
    loaded = load_checkpoint(weights)
    predictor = Predictor(loaded, device="cpu")
    seen = predictor.predict_bytes(picture.read_bytes()).pixels
    model = build(loaded.spec)
    model.load_state_dict(loaded.state_dict)
    with torch.inference_mode():
        return model(torch.from_numpy(predictor.inputs(seen)))[0].double()


def test_one_logit_is_answered_with_two_rows(effnet: Effnet, one: Path, picture: Path) -> None:
    (answer,) = effnet("classify", picture, "--weights", one, "--device", "cpu", "--json").json
    sure = float(logits(one, picture)[0].sigmoid())
    assert 0.6 < sure < 0.95
    assert [(row["label"], row["index"]) for row in answer["top"]] == [
        ("class 0", 0),
        ("not class 0", 1),
    ]
    assert [row["probability"] for row in answer["top"]] == pytest.approx([sure, 1 - sure])
    assert answer["activation"] == "sigmoid"
    said = effnet("classify", picture, "--weights", one, "--device", "cpu")
    assert "Probabilities: sigmoid (one logit)" in said.out
    assert "the two probabilities add up to 100 %" in said.out
    refused = effnet("classify", picture, "--weights", one, "--activation", "softmax")
    assert refused.code == 2
    assert "one logit takes a sigmoid" in refused.err


def test_several_labels_are_asked_for(effnet: Effnet, three: Path, picture: Path) -> None:
    asked = ("classify", picture, "--weights", three, "--device", "cpu", "--activation", "sigmoid")
    (answer,) = effnet(*asked, "--json").json
    z = logits(three, picture)
    order = z.argsort(descending=True).tolist()
    assert [row["index"] for row in answer["top"]] == order
    expected = z.sigmoid()[order].tolist()
    assert [row["probability"] for row in answer["top"]] == pytest.approx(expected, abs=1e-6)
    assert sum(expected) > 1.5
    assert "several may be above 50 %" in answer["meaning"]
    assert "Probabilities: sigmoid (given)" in effnet(*asked).out
    (plain,) = effnet(*asked[:-2], "--json").json
    assert plain["activation"] == "softmax"
    assert plain["meaning"] == ""
    assert sum(row["probability"] for row in plain["top"]) == pytest.approx(1, abs=1e-6)


def test_against_changes_nothing_of_one_logit(effnet: Effnet, one: Path, picture: Path) -> None:
    asked = ("explain", picture, "--weights", one, "--device", "cpu", "--ledger", "--class", "0")
    alone, rival = effnet(*asked, "--json").json, effnet(*asked, "--against", "1", "--json").json
    z = float(logits(one, picture)[0])
    assert alone["ledger"]["logit"] == pytest.approx(z, abs=1e-5)
    assert rival["ledger"] == alone["ledger"]
    assert rival["against"]["label"] == "not class 0"
    opposite = effnet(*asked[:-1], "1", "--json").json
    assert opposite["ledger"]["logit"] == pytest.approx(-z, abs=1e-5)


def test_of_several_sigmoids_against_is_a_difference_of_logits(
    effnet: Effnet, three: Path, picture: Path
) -> None:
    asked = ("explain", picture, "--weights", three, "--activation", "sigmoid", "--device", "cpu")
    found = effnet(*asked, "--ledger", "--class", "2", "--against", "0", "--json").json
    z = logits(three, picture).tolist()
    assert found["ledger"]["logit"] == pytest.approx(z[2] - z[0], abs=1e-5)
    assert found["class"]["probability"] == pytest.approx(1 / (1 + np.exp(-z[2])), abs=1e-6)


def test_evaluating_says_what_it_assumed(
    effnet: Effnet, three: Path, tmp_path: Path, picture: Path
) -> None:
    for name in ("class 0", "class 1"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "photo.png").write_bytes(picture.read_bytes())
    asked = ("evaluate", tmp_path / "photos", "--weights", three, "--device", "cpu")
    found = effnet(*asked, "--activation", "sigmoid", "--json").json
    z = logits(three, picture)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    losses = [bce(z, torch.eye(3).double()[label]) for label in (0, 1)]
    assert found["loss"] == pytest.approx(float(sum(losses)) / 2, abs=1e-5)
    assert "the class of the highest logit counts as the answer" in found["assumed"]
    assert found["assumed"] in effnet(*asked, "--activation", "sigmoid").out
    assert effnet(*asked, "--json").json["assumed"] == ""


def test_imported_weights_keep_what_was_said(effnet: Effnet, three: Path, picture: Path) -> None:
    asked = ("weights", "import", three, "--name", "mine", "--activation", "sigmoid", "--json")
    assert effnet(*asked).json["activation"] == "sigmoid"
    (answer,) = effnet("classify", picture, "--weights", "mine", "--json").json
    assert answer["activation"] == "sigmoid"
