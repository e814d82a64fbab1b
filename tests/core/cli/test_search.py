"""`effnet search`: priced without photos, carried out on tiny ones, refused in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from effnet_core.cli.program import run
from effnet_core.datasets import prepared
from effnet_core.results.searched import read_search
from effnet_core.search import storage
from tests.core.training.family.conftest import photos


def answered(capsys: pytest.CaptureFixture[str], *given: object) -> Any:
    code = run([str(one) for one in given])
    told = capsys.readouterr()
    assert code == 0, told.err
    return json.loads(told.out)


def test_a_search_is_priced_without_photos(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "search", "--dry-run", "--trials", 4, "--json")
    assert (found["trials"], found["sampler"], found["epochs"]) == (4, "tpe", 3)
    costs = [one["mult_adds"] for one in found["proposals"]]
    assert len(costs) + found["unreachable"] == 4
    assert found["spread"] == max(costs) / min(costs) - 1 <= 0.03
    assert found["photos"] is found["seconds"] is None
    assert set(found["proposals"][0]["rule"]) == {"alpha", "beta", "gamma"}


def test_the_usual_study_is_the_cores() -> None:
    assert storage.STUDY == "alpha-beta-gamma"  # which the command's help repeats without Optuna


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Path, Path]:
    """A search over three classes, and its photos."""
    family = {
        "format": "effnet-family/1",
        "name": "tiny",
        "base_resolution": 64,
        "num_classes": 3,
        "classifier": "zero",
        "recipe": {"epochs": 1, "batch": 8, "held_out": 6},
        "runs": [{"id": "one", "group": "family", "phi": -5}],
    }
    (tmp_path / "list.json").write_text(json.dumps(family), encoding="utf-8")
    stated = {
        "format": "effnet-search/1",
        "name": "tiny",
        "list": str(tmp_path / "list.json"),
        "base_phi": -5,
        "mult_adds": 6_855_000,
        "phi": 1,
    }
    (tmp_path / "search.json").write_text(json.dumps(stated), encoding="utf-8")
    sets: dict[Any, Any] = {"train": photos("train", 10)}
    prepared.write(sets, tmp_path / "set", source="tones", form="drawn", unreadable=(), ignored=0)
    return tmp_path / "search.json", tmp_path / "set"


def test_a_search_goes_on_and_writes_its_record(
    tiny: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space, data = tiny
    given: tuple[object, ...] = (
        "search",
        "--space",
        space,
        "--data",
        data,
        "--out",
        tmp_path / "trials",
    )
    given += ("--storage", f"sqlite:///{tmp_path / 'search.db'}", "--device", "cpu", "--json")
    first = answered(capsys, *given, "--trials", 1)
    assert len(first["trials"]) == 1
    files = (tmp_path / "found.json", tmp_path / "best.json")
    second = answered(capsys, *given, "--trials", 2, "--record", files[0], "--best", files[1])
    assert second["trials"][0] == first["trials"][0] and len(second["trials"]) == 2
    assert len(read_search(files[0]).trials) == 2
    assert json.loads(files[1].read_text(encoding="utf-8"))["runs"][0]["id"] == "found-best"
    prepared.write(
        {"train": photos("train", 11)}, data, source="o", form="d", unreadable=(), ignored=0
    )
    assert run([str(one) for one in (*given, "--trials", 3)]) == 1
    assert "was begun with another set of photos" in capsys.readouterr().out


def test_what_is_missing_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "--trials", "3"]) == 2
    assert "A search needs --data and --storage" in capsys.readouterr().err


def test_without_optuna_a_search_says_how_to_install_it() -> None:
    """In a process of its own, since this one has Optuna already."""
    program = (
        "import sys; sys.modules['optuna'] = None\n"
        "from effnet_core.cli.program import run\n"
        "assert run(['search', '--dry-run', '--trials', '1', '--json']) == 0\n"
        "sys.exit(run(['search', '--data', 'd', '--storage', 'sqlite:///s', '--trials', '3']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'effnet-explorer[search]'" in done.stderr
