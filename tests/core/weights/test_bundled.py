"""Models that come with the project: manifest, files, and their place before other weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from effnet_core.engines.predictor import Predictor
from effnet_core.errors import CheckpointError, InvalidInput, WeightsError
from effnet_core.files import write
from effnet_core.images import Preprocessing
from effnet_core.weights import WeightsStore, resolve_weights
from effnet_core.weights import bundled as module
from effnet_core.weights.bundled import bundled_models, find_bundled

CLASSES = ("espresso", "orange", "lion", "teapot")


@pytest.fixture
def one(bundled: Any) -> Path:
    """The file of the one bundled model, called "Tiny-one"."""
    return bundled.put("Tiny-one", "one, trained here")


def rewrite(weights: Path, /, **changes: Any) -> None:
    """Change fields of the manifest's one entry; None takes a field out."""
    manifest = weights.with_name("models.json")
    entry = {**json.loads(manifest.read_text())["models"][0], **changes}
    entry = {key: value for key, value in entry.items() if value is not None}
    manifest.write_text(json.dumps({"models": [entry]}))
    module._read.cache_clear()


def test_the_manifest_says_what_a_model_is(one: Path) -> None:
    (model,) = bundled_models()
    assert (model.id, model.title, model.path) == ("Tiny-one", "one, trained here", one)
    assert model.classes == CLASSES
    assert model.card.read_text().startswith("# one")
    assert json.loads(model.record.read_text())["group"] == "family"
    assert model.read() == one.read_bytes()


def test_without_a_manifest_there_are_none(bundled: Any, store: WeightsStore) -> None:
    assert bundled_models() == ()
    bundled.assets.joinpath("models").mkdir()
    assert bundled_models() == ()
    assert find_bundled("Tiny-one") is None
    assert not any(record.bundled for record in store.listing())


def test_without_the_folder_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: str) -> Path:
        raise FileNotFoundError(path)

    monkeypatch.setattr(module, "asset", missing)
    assert bundled_models() == ()


def test_an_empty_manifest_lists_none(one: Path) -> None:
    one.with_name("models.json").write_text('{"models": []}')
    module._read.cache_clear()
    assert bundled_models() == ()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"models": 3}', '{"models": ["a"]}', "\0"])
def test_a_damaged_manifest_gets_a_sentence(one: Path, text: str) -> None:
    one.with_name("models.json").write_text(text)
    module._read.cache_clear()
    with pytest.raises(CheckpointError, match=r"models\.json, cannot be read .* install"):
        bundled_models()


@pytest.mark.parametrize(
    "changes", [{"sha256": None}, {"file": None}, {"preprocessing": {}}, {"colour": "red"}]
)
def test_an_entry_that_lacks_or_invents_a_field_gets_a_sentence(
    one: Path, changes: dict[str, Any]
) -> None:
    rewrite(one, **changes)
    with pytest.raises(CheckpointError, match="cannot be read"):
        bundled_models()


def test_a_manifest_cannot_point_outside_its_folder(one: Path) -> None:
    rewrite(one, file="../../../etc/passwd")
    (model,) = bundled_models()
    assert model.path == one.with_name("passwd")
    with pytest.raises(CheckpointError):
        model.read()


@pytest.mark.parametrize("place", [0, 500, -1])
def test_one_changed_byte_is_found_whoever_reads(
    one: Path, store: WeightsStore, place: int
) -> None:
    data = bytearray(one.read_bytes())
    data[place] ^= 1
    one.write_bytes(data)
    model = find_bundled("Tiny-one")
    assert model is not None
    for read in (
        lambda: resolve_weights("Tiny-one", store),
        lambda: store.read("Tiny-one"),
        lambda: store.get("Tiny-one"),
        lambda: store.verify("Tiny-one"),
        model.read,
    ):
        with pytest.raises(CheckpointError, match=r"Tiny-one is not the one .* SHA-256 differs"):
            read()


def test_a_missing_file_gets_a_sentence(one: Path, store: WeightsStore) -> None:
    one.unlink()
    with pytest.raises(CheckpointError, match=one.name):
        resolve_weights("Tiny-one", store)


@pytest.mark.parametrize("name", ["Tiny-one", "tiny-one", "TINY-ONE", " tiny-one "])
def test_case_does_not_matter(one: Path, store: WeightsStore, name: str) -> None:
    assert resolve_weights(name, store).id == "Tiny-one"
    assert store.state(name) == "ready"
    assert store.path(name) == one


def test_an_id_is_no_part_of_another(one: Path, store: WeightsStore) -> None:
    for name in ("Tiny", "Tiny-one.safetensors", "b0", ""):
        assert find_bundled(name) is None


def test_bundled_models_are_listed_first(bundled: Any, store: WeightsStore) -> None:
    names = ("zebra", "ant")
    for name in names:
        bundled.put(name, name)
    first, second, third, *_ = store.listing()
    assert (first.id, second.id) == names  # in the manifest's order
    assert first.bundled and first.state == "ready" and not first.imported
    assert not third.bundled
    assert third.packaged and third.id == "lite0"


def test_the_whole_file_is_verified(one: Path, store: WeightsStore) -> None:
    found = store.verify("Tiny-one")
    assert found.compared
    assert found.sha256 == bundled_models()[0].sha256 == store.listing()[0].sha256


def test_a_bundled_model_cannot_be_removed(one: Path, store: WeightsStore) -> None:
    with pytest.raises(WeightsError, match="comes with the project"):
        store.remove("tiny-ONE")
    assert one.is_file()


@pytest.mark.parametrize("name", ["Tiny-one", "tiny-one"])
def test_nothing_can_be_imported_under_its_name(
    one: Path, store: WeightsStore, saved: Path, name: str
) -> None:
    with pytest.raises(InvalidInput, match="comes with the project"):
        store.import_file(saved, name=name)
    named = saved.with_name(f"{name}.safetensors")
    write(named, saved.read_bytes())
    with pytest.raises(InvalidInput, match="comes with the project"):
        store.import_file(named)  # an id made from the file's name
    assert not list(store.root.glob("imported-*"))


def test_half_precision_is_for_the_file_alone(one: Path, store: WeightsStore) -> None:
    from safetensors import safe_open

    with safe_open(one, framework="pt") as file:
        kinds = {file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118
    assert torch.float16 in kinds and torch.float32 not in kinds
    predictor = Predictor(resolve_weights("Tiny-one", store), device="cpu")
    assert {parameter.dtype for parameter in predictor.model.parameters()} == {torch.float32}
    assert predictor.weights_id == "Tiny-one"
    assert predictor.classes == CLASSES


def test_what_is_given_takes_the_place_of_the_models_own(one: Path, store: WeightsStore) -> None:
    loaded = resolve_weights("Tiny-one", store)
    assert (loaded.classes_source, loaded.preprocessing_source) == ("the model's own",) * 2
    assert loaded.origin == "drawn by chance"
    other = Preprocessing(resize=70, crop=64, interpolation="bicubic")
    given = resolve_weights("Tiny-one", store, classes=tuple("abcd"), preprocessing=other)
    assert (given.classes, given.preprocessing) == (tuple("abcd"), other)
    assert (given.classes_source, given.preprocessing_source) == ("given", "given")
