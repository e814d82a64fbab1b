"""From a finished run to a bundled model: what its files and records say."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from effnet_core.architecture.names import scaled
from effnet_core.datasets import prepare, prepared
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.evaluation.accuracy import evaluate
from effnet_core.files import seal
from effnet_core.training import loop
from effnet_core.training.distributed import World
from effnet_core.training.job import new_job, read_data
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.trainer import TrainingError
from effnet_core.weights import load_checkpoint
from effnet_core.weights.bundled import bundled_models
from scripts.bundle import Naming, bundle, half_precision, record_only

DAY = "2026-01-31"
NAMING = Naming(
    id="tiny3", title="tiny, trained here", group="family", strategy="compound", phi=-6.0
)
RECIPE = Recipe(epochs=2, batch=5, held_out=2, policy="none", first_resolution=1.0)


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A finished run of two epochs, and the assets folder that it was bundled into."""

    run: RunFolder
    validation: PhotoSet
    assets: Path
    record: dict[str, Any]

    def read(self, path: str) -> Any:
        return json.loads((self.assets / path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(drawn: Any, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundling")
    source = drawn.put(drawn.layout("splits"), folder / "files")
    prepare.prepare([source], folder / "set")
    job = new_job(scaled(-6, resolution=32), read_data(folder / "set"), RECIPE)
    run = RunFolder(folder / "run")
    loop.run(job, run, World(0, 1, torch.device("cpu")))
    validation = prepared.load(folder / "set", "val")
    assert validation is not None
    record = bundle(run, NAMING, validation, folder / "assets", date=DAY)
    return Bundle(run, validation, folder / "assets", record)


def test_the_file_is_the_finished_network_in_half_precision(made: Bundle) -> None:
    (model,) = bundled_models(made.assets / "models")
    trained, kept = load_checkpoint(made.run.model), load_checkpoint(model.path)
    assert (kept.spec, kept.classes) == (trained.spec, trained.classes)
    assert kept.preprocessing == trained.preprocessing == model.preprocessing
    for name, tensor in trained.state_dict.items():
        expected = tensor.half() if tensor.is_floating_point() else tensor
        assert torch.equal(kept.state_dict[name].to(expected.dtype), expected)
    assert model.size_bytes == model.path.stat().st_size < 0.6 * made.run.model.stat().st_size
    assert model.sha256 == hashlib.sha256(model.path.read_bytes()).hexdigest()
    assert made.record["weights"] == {"file": "tiny3.safetensors", "sha256": model.sha256}


def test_the_record_holds_what_the_run_and_the_photos_say(made: Bundle) -> None:
    record, result = made.read("measured/runs/tiny3.json"), made.run.result()
    assert record == seal(made.record)
    assert result is not None
    assert record["held_out"] == {"top1": result.top1, "top5": result.top5}
    assert record["seconds"] == result.seconds
    assert record["recipe"] == json.loads(made.run.begun().recipe.to_json())
    assert (record["data"]["train"], record["data"]["held_out"]) == (10, 2)
    assert [point["epoch"] for point in record["curve"]] == [1, 2]
    (model,) = bundled_models(made.assets / "models")
    predictor = Predictor(load_checkpoint(model.path), device="cpu")
    found = evaluate(predictor, made.validation)
    assert record["validation"]["photos"] == len(made.validation) == 6
    assert record["validation"]["top1"] == model.top1 == found.top1
    assert record["validation"]["loss"] == pytest.approx(found.loss)


def test_the_records_name_no_place_on_the_machine(made: Bundle, tmp_path: Path) -> None:
    texts = [file.read_text(encoding="utf-8") for file in made.assets.rglob("*.json")]
    texts.append((made.assets / "models" / "tiny3.md").read_text(encoding="utf-8"))
    assert len(texts) == 4
    assert not [text for text in texts if str(made.run.path.parent) in text]


def test_the_card_holds_the_records_numbers(made: Bundle) -> None:
    (model,) = bundled_models(made.assets / "models")
    card = model.card.read_text(encoding="utf-8")
    record = made.read("measured/runs/tiny3.json")
    assert card.startswith("# tiny, trained here\n")
    assert f"| 6 validation photos | {record['validation']['top1']:.2%} |" in card
    assert f"| 2 held-out training photos | {record['held_out']['top1']:.2%} |" in card
    assert f"{model.params:,} parameters" in card and model.sha256 in card
    assert f"{model.size_bytes:,} bytes" in card and DAY in card
    for name, value in record["recipe"].items():
        assert f"| {name} | {value} |" in card
    maps = made.read("measured/maps/tiny3.json")
    assert maps["photos"] == maps["rows"][0]["photos"] == 6
    for row in maps["rows"]:
        assert f"| {row['subject']} |" in card
        assert f"{row['energy']['mean']:.3f}" in card


def test_bundling_again_replaces_the_entry_and_leaves_others(made: Bundle, tmp_path: Path) -> None:
    other = {**made.read("models/models.json")["models"][0], "id": "other", "top1": 1.0}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "models.json").write_text(json.dumps({"models": [other]}))
    for title in ("first", "second"):
        naming = dataclasses.replace(NAMING, title=title)
        bundle(made.run, naming, made.validation, tmp_path, date=DAY)
    found = json.loads((tmp_path / "models" / "models.json").read_text(encoding="utf-8"))
    assert [(m["id"], m["title"]) for m in found["models"]] == [
        ("other", other["title"]),
        ("tiny3", "second"),
    ]


def test_a_run_that_is_not_finished_is_refused(made: Bundle, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.begin(made.run.begun().spec, made.run.begun().recipe, made.run.begun().about, {})
    with pytest.raises(TrainingError, match="not finished"):
        bundle(run, NAMING, made.validation, tmp_path / "assets", date=DAY)
    with pytest.raises(TrainingError, match="not finished"):
        record_only(run, NAMING, {}, 64, tmp_path / "assets", date=DAY)
    assert not (tmp_path / "assets").exists()


def test_photos_of_other_classes_are_refused_and_nothing_is_written(
    made: Bundle, tmp_path: Path
) -> None:
    others = dataclasses.replace(made.validation, classes=("a", "b", "c"))
    with pytest.raises(InvalidInput, match="other classes"):
        bundle(made.run, NAMING, others, tmp_path / "assets", date=DAY)
    assert not (tmp_path / "assets").exists()


def test_a_value_that_float16_cannot_hold_is_refused(made: Bundle) -> None:
    loaded = load_checkpoint(made.run.model)
    name = next(key for key, values in loaded.tensors.items() if values.dtype.kind == "f")
    large = {**loaded.tensors, name: np.full_like(loaded.tensors[name], 7e4)}
    with pytest.raises(CheckpointError, match=f"{name} holds values that float16 cannot"):
        half_precision(dataclasses.replace(loaded, tensors=large))
    assert half_precision(loaded).tensors[name].dtype == np.float16


def test_a_record_without_weights_holds_what_was_measured(made: Bundle, tmp_path: Path) -> None:
    measured = {**made.record["validation"], "top1": 0.125}
    record_only(made.run, NAMING, measured, made.validation.side, tmp_path, date=DAY)
    written = json.loads((tmp_path / "measured/runs/tiny3.json").read_text(encoding="utf-8"))
    expected = {**made.record, "validation": measured, "weights": None}
    assert written == seal(expected)
    assert not (tmp_path / "models").exists()
