"""A turned bit in any file that a number on a page comes from is told, and the rest works."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak.flips import turned
from effnet_core import files
from effnet_core.architecture.names import scaled
from effnet_core.cli import main
from effnet_core.errors import CheckpointError, EffnetError
from effnet_core.network.build import build
from effnet_core.results.trained import read_maps, read_run
from effnet_core.weights import WeightsStore, save_checkpoint
from effnet_core.weights import bundled as bundled_models
from effnet_core.weights.stored import damage, read_record, write_record

ASSETS = files.asset("assets/models").parent
FLIPS = 200


def changed(path: Path, read: Callable[[Path], Any], sound: object) -> int:
    """How many of the flips of a file give another answer than `sound` without a sentence."""
    data, silent = path.read_bytes(), 0
    for damaged in turned(data, FLIPS):
        path.write_bytes(damaged)
        try:
            silent += read(path) != sound
        except EffnetError:
            continue
    path.write_bytes(data)
    return silent


def test_everything_measured_that_comes_along_is_sealed() -> None:
    found = [ASSETS / "models" / "models.json", *(ASSETS / "measured").rglob("*.json")]
    assert len(found) > 4
    for path in found:
        assert files.SEAL in json.loads(path.read_bytes()), path
        files.read_json(path)


def _without_text(path: Path) -> object:
    return dataclasses.replace(read_run(path), text="")


@pytest.mark.parametrize(("kind", "read"), [("runs", _without_text), ("maps", read_maps)])
def test_records_of_runs_and_maps(
    tmp_path: Path, kind: str, read: Callable[[Path], object]
) -> None:
    path = next(iter(sorted((ASSETS / "measured" / kind).glob("*.json"))))
    copy = Path(shutil.copy(path, tmp_path))
    assert changed(copy, read, read(path)) == 0


def test_the_list_of_bundled_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(shutil.copytree(ASSETS / "models", tmp_path / "models")) / "models.json"
    monkeypatch.setattr(bundled_models, "asset", lambda _: path.parent)
    store = WeightsStore(tmp_path / "store")

    def read(_: Path) -> object:
        bundled_models._read.cache_clear()
        found = bundled_models.usable_models()
        assert len(store.listing()) > 10
        return found or bool(bundled_models.damage()) or "silent"

    sound = read(path)
    told = {True}
    data = path.read_bytes()
    for damaged in turned(data, FLIPS):
        path.write_bytes(damaged)
        assert (found := read(path)) == sound or found in told
    bundled_models._read.cache_clear()


def test_each_damaged_record_of_imported_weights_is_told_and_can_be_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFNET_CACHE", str(tmp_path))
    store = WeightsStore()
    own = tmp_path / "own.safetensors"
    save_checkpoint(own, build(scaled(-6, resolution=32, num_classes=2)))
    store.import_file(own)
    place = store.root / "imported-own.safetensors.json"
    sound = store.imported("own")
    for damaged in turned(place.read_bytes(), FLIPS):
        place.write_bytes(damaged)
        if damage(store.root):
            with pytest.raises(CheckpointError, match=r"record of own is damaged.*weights remove"):
                store.source("own")
        else:
            assert store.imported("own") == sound
    assert damage(store.root)
    with pytest.raises(CheckpointError, match="record of own is damaged"):
        store.import_file(own)
    assert main(["weights", "list"]) == 0
    assert "The record of own is damaged" in capsys.readouterr().err
    assert main(["weights", "remove", "own"]) == 0
    assert not list(store.root.glob("imported-*")) and not damage(store.root)
    assert store.import_file(own).id == "own"


def test_records_of_imported_weights_count_as_none(tmp_path: Path) -> None:
    path = tmp_path / "imported-own.safetensors"
    path.write_bytes(b"tensors")
    record = dataclasses.replace(WeightsStore(tmp_path).source("lite0").stored, imported=True)
    write_record(path, record)
    place = tmp_path / "imported-own.safetensors.json"
    for damaged in turned(place.read_bytes(), FLIPS):
        place.write_bytes(damaged)
        assert read_record(path) in (None, record)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text().filter(lambda name: name != files.SEAL), plain, min_size=1))
def test_what_is_sealed_comes_back_and_nothing_else_has_its_seal(values: dict[str, Any]) -> None:
    sealed = files.seal(values)
    text = json.dumps(sealed)
    found = files.unsealed(files.parse_json(text))
    assert files.seal(found) == sealed
    name = next(iter(found))
    with pytest.raises(files.Unfit, match="has changed since"):
        files.unsealed({**sealed, name: [found[name]]})


def test_what_was_written_before_there_were_seals_is_read() -> None:
    assert files.unsealed({"top1": 0.5}) == {"top1": 0.5}
    assert files.unsealed([1]) == [1]


@pytest.mark.parametrize("text", ["1e999", "[-1e999]", '{"a": Infinity}', "NaN"])
def test_what_is_not_finite_is_not_read(text: str) -> None:
    with pytest.raises(files.Unfit, match="which is no finite number"):
        files.parse_json(text)
