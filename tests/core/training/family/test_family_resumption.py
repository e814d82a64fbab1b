"""Runs that break off, by a signal or without a word, and what counts as going on with them."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from effnet_core.training import loop
from effnet_core.training.distributed import World
from effnet_core.training.family.plan import plan
from effnet_core.training.family.runs import Family, FamilyRun
from effnet_core.training.family.training import FamilyData, Outcome, train_family
from effnet_core.training.job import resumed_job
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.runs.run import Status

CPU = World(0, 1, torch.device("cpu"))
EPOCHS, STEPS = 3, 3


def test_stopped_in_the_middle_it_goes_on_to_the_same_weights(
    whole: tuple[Path, tuple[Outcome, ...]],
    data: FamilyData,
    listed: Callable[..., Family],
    same_weights: Callable[[Path, Path], bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "STATUS_SECONDS", 0.0)
    family = listed()
    told: list[Outcome] = []

    def stop(run: FamilyRun, status: Status) -> None:
        if status.state == "running" and status.step == STEPS + 1:
            os.kill(os.getpid(), signal.SIGTERM)

    outcomes = train_family(
        family, family.runs, data, tmp_path, CPU, report=stop, ended=told.append
    )
    assert [(one.id, one.state) for one in outcomes] == [("narrow", "stopped")]
    assert tuple(told) == outcomes
    assert not (tmp_path / "wide").exists()
    (row, other) = plan(family, family.runs, CPU.device, out=tmp_path, photos=30, records=tmp_path)
    assert (row.state, other.state) == ("begun", "to do")
    status = RunFolder(tmp_path / "narrow").status()
    assert status is not None and STEPS < status.step < EPOCHS * STEPS
    left = (EPOCHS * STEPS - status.step) * 8
    assert row.photos_per_second and row.seconds_left == left / row.photos_per_second
    outcomes = train_family(family, family.runs, data, tmp_path, CPU)
    assert [(one.id, one.state) for one in outcomes] == [
        ("narrow", "finished"),
        ("wide", "finished"),
    ]
    for run in family.runs:
        assert same_weights(tmp_path / run.id, whole[0] / run.id)


def test_killed_without_a_word_it_goes_on_to_the_same_weights(
    whole: tuple[Path, tuple[Outcome, ...]],
    data: FamilyData,
    listed: Callable[..., Family],
    same_weights: Callable[[Path, Path], bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "STATUS_SECONDS", 0.0)
    family = listed()
    runs = family.chosen(("narrow",))

    def kill(run: FamilyRun, status: Status) -> None:
        if status.step == STEPS + 2:  # the checkpoint is that of the epoch before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_family(family, runs, data, tmp_path, CPU, report=kill)
    assert RunFolder(tmp_path / "narrow").result() is None
    (outcome,) = train_family(family, runs, data, tmp_path, CPU)
    assert outcome.state == "finished"
    assert same_weights(tmp_path / "narrow", whole[0] / "narrow")


def test_another_recipe_network_or_set_of_photos_is_no_continuation(
    whole: tuple[Path, tuple[Outcome, ...]],
    data: FamilyData,
    listed: Callable[..., Family],
    plain: dict[str, Any],
) -> None:
    def sentence(family: Family, seen: FamilyData = data) -> str:
        (outcome,) = train_family(family, family.chosen(("narrow",)), seen, whole[0], CPU)
        assert outcome.state == "failed"
        return outcome.sentence

    wider = {**plain["networks"], "narrow": plain["networks"]["wide"]}
    sha256 = {**data.training.sha256, "val.safetensors": "0"}
    changed = dataclasses.replace(data.training, sha256=sha256)
    moved = dataclasses.replace(data.training, path=Path("/elsewhere"))
    assert "begun with another recipe" in sentence(listed(recipe={**plain["recipe"], "epochs": 4}))
    assert "begun with another network" in sentence(listed(networks=wider))
    assert "begun with another set of photos" in sentence(
        listed(), dataclasses.replace(data, training=changed)
    )
    family = listed()
    there = dataclasses.replace(data, training=moved)
    (outcome,) = train_family(family, family.chosen(("narrow",)), there, whole[0], CPU)
    assert outcome.state == "finished"


def test_a_single_run_can_be_resumed_by_itself(
    whole: tuple[Path, tuple[Outcome, ...]], data: FamilyData
) -> None:
    job = resumed_job(RunFolder(whole[0] / "narrow"))
    assert job.spec == RunFolder(whole[0] / "narrow").begun().spec
    assert torch.equal(job.photos.images, data.training.photos.images)


def test_a_run_begun_on_another_device_goes_on_as_it_was(
    whole: tuple[Path, tuple[Outcome, ...]],
    data: FamilyData,
    listed: Callable[..., Family],
    plain: dict[str, Any],
) -> None:
    on_cpu = {"recipe": {"epochs": 2}, "reason": "slow"}
    first, second = plain["runs"]
    family = listed(runs=[{**first, "on_cpu": on_cpu}, second])
    (outcome,) = train_family(family, family.chosen(("narrow",)), data, whole[0], CPU)
    assert (outcome.state, outcome.earlier) == ("finished", True)
