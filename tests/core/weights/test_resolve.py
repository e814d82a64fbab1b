"""From names to weights: catalog, imports and files."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from effnet_core.architecture.names import variant
from effnet_core.errors import CheckpointError, InvalidInput, WeightsError
from effnet_core.images import Preprocessing
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet
from effnet_core.weights import WeightsStore, find, load_checkpoint, resolve_weights
from effnet_core.weights.key_names import Style
from effnet_core.weights.store import Verification

SaveAs = Callable[[Path, EfficientNet, Style], Path]
"""The `torch_file` fixture's: saves a model's weights under the names of a style."""


def test_resolving_names_says_what_is_not_there(store: WeightsStore, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        resolve_weights("b4", store)
    name = "EfficientNet_B4_Weights.IMAGENET1K_V1"
    assert f"{name} is not on this disk; `effnet weights get {name}`" in str(caught.value)
    assert "74.5 MiB" in str(caught.value)
    with pytest.raises(InvalidInput, match="No weights are called 'nothing'"):
        resolve_weights("nothing", store)
    with pytest.raises(CheckpointError, match="cannot be read"):
        resolve_weights(str(tmp_path / "absent.pth"), store)
    for text in ("\0", "\0.pth", "x" * 5000, "x" * 5000 + ".pth", "", ".", "/"):
        with pytest.raises((InvalidInput, CheckpointError)) as refused:
            resolve_weights(text, store)
        assert len(str(refused.value)) < 400
    (tmp_path / "model.pkl").write_bytes(b"x")
    with pytest.raises(CheckpointError, match="no other kind is ever opened"):
        resolve_weights(str(tmp_path / "model.pkl"), store)


def test_catalog_weights_come_with_all_that_is_theirs(
    store: WeightsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch_file: SaveAs
) -> None:
    published = torch_file(tmp_path / "b2.pth", build(variant("b2"), seed=0), "torchvision")

    def deliver(url: str, target: Path, **_: object) -> str:
        target.write_bytes(published.read_bytes())
        return hashlib.sha256(published.read_bytes()).hexdigest()

    monkeypatch.setattr("effnet_core.weights.download.fetch", deliver)
    store.get("b2")
    loaded = resolve_weights("efficientnet_b2", store)
    entry = find("b2")
    assert (loaded.id, loaded.origin) == (entry.id, entry.origin)
    assert (loaded.classes, loaded.classes_source) == (entry.classes, "catalog")
    assert loaded.preprocessing == entry.preprocessing
    assert loaded.preprocessing_source == "catalog"
    assert (loaded.spec.name, loaded.spec.resolution, loaded.spec.bn_eps) == ("b2", 288, 1e-5)
    path = store.path("b2")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="has changed since it was saved"):
        resolve_weights("b2", store)


def test_imported_weights_are_kept_whole_and_found_again(
    store: WeightsStore,
    model: EfficientNet,
    tmp_path: Path,
    labels: tuple[str, ...],
    preprocessing: Preprocessing,
    torch_file: SaveAs,
) -> None:
    path = torch_file(tmp_path / "my birds (v2).pth", model, "timm")
    spec_file = tmp_path / "spec.json"
    spec_file.write_text(model.spec.to_json())
    record = store.import_file(
        path,
        architecture=str(spec_file),
        classes=labels,
        preprocessing=preprocessing,
        licence="CC0-1.0",
    )
    assert (record.id, record.state, record.licence) == ("my-birds-v2", "ready", "CC0-1.0")
    assert (record.architecture, record.num_classes, record.resolution) == ("mine", 3, 100)
    assert record in store.listing()
    path.unlink()
    loaded = resolve_weights("my-birds-v2", store)
    assert (loaded.id, loaded.classes, loaded.preprocessing) == (record.id, labels, preprocessing)
    assert loaded.sha256 == record.sha256 == store.verify(record.id).sha256
    assert "my birds (v2).pth" in loaded.origin
    assert loaded.spec == dataclasses.replace(model.spec, resolution=100)
    assert torch.equal(loaded.state_dict["stem.conv.weight"], model.stem.conv.weight)
    assert store.get(record.id) == store.path(record.id)

    stored = store.path(record.id)
    stored.write_bytes(stored.read_bytes()[:-1])
    for look in (store.read, store.get, lambda name: resolve_weights(name, store)):
        with pytest.raises(CheckpointError, match="import it anew"):
            look(record.id)
    assert store.remove(record.id) > 0
    with pytest.raises(InvalidInput):
        resolve_weights(record.id, store)


def test_imports_need_an_id_that_is_free(store: WeightsStore, saved: Path, tmp_path: Path) -> None:
    assert store.import_file(saved).id == "mine"
    with pytest.raises(InvalidInput, match="Weights called mine are there already"):
        store.import_file(saved)
    for name in ("b0", "efficientnet_v2_s", "EfficientNet_B0_Weights.IMAGENET1K_V1"):
        with pytest.raises(InvalidInput, match="already names published weights"):
            store.import_file(saved, name=name)
    for name in ("../escape", "a/b", "", ".hidden", "x" * 81, "<b>"):
        if name:
            with pytest.raises(InvalidInput, match="An id has at most 80"):
                store.import_file(saved, name=name)
    named_b0 = tmp_path / "efficientnet_b0.safetensors"
    named_b0.write_bytes(saved.read_bytes())
    assert store.import_file(named_b0).id == "efficientnet_b0-imported"


def test_a_refused_import_leaves_nothing(store: WeightsStore, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError):
        store.import_file(bad, architecture="b0")
    assert not store.root.exists()


def test_verifying_a_file_finds_damage(store: WeightsStore, saved: Path) -> None:
    sha256 = hashlib.sha256(saved.read_bytes()).hexdigest()
    assert store.verify(saved) == Verification(sha256, compared=True)
    damaged = bytearray(saved.read_bytes())
    damaged[-3] ^= 4
    saved.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="has changed since it was saved"):
        store.verify(saved)
    with pytest.raises(CheckpointError, match="has changed since it was saved"):
        load_checkpoint(saved)


def test_verifying_a_file_of_other_makers_says_that_nothing_was_compared(
    store: WeightsStore, tmp_path: Path
) -> None:
    path = tmp_path / "theirs.safetensors"
    safetensors.torch.save_file({"conv_stem.weight": torch.ones(300)}, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert store.verify(path) == Verification(sha256, compared=False)


@pytest.mark.parametrize("name", ["passwd", "one.png", "one.safetensors", "one.pth"])
def test_verifying_what_is_no_weights_file_fails(
    store: WeightsStore, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(300))
    with pytest.raises(CheckpointError, match=name):
        store.verify(path)


def test_a_stored_file_is_compared_with_its_record(
    store: WeightsStore, saved: Path, tmp_path: Path
) -> None:
    stored = store.path(store.import_file(saved).id)
    assert store.verify(stored).compared
    safetensors.torch.save_file({"conv_stem.weight": torch.ones(300)}, stored)
    with pytest.raises(CheckpointError, match="has changed since it was saved"):
        store.verify(stored)


def test_imported_weights_keep_saying_where_their_preprocessing_is_from(
    store: WeightsStore, tmp_path: Path, torch_file: SaveAs
) -> None:
    path = torch_file(tmp_path / "twos.pth", build(variant("b2", num_classes=2), seed=0), "timm")
    record = store.import_file(path, architecture="b2")
    assert record.preprocessing_source == "timm's defaults for efficientnet_b2"
    loaded = resolve_weights("twos", store)
    assert (loaded.preprocessing, loaded.preprocessing_source) == (
        record.preprocessing,
        record.preprocessing_source,
    )
    assert loaded.classes_source == record.classes_source
    given = Preprocessing.imagenet(64)
    assert resolve_weights("twos", store, preprocessing=given).preprocessing_source == "given"
