"""Checkpoints keep all that belongs to them, and what they do not say is said."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError, DoesNotFit, InvalidInput, WeightsError
from effnet_core.images import Preprocessing
from effnet_core.network.model import EfficientNet
from effnet_core.weights import instantiate, load_checkpoint, save_checkpoint
from effnet_core.weights.key_names import Style
from effnet_core.weights.published import imagenet_classes
from effnet_core.weights.tensor_files import serialise

SaveAs = Callable[[Path, EfficientNet, Style], Path]
"""The `torch_file` fixture's: saves a model's weights under the names of a style."""


def test_a_saved_network_loads_again_by_itself(
    saved: Path, model: EfficientNet, labels: tuple[str, ...], preprocessing: Preprocessing
) -> None:
    loaded = load_checkpoint(saved)
    assert loaded.spec == dataclasses.replace(model.spec, resolution=100)
    assert (loaded.classes, loaded.classes_source) == (labels, "metadata")
    assert (loaded.preprocessing, loaded.preprocessing_source) == (preprocessing, "metadata")
    assert loaded.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert (loaded.id, loaded.origin) == ("mine.safetensors", "file mine.safetensors")
    again = instantiate(loaded)
    assert not again.training
    images = torch.rand(1, 3, 100, 100)
    with torch.inference_mode():
        assert torch.equal(again(images.clone()), model(images.clone()))


def test_bytes_load_like_the_file(saved: Path) -> None:
    loaded = load_checkpoint(saved.read_bytes(), file_name="../../upload.safetensors")
    assert loaded.id == "upload.safetensors"
    assert loaded.sha256 == load_checkpoint(saved).sha256
    with pytest.raises(CheckpointError, match="no other kind is ever opened"):
        load_checkpoint(saved.read_bytes())


def test_what_is_given_wins_and_is_said(saved: Path) -> None:
    given = Preprocessing.imagenet(64)
    loaded = load_checkpoint(saved, classes=["a", "b", "c"], preprocessing=given)
    assert (loaded.classes, loaded.classes_source) == (("a", "b", "c"), "given")
    assert (loaded.preprocessing, loaded.preprocessing_source) == (given, "given")
    assert loaded.spec.resolution == 64


def test_what_nobody_says_is_the_default_and_said(
    model: EfficientNet, tmp_path: Path, torch_file: SaveAs
) -> None:
    path = torch_file(tmp_path / "plain.pth", model, "own")
    loaded = load_checkpoint(path, architecture=model.spec)
    assert loaded.preprocessing == Preprocessing.imagenet(model.spec.resolution)
    assert loaded.preprocessing_source == "architecture's defaults"
    assert loaded.classes == ("class 0", "class 1", "class 2")
    assert loaded.classes_source == "numbered, no names known"
    assert loaded.spec == model.spec


@pytest.mark.parametrize("style", ["own", "torchvision", "timm", "lukemelas"])
def test_other_libraries_files_need_their_architecture(
    style: Style, model: EfficientNet, tmp_path: Path, torch_file: SaveAs
) -> None:
    path = torch_file(tmp_path / "theirs.pth", model, style)
    with pytest.raises(CheckpointError, match=r"theirs\.pth does not say which architecture it is"):
        load_checkpoint(path)
    file = tmp_path / "spec.json"
    file.write_text(model.spec.to_json())
    for architecture in (model.spec, str(file)):
        loaded = load_checkpoint(path, architecture=architecture)
        assert loaded.spec == model.spec
        assert all(
            torch.equal(loaded.state_dict[key], tensor)
            for key, tensor in model.state_dict().items()
        )


def test_a_known_network_is_recognised_in_the_sentence(tmp_path: Path) -> None:
    path = tmp_path / "b0.pth"
    torch.save(timm.create_model("efficientnet_b0", num_classes=2).state_dict(), path)
    with pytest.raises(CheckpointError, match="looks like b0, named as in timm"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="does not fit b1"):
        load_checkpoint(path, architecture="b1")
    with pytest.raises(InvalidInput, match="No EfficientNet is called"):
        load_checkpoint(path, architecture="resnet50")
    loaded = load_checkpoint(path, architecture="b0", classes=["no", "yes"])
    assert loaded.spec.num_classes == 2
    assert loaded.classes == ("no", "yes")
    with pytest.raises(CheckpointError, match="3 class names, but the network has 2 classes"):
        load_checkpoint(path, architecture="b0", classes=["no", "yes", "maybe"])


def test_a_stated_and_a_given_architecture_may_not_differ(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="says that it is mine, not b0"):
        load_checkpoint(saved, architecture="b0")


def test_a_checkpoint_with_another_class_count_than_its_spec_file_is_told(
    model: EfficientNet, tmp_path: Path, torch_file: SaveAs
) -> None:
    path = torch_file(tmp_path / "plain.pth", model, "own")
    other = dataclasses.replace(model.spec, num_classes=4)
    with pytest.raises(CheckpointError, match="has 3 classes where mine was expected to have 4"):
        load_checkpoint(path, architecture=other)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("effnet.spec", "{", "its own architecture is unusable"),
        ("effnet.spec", '{"format": "other"}', "its own architecture is unusable"),
        ("effnet.classes", "[1, 2, 3]", "are not a list of texts"),
        ("effnet.classes", '"abc"', "are not a list of texts"),
        ("effnet.classes", '["a", "b"]', "2 class names, but the network has 3"),
        ("effnet.classes", "[" * 10**5, "not valid JSON"),
        ("effnet.preprocessing", "{}", "its preprocessing is unusable"),
        ("effnet.preprocessing", "3", "its preprocessing is unusable"),
        ("effnet.preprocessing", '{"resize": 3, "crop": 9}', "its preprocessing is unusable"),
        ("effnet.preprocessing", "nonsense", "not valid JSON"),
    ],
)
def test_unusable_metadata_has_a_sentence(
    model: EfficientNet, key: str, value: str, sentence: str
) -> None:
    metadata = {"effnet.spec": model.spec.to_json(), key: value}
    data = serialise(model.state_dict(), metadata)
    with pytest.raises(CheckpointError, match=sentence):
        load_checkpoint(data, file_name="x.safetensors")


def test_metadata_cannot_make_us_read_a_file(model: EfficientNet, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(model.spec.to_json())
    data = safetensors.torch.save(model.state_dict(), {"architecture": str(spec)})
    with pytest.raises(CheckpointError, match="does not say which architecture"):
        load_checkpoint(data, file_name="x.safetensors")


def test_saving_is_refused_with_a_sentence(model: EfficientNet, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"saved as \.safetensors"):
        save_checkpoint(tmp_path / "x.pth", model)
    with pytest.raises(InvalidInput, match="2 class names, but the network has 3"):
        save_checkpoint(tmp_path / "x.safetensors", model, classes=("a", "b"))
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match="cannot be used"):
        save_checkpoint(tmp_path / "file" / "x.safetensors", model)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_failed_save_keeps_the_file_before(
    saved: Path, model: EfficientNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WeightsError, match="is full"):
        save_checkpoint(saved, model)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_too_large_a_network_is_refused_before_it_is_made(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["effnet_core.network.build"], "free_bytes", lambda _: 10**6)
    with pytest.raises(DoesNotFit):
        instantiate(load_checkpoint(saved))


def test_dtype_and_device_are_followed(saved: Path) -> None:
    network = instantiate(load_checkpoint(saved), device="cpu", dtype="bfloat16")
    assert network.classifier.weight.dtype == torch.bfloat16
    counter = network.stem.norm.num_batches_tracked
    assert counter is not None and counter.dtype == torch.int64
    with pytest.raises(InvalidInput):
        instantiate(load_checkpoint(saved), device="tpu")


@pytest.fixture(scope="module")
def real_file() -> Path:
    folder = os.environ.get("EFFNET_TEST_DATA")
    if not folder:
        pytest.skip("EFFNET_TEST_DATA is not set: the real V2-B0 weights are not at hand")
    return Path(folder) / "weights" / "tf_efficientnetv2_b0.safetensors"


@pytest.mark.parametrize("architecture", ["tf_efficientnetv2_b0", "v2-b0", None])
def test_real_weights_load_and_answer_as_timms(real_file: Path, architecture: str | None) -> None:
    loaded = load_checkpoint(real_file, architecture=architecture)
    assert (loaded.spec.name, loaded.spec.bn_eps, loaded.spec.padding) == ("v2-b0", 1e-3, "same")
    assert loaded.classes == imagenet_classes()
    assert loaded.classes_source == "ImageNet-1k, assumed from 1,000 classes"
    assert loaded.preprocessing == Preprocessing(resize=256, crop=224, interpolation="bicubic")
    peer = timm.create_model("tf_efficientnetv2_b0").eval()
    peer.load_state_dict(safetensors.torch.load_file(real_file), strict=True)
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        theirs = peer(images)
        ours = instantiate(loaded)(images.clone())
    assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


def test_metadata_is_plain_json(
    saved: Path, labels: tuple[str, ...], preprocessing: Preprocessing
) -> None:
    data = saved.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    assert json.loads(header["effnet.classes"]) == list(labels)
    assert Preprocessing.from_dict(json.loads(header["effnet.preprocessing"])) == preprocessing
    assert ArchitectureSpec.from_json(header["effnet.spec"]).name == "mine"
