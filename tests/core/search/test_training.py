"""Real trials on tiny photos: pruned, recorded, gone on with, and read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

from effnet_core import files
from effnet_core.datasets import prepared
from effnet_core.errors import InvalidInput
from effnet_core.results.searched import read_search
from effnet_core.search import record, running, samplers, storage
from effnet_core.search.space import SearchSpace, read
from effnet_core.search.surface import Shares
from effnet_core.search.training import (
    NETWORK,
    SEED,
    Training,
    about,
    network_of,
    pruner,
    require_suitable,
)
from effnet_core.training import job
from effnet_core.training.distributed import World
from effnet_core.training.family.runs import read as read_family
from effnet_core.training.job import TrainingData
from tests.core.training.family.conftest import photos

CPU = World(0, 1, torch.device("cpu"))


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> SearchSpace:
    """Three classes at 32 pixels: from the smallest network to 2.6 times its cost."""
    place = tmp_path_factory.mktemp("space")
    recipe = {"epochs": 2, "batch": 8, "held_out": 6, "drop_path": 0.1, "ema_decay": 0.9}
    family = {
        "format": "effnet-family/1",
        "name": "tiny",
        "base_resolution": 64,
        "num_classes": 3,
        "class_ids": ["a", "b", "c"],
        "classifier": "zero",
        "recipe": recipe,
        "runs": [{"id": "one", "group": "family", "phi": -5}],
    }
    (place / "list.json").write_text(json.dumps(family), encoding="utf-8")
    stated = {
        "format": "effnet-search/1",
        "name": "tiny",
        "list": str(place / "list.json"),
        "base_phi": -5,
        "mult_adds": 6_855_000,
        "phi": 1,
        "recipe": {"epochs": 2},
    }
    (place / "search.json").write_text(json.dumps(stated), encoding="utf-8")
    return read(str(place / "search.json"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    place = tmp_path_factory.mktemp("prepared")
    sets: dict[Any, Any] = {"train": photos("train", 10), "val": photos("val", 4)}
    prepared.write(sets, place, source="tones", form="drawn", unreadable=(), ignored=0)
    return job.read_data(place)


def study_of(space: SearchSpace, data: TrainingData, file: Path) -> optuna.Study:
    place = storage.open_storage(f"sqlite:///{file}", interval=1, grace=2)
    found = storage.open_study(place, "tiny", about(space, data), pruner(space.recipe.epochs))
    found.sampler = samplers.sampler("grid", seed=0, trials=3)
    return found


def test_trials_are_trained_recorded_and_read_again(
    space: SearchSpace, data: TrainingData, tmp_path: Path
) -> None:
    study = study_of(space, data, tmp_path / "search.db")
    objective = Training(space, data, tmp_path / "runs", CPU)
    assert running.run(study, objective, 3, grace=2).ended == 3
    assert not list((tmp_path / "runs").glob("tiny-*/*"))
    written = record.record(study, space, "tiny", sampler="grid", seed=0, side=16)
    files.write_json(tmp_path / "tiny.json", written)
    found = read_search(tmp_path / "tiny.json")
    assert len(found.trials) == 3
    for one, trial in zip(found.trials, running.counted(study), strict=True):
        if one.state == "complete":
            assert one.top1 == trial.value and len(one.curve) == space.recipe.epochs
        assert one.rule is not None and one.mult_adds is not None and one.device == "cpu"
    best = found.best
    assert best is not None and best.top1 == study.best_value
    family = tmp_path / "best.json"
    files.write_json(family, record.confirming(study, space, "tiny"))
    runs = read_family(family)
    assert [run.seed for run in runs.runs] == [0, 1, 2]
    assert {run.group for run in runs.runs} == {"search"}
    built = runs.spec(runs.runs[0])
    assert best.coefficients is not None and built.resolution == best.coefficients.resolution
    assert runs.recipe == space.family.recipe


def test_the_same_network_again_has_the_next_seed(
    space: SearchSpace, data: TrainingData, tmp_path: Path
) -> None:
    study = study_of(space, data, tmp_path / "search.db")
    network = network_of(space, space.propose(Shares(0, 0, 1)))
    known = {NETWORK: network, SEED: 0, "seen": True}
    study.add_trial(
        optuna.trial.create_trial(
            value=0.1,
            params={"u": 0.5, "v": 0.5},
            distributions={name: optuna.distributions.FloatDistribution(0, 1) for name in "uv"},
            user_attrs=known,
        )
    )
    trial = study.ask()
    Training(space, data, tmp_path / "runs", CPU)(trial, Shares(0, 0, 1))
    assert trial.user_attrs[SEED] == 1


def test_a_trial_that_is_pruned_counts_and_leaves_no_folder(
    space: SearchSpace, data: TrainingData, tmp_path: Path
) -> None:
    study = study_of(space, data, tmp_path / "search.db")
    study.pruner = optuna.pruners.ThresholdPruner(lower=1.0)
    running.run(study, Training(space, data, tmp_path / "runs", CPU), 3, grace=2)
    counted = running.counted(study)
    assert [one.state.name for one in counted] == ["PRUNED"] * 3
    assert all(list(one.intermediate_values) == [1] for one in counted)
    assert not list((tmp_path / "runs").glob("tiny-*"))


def test_other_photos_than_the_searchs_are_a_sentence(space: SearchSpace, tmp_path: Path) -> None:
    sets: dict[Any, Any] = {"train": photos("train", 10, classes=2)}
    prepared.write(sets, tmp_path, source="tones", form="drawn", unreadable=(), ignored=0)
    with pytest.raises(InvalidInput, match="The photos have other classes"):
        require_suitable(space, job.read_data(tmp_path))
