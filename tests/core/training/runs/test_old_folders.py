"""Folders of runs that an earlier version of this program left behind are read as it read them."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from effnet_core.service.training.jobs import TrainingJobs
from effnet_core.training.family.training import validation_of
from effnet_core.training.runs.folder import read_run
from effnet_core.weights import WeightsStore

FOLDERS = Path(__file__).parents[3] / "golden" / "runs"
FINISHED, KILLED = "finished-shapes-ldnpkl", "killed-shapes-xtyyxn"
STOPPED, FAILED = "stopped-and-tuned-yll6uo", "failed-shapes-ndo4kw"
ORDERED = (FINISHED, KILLED, STOPPED, FAILED)
BY_COMMAND, OF_A_FAMILY = "commanded", "narrow"

STATES = {
    FINISHED: ("finished", ""),
    KILLED: ("failed", "The process that trained has ended without a word"),
    STOPPED: ("stopped", ""),
    FAILED: ("failed", "checkpoint.pt cannot be read (UnpicklingError); the run has to begin"),
    BY_COMMAND: ("stopped", ""),
    OF_A_FAMILY: ("finished", ""),
}


def written(run: str, name: str) -> Any:
    """What stands in a file of a run; None where there is none."""
    path = FOLDERS / run / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


NEWER = {"class_mean": None}
"""What runs of that time did not write."""


@pytest.mark.parametrize("run", STATES)
def test_everything_that_stands_in_a_folder_is_in_its_run(run: str) -> None:
    found = read_run(FOLDERS / run)
    state, sentence = STATES[run]
    assert (found.id, found.state, found.sentence[: len(sentence)]) == (run, state, sentence)
    assert found.status is not None
    assert asdict(found.status) == NEWER | written(run, "status.json")
    assert found.begun is not None
    assert json.loads(found.begun.recipe.to_json()) == written(run, "recipe.json")
    assert json.loads(found.begun.spec.to_json()) == written(run, "spec.json")
    assert found.begun.about == written(run, "run.json")
    result = written(run, "result.json")
    assert (found.result and asdict(found.result)) == (result and NEWER | result)
    assert (found.order is not None) == (run in ORDERED)
    if found.order is not None:
        order = written(run, "order.json")
        plain = {"classes": list(found.order.classes), "spec": found.begun.spec.to_dict()}
        plain["recipe"] = found.order.recipe.to_dict()
        assert json.loads(json.dumps(asdict(found.order) | plain)) == order


def test_the_page_lists_them_and_what_can_be_done(tmp_path: Path) -> None:
    for run in ORDERED:
        shutil.copytree(FOLDERS / run, tmp_path / "runs" / run)
    jobs = TrainingJobs(tmp_path / "runs", WeightsStore(tmp_path / "weights"))
    assert [run.id for run in jobs.runs()] == [FAILED, STOPPED, KILLED, FINISHED]
    assert [run.name for run in jobs.runs()][1] == "Stopped and tuned"
    assert [run.resumable for run in jobs.runs()] == [True, True, True, False]
    assert not any(run.live or run.model for run in jobs.runs())
    first, last = jobs.course(FINISHED).points[0], jobs.course(FINISHED).points[-1]
    lines = (FOLDERS / FINISHED / "metrics.jsonl").read_text().splitlines()
    for point, line in ((first, lines[0]), (last, lines[-1])):
        metric = json.loads(line)
        assert (point.epoch, point.loss) == (metric["epoch"], metric["loss"])
        assert point.top1 == metric.get("held_out", {}).get("top1")


def test_what_a_family_s_run_came_to_is_not_measured_again() -> None:
    seen = validation_of(FOLDERS / OF_A_FAMILY)
    assert seen is not None and (seen["photos"], seen["top1"]) == (4, 0.5)
