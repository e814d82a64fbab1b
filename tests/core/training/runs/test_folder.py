"""The folder of a run stays readable whatever a crash left behind, and belongs to one process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.soak.flips import turned
from effnet_core import files
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import RunFolder, environment, read_run
from effnet_core.training.runs.run import Status
from effnet_core.training.trainer import TrainingError

CPU = torch.device("cpu")
STATUS = Status(state="running", pid=1, epoch=0, epochs=2, step=3, steps=8)

METRIC = {"epoch": 0.5, "loss": 1.25, "learning_rate": 0.1, "seconds": 2.0}


@pytest.fixture
def folder(tmp_path: Path, tiny: Any) -> RunFolder:
    """A run that has begun."""
    folder = RunFolder(tmp_path / "run")
    with folder.claimed():
        folder.begin(tiny.spec(), Recipe(seed=7), {"data": "drawn"}, {"steps": 0})
    return folder


def test_what_was_asked_is_read_back(folder: RunFolder, tiny: Any) -> None:
    assert folder.begun().recipe == Recipe(seed=7)
    assert folder.begun().spec == tiny.spec()
    assert folder.begun().about == {"data": "drawn"}
    assert folder.load_state(CPU) == {"steps": 0}
    assert (folder.status(), folder.result(), folder.read_metrics()) == (None, None, ())
    folder.write_status(STATUS)
    assert folder.status() == STATUS


def test_the_recipe_is_written_last(
    tmp_path: Path, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before, there is no run to be resumed, and the folder may be used again."""
    folder = RunFolder(tmp_path)
    written: list[str] = []
    whole = files.write_json

    def write(path: Path, value: object) -> None:
        assert not folder.exists
        written.append(path.name)
        whole(path, value)

    monkeypatch.setattr(files, "write_json", write)
    folder.begin(tiny.spec(), Recipe(), {}, {"steps": 0})
    assert written[-1] == "recipe.json"
    assert folder.checkpoint.exists()
    with pytest.raises(TrainingError, match="holds a run already"):
        folder.require_new()


def test_a_line_that_is_not_whole_yet_is_left_out(folder: RunFolder) -> None:
    for step in (1, 2, 3):
        folder.add_metric({"step": step})
    with folder.metrics.open("a") as file:
        file.write('{"step": 4, "lo')
    assert [metric["step"] for metric in folder.read_metrics()] == [1, 2, 3]
    folder.keep_metrics_until(2)
    folder.add_metric({"step": 3})
    assert [metric["step"] for metric in folder.read_metrics()] == [1, 2, 3]
    assert len(folder.metrics.read_text().splitlines()) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "running"}', '{"unknown": 1}', "\x80"])
def test_a_damaged_status_is_none(folder: RunFolder, text: str) -> None:
    (folder.path / "status.json").write_text(text, encoding="latin-1")
    assert folder.status() is None


def test_a_damaged_checkpoint_is_a_sentence(folder: RunFolder) -> None:
    data = folder.checkpoint.read_bytes()
    for damaged in (data[: len(data) // 2], b"", b"x" * 100):
        folder.checkpoint.write_bytes(damaged)
        with pytest.raises(TrainingError, match="begin again in another folder"):
            folder.load_state(CPU)
    folder.checkpoint.unlink()
    assert folder.load_state(CPU) is None


def test_no_flipped_bit_of_a_checkpoint_is_trained_on(folder: RunFolder) -> None:
    """The state before it is gone on from; where there is none, a sentence."""
    state = {"steps": 5, "model": {"weight": torch.arange(3000.0)}}
    folder.save_state(state)
    whole = folder.checkpoint.read_bytes()
    for damaged in turned(whole, 200):
        folder.checkpoint.write_bytes(damaged)
        assert folder.load_state(CPU) == {"steps": 0}
    folder.before.unlink()
    with pytest.raises(TrainingError, match="nothing whole was saved before it"):
        folder.load_state(CPU)


def test_every_flipped_bit_of_a_run_is_told_and_the_rest_is_shown(folder: RunFolder) -> None:
    folder.write_status(STATUS)
    for step in (1, 2):
        folder.add_metric({**METRIC, "step": step})
    sound, course = read_run(folder.path), folder.points()
    assert (sound.damaged, course.damaged, len(course.points)) == ((), 0, 2)
    for name in ("recipe.json", "spec.json", "run.json", "status.json"):
        path = folder.path / name
        data = path.read_bytes()
        for damaged in turned(data, 200):
            path.write_bytes(damaged)
            found = read_run(folder.path)
            assert found.damaged == (name,) or (found.begun, found.status) == (
                sound.begun,
                sound.status,
            )
            assert folder.points() == course
        path.write_bytes(data)
    data = folder.metrics.read_bytes()
    for damaged in turned(data, 200):
        folder.metrics.write_bytes(damaged)
        found_course = folder.points()
        assert found_course == course or found_course.damaged >= 1
        assert set(found_course.points) <= set(course.points)


@pytest.mark.parametrize("name", ["recipe.json", "spec.json", "run.json"])
def test_a_folder_without_a_run_says_so(folder: RunFolder, tmp_path: Path, name: str) -> None:
    (folder.path / name).unlink()
    for path in (folder.path, tmp_path / "nothing"):
        with pytest.raises(TrainingError, match=r"holds no run .* give a run's folder"):
            RunFolder(path).begun()


def test_a_damaged_description_is_a_sentence(folder: RunFolder) -> None:
    for text in ("{", "3", "null"):
        (folder.path / "run.json").write_text(text)
        with pytest.raises(TrainingError, match=r"run\.json is damaged"):
            folder.begun()


def test_only_one_process_trains_in_a_folder(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effnet_core.training.runs.folder._LOCK_SECONDS", 0.05)
    with folder.claimed():
        other = RunFolder(folder.path).claimed()
        with pytest.raises(TrainingError, match="Another process is training in"), other:
            pytest.fail("two at once")
    with RunFolder(folder.path).claimed():  # once the first lets go
        pass


def test_what_killed_writers_left_is_swept_and_nothing_else(folder: RunFolder) -> None:
    names = (".status.json.ab12.part", ".checkpoint.pt.cd34.part", "notes.part")
    for name in names:
        (folder.path / name).write_bytes(b"half")
    with folder.claimed():
        assert [(folder.path / name).exists() for name in names] == [False, False, True]


def test_the_environment_is_plain_values() -> None:
    about = environment(CPU)
    assert json.loads(json.dumps(about)) == about
    assert about["torch"] == torch.__version__
    assert about["threads"] == torch.get_num_threads()
    assert about["device"]
