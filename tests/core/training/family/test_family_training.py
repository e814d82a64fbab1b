"""Training a list of runs: in order, resumable, each measured once on the validation photos."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import pytest
import torch

from effnet_core.datasets import prepared
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.errors import DataError, InvalidInput
from effnet_core.training.distributed import World
from effnet_core.training.family import training
from effnet_core.training.family.plan import plan
from effnet_core.training.family.runs import Family
from effnet_core.training.family.training import FamilyData, Outcome, read_data, train_family
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.trainer import TrainingError
from effnet_core.weights import load_checkpoint

CPU = World(0, 1, torch.device("cpu"))


def read_json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_every_run_is_trained_and_measured(
    whole: tuple[Path, tuple[Outcome, ...]], data: FamilyData
) -> None:
    out, outcomes = whole
    assert [(one.id, one.state, one.earlier) for one in outcomes] == [
        ("narrow", "finished", False),
        ("wide", "finished", False),
    ]
    for outcome in outcomes:
        result = RunFolder(out / outcome.id).result()
        assert result is not None and result.steps == 9
        measured = read_json(out / outcome.id / "validation.json")
        assert measured["photos"] == 12 and measured["top5"] == 1.0
        assert (outcome.held_out_top1, outcome.validation_top1) == (
            result.top1,
            measured["top1"],
        )
        loaded = load_checkpoint(out / outcome.id / "model.safetensors")
        assert loaded.sha256 == measured["weights_sha256"]
        about = RunFolder(out / outcome.id).begun().about
        assert about["data"] == {
            "name": "tones",
            "path": str(data.training.path),
            "train": 24,
            "held_out": 6,
            "validation": 12,
            "sha256": data.training.sha256,
        }
        assert measured["sha256"] == data.training.sha256["val.safetensors"]
        assert (about["family"]["id"], about["family"]["list"]) == (outcome.id, "two tiny ones")
    assert RunFolder(out / "wide").begun().recipe.seed == 1


def test_finished_runs_are_left_alone(
    whole: tuple[Path, tuple[Outcome, ...]],
    data: FamilyData,
    listed: Callable[..., Family],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, outcomes = whole
    before = {path: path.stat().st_mtime_ns for path in sorted(out.rglob("*.*")) if path.is_file()}
    monkeypatch.setattr(training.loop, "run", pytest.fail)
    monkeypatch.setattr(training, "evaluate", pytest.fail)
    family = listed()
    again = train_family(family, family.runs, data, out, CPU)
    assert [one.earlier for one in again] == [True, True]
    assert [one.validation_top1 for one in again] == [one.validation_top1 for one in outcomes]
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before


def test_the_validation_photos_are_looked_at_once(
    data: FamilyData, listed: Callable[..., Family], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def look(predictor: Any, seen: PhotoSet, **options: Any) -> Any:
        looks.append(len(seen))
        if len(looks) == 1:
            raise RuntimeError("the lights went out")
        return evaluate(predictor, seen, **options)

    evaluate = training.evaluate
    monkeypatch.setattr(training, "evaluate", look)
    family = listed()
    runs = family.chosen(("narrow",))
    (first,) = train_family(family, runs, data, tmp_path, CPU)
    assert first.state == "failed" and "the lights went out" in first.sentence
    assert plan(family, runs, CPU.device, out=tmp_path, records=tmp_path)[0].state == "begun"
    (second,) = train_family(family, runs, data, tmp_path, CPU)
    (third,) = train_family(family, runs, data, tmp_path, CPU)
    assert (second.state, third.state, third.earlier) == ("finished", "finished", True)
    assert looks == [12, 12]
    row = plan(family, runs, CPU.device, out=tmp_path, photos=30, records=tmp_path)[0]
    assert (row.state, row.seconds_left) == ("finished", 0)
    assert row.photos_per_second and row.photos_per_second > 0
    (tmp_path / "narrow" / "validation.json").write_text("{", encoding="utf-8")
    (fourth,) = train_family(family, runs, data, tmp_path, CPU)
    assert fourth.state == "failed" and "it is not measured again" in fourth.sentence
    assert looks == [12, 12]


def test_a_failed_run_is_told_and_the_next_begins(
    data: FamilyData, listed: Callable[..., Family], plain: dict[str, Any], tmp_path: Path
) -> None:
    broken = {"recipe": {"batch": 64}, "reason": "more than there are"}
    first, second = plain["runs"]
    family = listed(runs=[{**first, "changes": broken}, second])
    told: list[Outcome] = []
    outcomes = train_family(family, family.runs, data, tmp_path, CPU, ended=told.append)
    assert [one.state for one in outcomes] == ["failed", "finished"]
    assert "fewer than one batch of 64" in outcomes[0].sentence
    assert tuple(told) == outcomes


def test_without_cuda_the_others_wait(
    whole: tuple[Path, tuple[Outcome, ...]],
    data: FamilyData,
    listed: Callable[..., Family],
    same_weights: Callable[[Path, Path], bool],
    plain: dict[str, Any],
    tmp_path: Path,
) -> None:
    runs = [{name: one[name] for name in one if name != "always"} for one in plain["runs"]]
    family = listed(runs=runs)
    outcomes = train_family(family, family.runs, data, tmp_path, CPU)
    assert [(one.state, one.sentence) for one in outcomes] == [
        ("needs CUDA", "It needs a CUDA device.")
    ] * 2
    assert not (tmp_path / "narrow").exists()
    finished = train_family(family, family.runs, data, whole[0], CPU)
    assert [one.state for one in finished] == ["finished", "finished"]
    (forced,) = train_family(family, family.chosen(("wide",)), data, tmp_path, CPU, every=True)
    assert forced.state == "finished"
    assert same_weights(tmp_path / "wide", whole[0] / "wide")


@pytest.mark.gpu
def test_on_a_gpu_all_runs_are_trained(
    data: FamilyData, listed: Callable[..., Family], plain: dict[str, Any], tmp_path: Path
) -> None:
    runs = [{name: one[name] for name in one if name != "always"} for one in plain["runs"]]
    family = listed(runs=runs, recipe={**plain["recipe"], "precision": "bfloat16"})
    world = World(0, 1, torch.device("cuda", 0))
    outcomes = train_family(family, family.runs, data, tmp_path, world)
    assert [one.state for one in outcomes] == ["finished", "finished"]
    assert RunFolder(tmp_path / "narrow").begun().about["device"] == torch.cuda.get_device_name(0)


def test_one_process_at_a_time(
    data: FamilyData, listed: Callable[..., Family], tmp_path: Path
) -> None:
    family = listed()
    with (
        filelock.FileLock(tmp_path / training.LOCK),
        pytest.raises(TrainingError, match="Another process is training in"),
    ):
        train_family(family, family.runs, data, tmp_path, CPU)
    with pytest.raises(InvalidInput, match="start it without torchrun"):
        train_family(family, family.runs, data, tmp_path, World(0, 2, CPU.device))


def test_photos_must_suit_the_list(
    data: FamilyData, listed: Callable[..., Family], tmp_path: Path
) -> None:
    family = listed(num_classes=4)
    with pytest.raises(InvalidInput, match="have 3 classes, and the networks of the list 4"):
        train_family(family, family.runs, data, tmp_path, CPU)
    sets: dict[Any, PhotoSet] = {"train": data.training.photos}
    prepared.write(sets, tmp_path / "p", source="s", form="drawn", unreadable=(), ignored=0)
    with pytest.raises(DataError, match="has no validation photos"):
        read_data(tmp_path / "p")
