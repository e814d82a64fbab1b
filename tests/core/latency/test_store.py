"""A calibration is kept whole, told apart from damage, and not used on another machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effnet_core.architecture.names import variant
from effnet_core.engines.onnx.session import ENGINE_VERSION
from effnet_core.errors import InvalidInput
from effnet_core.latency import (
    Calibration,
    CalibrationError,
    default_path,
    save,
    standing,
    this_machine,
)
from effnet_core.latency import machine as machine_module


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "calibration.json"


def test_what_is_saved_is_found_again(made_up: Calibration, path: Path) -> None:
    checked = replace(made_up, checked=made_up.timed[:2])
    assert save(checked, path) == path
    found = standing(path)
    assert found.stored == found.usable == found.require() == checked
    assert found.reason == ""
    assert found.require().predict(variant("b0")) == made_up.predict(variant("b0"))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_latest_one_is_read(made_up: Calibration, path: Path) -> None:
    save(made_up, path)
    assert standing(path).stored == made_up
    later = replace(made_up, made="2031-01-02", seconds=1234.5)
    save(later, path)
    assert standing(path).stored == later


def test_it_lies_in_the_cache_folder(
    made_up: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFNET_CACHE", str(tmp_path))
    save(made_up)
    assert default_path() == tmp_path / "calibration.json"
    assert standing().usable == made_up


def test_without_one_a_sentence_names_the_command(path: Path) -> None:
    found = standing(path)
    assert (found.stored, found.usable) == (None, None)
    with pytest.raises(CalibrationError, match=r"not calibrated.*`effnet calibrate`"):
        found.require()


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "ONNX Runtime 99.0"},
        {"settings": "99"},
        {"threads": 64},
        {"processor": "Another processor"},
        {"processors": 3},
        {"system": "Plan9 vax"},
    ],
)
def test_on_another_machine_it_is_stale(
    made_up: Calibration, path: Path, change: dict[str, Any]
) -> None:
    save(made_up, path)
    (name, now), *_ = change.items()
    found = standing(path, replace(this_machine(), **change))
    assert found.stored == made_up
    assert found.usable is None
    assert found.reason == (
        f"The calibration of {made_up.made} is stale "
        f"({name} {getattr(made_up.machine, name)} → {now})."
    )
    with pytest.raises(CalibrationError, match="stale"):
        found.require()


def test_one_from_before_settings_were_kept_is_stale(made_up: Calibration, path: Path) -> None:
    fields = json.loads(made_up.to_json())
    del fields["seal"]  # there were none then
    assert fields["machine"].pop("settings") == ENGINE_VERSION
    path.parent.mkdir()
    path.write_text(json.dumps(fields))
    found = standing(path)
    assert found.stored is not None and found.stored.model == made_up.model
    assert found.reason == (
        f"The calibration of {made_up.made} is stale (settings unknown → {ENGINE_VERSION})."
    )


def test_a_new_way_of_running_makes_it_stale(
    made_up: Calibration, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(made_up, path)
    assert standing(path).usable == made_up
    monkeypatch.setattr(machine_module, "ENGINE_VERSION", "99")
    assert f"stale (settings {ENGINE_VERSION} → 99)" in standing(path).reason


def damaged(fields: dict[str, Any], place: str, value: Any) -> str:
    *way, last = place.split(".")
    inner: Any = fields
    for step in way:
        inner = inner[int(step)] if step.isdigit() else inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("format", "effnet-calibration/0"),
        ("machine.threads", ...),
        ("machine.threads", "two"),
        ("machine.engine", 3),
        ("machine.settings", 2),
        ("model.coefficients.runs", ...),
        ("model.coefficients.runs", -1.0),
        ("model.coefficients.runs", float("nan")),
        ("model.held_out_errors", []),
        ("model.least_mult_adds", None),
        ("timed", []),
        ("timed.0.median_ms", 0),
        ("timed.0.name", ...),
        ("timed.1.predicted_ms", "1"),
        ("made", 20310102),
        ("surplus", 1),
    ],
)
def test_a_damaged_one_is_not_used(
    made_up: Calibration, path: Path, place: str, value: Any
) -> None:
    text = damaged(json.loads(made_up.to_json()), place, value)
    with pytest.raises(InvalidInput):
        Calibration.from_json(text)
    path.parent.mkdir()
    path.write_text(text)
    found = standing(path)
    assert found.stored is None
    assert "damaged" in found.reason


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 5000, '"text"', "\x00"])
def test_what_is_no_calibration_is_not_used(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    assert "damaged" in standing(path).reason
    path.write_bytes(b"\xff\xfe")
    assert "damaged" in standing(path).reason
    path.write_text(" " * (2**20 + 1))
    assert "damaged" in standing(path).reason


def test_a_place_that_takes_no_file_gets_a_sentence(made_up: Calibration, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CalibrationError, match="cannot be kept"):
        save(made_up, tmp_path / "file" / "calibration.json")


def test_another_batch_or_back_end_is_refused(made_up: Calibration) -> None:
    with pytest.raises(CalibrationError, match="batch of 1, not 8"):
        made_up.predict(variant("b0"), batch=8)
    with pytest.raises(CalibrationError, match="for ONNX Runtime, not 'PyTorch'"):
        made_up.predict(variant("b0"), back_end="PyTorch")
