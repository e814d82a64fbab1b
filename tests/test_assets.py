"""What lies in `assets/`: whole, within its size, and what the records say of it is so."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from effnet_core.cost.report import summarize
from effnet_core.engines.predictor import Predictor
from effnet_core.weights.bundled import BundledModel, bundled_models
from effnet_core.weights.checkpoints import load_checkpoint

ASSETS = Path(__file__).resolve().parents[1] / "assets"
MOST_BYTES = 80_000_000
MODELS = bundled_models(ASSETS / "models")
KNOWN = pytest.mark.parametrize("model", MODELS, ids=[model.id for model in MODELS])


def record(kind: str, model: BundledModel) -> dict[str, Any]:
    """The record of the model's run, or of its maps."""
    text = (ASSETS / "measured" / kind / f"{model.run}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def test_a_model_comes_with_the_project() -> None:
    assert MODELS


def test_all_of_it_is_small_enough_to_be_carried() -> None:
    assert sum(file.stat().st_size for file in ASSETS.rglob("*") if file.is_file()) < MOST_BYTES


def test_every_file_of_models_belongs_to_the_manifest() -> None:
    expected = {"models.json"}
    for model in MODELS:
        expected |= {model.path.name, model.card.name}
    assert {file.name for file in (ASSETS / "models").iterdir()} == expected


@KNOWN
def test_the_file_is_what_manifest_and_record_say(model: BundledModel) -> None:
    loaded, run = load_checkpoint(model.path), record("runs", model)
    sha256 = hashlib.sha256(model.path.read_bytes()).hexdigest()
    assert model.sha256 == sha256 == run["weights"]["sha256"]
    assert model.size_bytes == model.path.stat().st_size
    assert json.loads(loaded.spec.to_json()) == run["spec"]
    assert (loaded.classes, loaded.preprocessing) == (model.classes, model.preprocessing)
    assert model.stage_count == loaded.spec.stage_count
    assert (model.padding, model.bn_eps) == (loaded.spec.padding, loaded.spec.bn_eps)
    assert model.params == summarize(loaded.spec).params


@KNOWN
def test_the_card_says_what_the_records_say(model: BundledModel) -> None:
    card, run, maps = model.card.read_text("utf-8"), record("runs", model), record("maps", model)
    assert model.top1 == run["validation"]["top1"]
    for share in (*run["held_out"].values(), model.top1, run["validation"]["top5"]):
        assert f"{share:.2%}" in card
    for row in maps["rows"]:
        assert row["photos"] == maps["photos"]
        for metric in ("pointing", "energy", "insertion", "deletion"):
            assert f"{row[metric]['mean']:.3f}" in card
    subjects = {row["subject"] for row in maps["rows"]}
    assert {"random map", "centre Gaussian", maps["method"]} <= subjects
    for part in (model.sha256, "non-commercial research", "## Limits", "## Training", "## Data"):
        assert part in card


@KNOWN
def test_the_data_is_what_the_record_counts(model: BundledModel) -> None:
    run = record("runs", model)
    assert run["validation"]["photos"] == run["data"]["validation"]
    assert f"{run['validation']['photos']:,} validation photos" in model.data
    assert f"{len(model.classes)} classes" in model.data
    assert len(run["curve"]) == run["recipe"]["epochs"]


@pytest.mark.parametrize("model", MODELS[:1], ids=[model.id for model in MODELS[:1]])
def test_the_recorded_accuracy_is_measured_again(model: BundledModel, test_data: Path) -> None:
    from effnet_core.evaluation.accuracy import evaluate
    from tests.core.photo_reading import read_photos

    run = record("runs", model)
    photos, read = read_photos(test_data / "tiny-imagenet-100", side=run["data"]["side"])
    assert not read.unreadable
    found = evaluate(Predictor(load_checkpoint(model.path)), photos)
    assert found.photos == run["validation"]["photos"] == 5000
    assert found.top1 == pytest.approx(run["validation"]["top1"], abs=0.001)
    assert found.top5 == pytest.approx(run["validation"]["top5"], abs=0.001)
    assert found.loss == pytest.approx(run["validation"]["loss"], abs=0.002)
