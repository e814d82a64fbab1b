"""A network that begins from trained weights: what it keeps, what is new, what it gains."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.images import Preprocessing
from effnet_core.network.build import build
from effnet_core.training import loop
from effnet_core.training.finetune import preprocessing_of, starting_model
from effnet_core.training.job import Job, TrainingData, fine_tuning_job, read_data, resumed_job
from effnet_core.training.presets import FINE_TUNING
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.runs.run import Status
from effnet_core.training.trainer import TrainingError
from effnet_core.weights import LoadedWeights, load_checkpoint, save_checkpoint
from tests.core.photo_reading import read_photos

OTHER = Preprocessing(
    resize=40, crop=32, interpolation="lanczos", mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4)
)
RECIPE = Recipe(epochs=2, batch=16, held_out=16, dropout=0.4, drop_path=0.2, body_rate=0.1)


@pytest.fixture
def loaded(tiny: Any, tmp_path: Path) -> LoadedWeights:
    """Weights of the tiny network for seven classes, with preprocessing of their own."""
    path = tmp_path / "seven.safetensors"
    model = build(tiny.spec(num_classes=7), seed=3)
    save_checkpoint(path, model, classes=tuple("abcdefg"), preprocessing=OTHER)
    return load_checkpoint(path)


def test_the_body_is_kept_and_the_classifier_is_new(loaded: LoadedWeights) -> None:
    model, spec = starting_model(loaded, RECIPE, 4)
    assert (spec.num_classes, spec.resolution, spec.dropout) == (4, 32, 0.4)
    assert model.spec == spec
    state = model.state_dict()
    for name, value in loaded.state_dict.items():
        if not name.startswith("classifier."):
            assert torch.equal(state[name], value), name
    assert state["classifier.weight"].shape == (4, 32)
    assert not state["classifier.weight"].any()
    assert not state["classifier.bias"].any()
    block = model.blocks(2)[1]
    assert block.drop_path == pytest.approx(0.2 * 2 / 5)


def test_half_precision_weights_are_trained_in_single(loaded: LoadedWeights) -> None:
    half = {
        name: values.astype(np.float16) if values.dtype.kind == "f" else values
        for name, values in loaded.tensors.items()
    }
    model, _ = starting_model(dataclasses.replace(loaded, tensors=half), RECIPE, 4)
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert torch.equal(model.stem.conv.weight, torch.tensor(half["stem.conv.weight"]).float())


def test_photos_are_shown_as_to_the_weights(loaded: LoadedWeights) -> None:
    assert preprocessing_of(loaded) == preprocessing_of(loaded, 32) == OTHER
    larger = preprocessing_of(loaded, 64)
    assert larger == dataclasses.replace(OTHER, resize=80, crop=64)
    model, spec = starting_model(loaded, RECIPE, 4, resolution=64)
    assert spec.resolution == 64
    assert model(torch.zeros(1, 3, 64, 64)).tolist() == [[0.0] * 4]


@pytest.fixture
def data(tiny: Any, tmp_path: Path) -> TrainingData:
    """Photos to fine-tune on."""
    return read_data(tiny.prepared(tmp_path / "data"))


def stopped_at(step: int) -> Any:
    """A report that asks the run to stop once it has come so far."""

    def report(status: Status) -> None:
        if status.step == step and status.state == "running":
            os.kill(os.getpid(), signal.SIGTERM)

    return report


@pytest.mark.parametrize("step", [0, 1, 5])
def test_a_fine_tuning_is_resumed_without_the_weights_it_began_from(
    tiny: Any,
    loaded: LoadedWeights,
    data: TrainingData,
    tmp_path: Path,
    every_step: None,
    step: int,
) -> None:
    whole, folder = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "run")
    recipe = dataclasses.replace(RECIPE, frozen_stages=2)
    loop.run(fine_tuning_job(loaded, data, recipe), whole, tiny.alone)
    job = fine_tuning_job(loaded, data, recipe)
    assert loop.run(job, folder, tiny.alone, report=stopped_at(step)).state == "stopped"
    assert folder.begun().about["from"]["sha256"] == loaded.sha256
    job = resumed_job(folder)
    assert job.model is None
    loop.run(job, folder, tiny.alone, resume=True)
    assert folder.model.read_bytes() == whole.model.read_bytes()
    kept = load_checkpoint(folder.model)
    assert kept.preprocessing == OTHER
    assert kept.classes == tiny.photos().classes
    for name in ("stem.conv.weight", "stages.1.0.depthwise.norm.running_mean"):
        assert torch.equal(kept.state_dict[name], loaded.state_dict[name])
    name = "stages.2.0.depthwise.norm.running_mean"
    assert not torch.equal(kept.state_dict[name], loaded.state_dict[name])


def test_changed_or_lost_photos_are_refused(
    tiny: Any, loaded: LoadedWeights, data: TrainingData, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    report = stopped_at(0)
    loop.run(fine_tuning_job(loaded, data, RECIPE), folder, tiny.alone, report=report)
    moved = tmp_path / "moved"
    data.path.rename(moved)
    with pytest.raises(TrainingError, match=r"are no longer in .*; bring them back"):
        resumed_job(folder)
    assert resumed_job(folder, moved).recipe == RECIPE
    tiny.prepared(moved, seed=9)
    with pytest.raises(TrainingError, match="not those that the run was begun with"):
        resumed_job(folder, moved)
    (folder.path / "run.json").write_text('{"data": "somewhere"}')
    with pytest.raises(TrainingError, match="does not say where its photos are"):
        resumed_job(folder)


def test_a_run_that_was_moved_finds_the_photos_in_its_folder(
    tiny: Any, loaded: LoadedWeights, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    data = read_data(tiny.prepared(folder.path / "data"))
    report = stopped_at(0)
    loop.run(fine_tuning_job(loaded, data, RECIPE), folder, tiny.alone, report=report)
    folder.path.rename(tmp_path / "elsewhere")
    assert len(resumed_job(RunFolder(tmp_path / "elsewhere")).photos) == 80


@pytest.fixture(scope="module")
def ten_classes(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> PhotoSet:
    """The validation photos of the first ten classes of Tiny-ImageNet, 50 of each."""
    source = test_data / "tiny-imagenet-100"
    if not source.is_dir():
        pytest.skip(f"{source} is absent: the fine-tuning test needs its photos")
    listed = tmp_path_factory.mktemp("ten") / "classes.csv"
    rows = (source / "classes.csv").read_text().splitlines()
    listed.write_text("\n".join(rows[:11]) + "\n")
    photos, _ = read_photos(source, side=64, class_list=listed)
    return photos


def test_real_weights_are_worth_more_than_none(
    ten_classes: PhotoSet, v2b0_weights: Path, tiny: Any, tmp_path: Path
) -> None:
    """Two epochs on 300 photos of 64 pixels: chance is 10 %, the held-out 200 photos decide."""
    if not v2b0_weights.exists():
        pytest.skip(f"{v2b0_weights} is absent: the fine-tuning test needs its weights")
    assert len(ten_classes) == 500
    recipe = dataclasses.replace(FINE_TUNING, epochs=2, held_out=200, ema_decay=0.9)
    frozen = dataclasses.replace(recipe, frozen_stages=5)
    loaded = load_checkpoint(v2b0_weights)
    model, spec = starting_model(loaded, frozen, 10, resolution=64)
    fields: dict[str, Any] = {"spec": spec, "photos": ten_classes, "about": {}}
    shown = preprocessing_of(loaded, 64)
    results: dict[str, float] = {}
    for name, job in (
        ("tuned", Job(recipe=frozen, model=model, preprocessing=shown, **fields)),
        ("from scratch", Job(recipe=dataclasses.replace(recipe, body_rate=1.0), **fields)),
    ):
        folder = RunFolder(tmp_path / name)
        top1 = loop.run(job, folder, tiny.alone).top1
        assert top1 is not None
        results[name] = top1
    assert results["tuned"] > 0.4
    assert results["tuned"] > results["from scratch"] + 0.2
    body = load_checkpoint(tmp_path / "tuned" / "model.safetensors").state_dict
    assert torch.equal(body["stem.conv.weight"], loaded.state_dict["stem.conv.weight"])
