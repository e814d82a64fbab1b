"""transformers' EfficientNet: its files, its configuration, and what is refused of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from effnet_core.architecture.names import variant
from effnet_core.errors import CheckpointError
from effnet_core.images import Preprocessing
from effnet_core.weights import LoadedWeights, instantiate, load_checkpoint
from effnet_core.weights.convert import suggestion
from effnet_core.weights.reading.bundles import Bundle, from_files
from effnet_core.weights.transformers_config import network, require_same_padding

# As Google's B3 states them, beside what every one of its configurations says.
B3 = {
    "model_type": "efficientnet",
    "image_size": 300,
    "width_coefficient": 1.2,
    "depth_coefficient": 1.4,
    "hidden_dim": 1536,
    "depthwise_padding": [5, 18],
    "dropout_rate": 0.3,
    "num_block_repeats": [1, 2, 2, 3, 3, 4, 1],
    "id2label": {str(index): f"LABEL_{index}" for index in range(1000)},
}


def test_googles_configuration_is_the_published_network() -> None:
    spec, _ = network(B3)
    published = dataclasses.replace(variant("b3"), padding="same", bn_eps=1e-3, bn_momentum=0.01)
    assert spec == published


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_type": "vit"}, "not that of an EfficientNet"),
        ({"pooling_type": "max"}, "pooling_type differs"),
        ({"kernel_sizes": [3, 3, 3, 3, 3, 3, 3]}, "kernel_sizes differs"),
        ({"hidden_act": "gelu"}, "activation 'gelu' is not built here"),
        ({"hidden_dim": 1280}, "hidden_dim is 1280 where its width makes 1536"),
        ({"batch_norm_eps": -1}, "batch_norm_eps"),
        ({"image_size": [300, 300]}, "image_size"),
        ({"depth_coefficient": 1e5}, "blocks"),
    ],
)
def test_what_is_not_built_here_is_a_sentence(change: dict[str, Any], reason: str) -> None:
    with pytest.raises((CheckpointError, ValueError), match=reason):
        network({**B3, **change})


def test_fixed_padding_is_built_where_it_is_that_of_the_side() -> None:
    spec, computed = network(B3)
    assert computed.fixed_padding is not None
    require_same_padding(spec, computed.fixed_padding)
    for side, fixed in ((224, computed.fixed_padding), (300, ()), (299, computed.fixed_padding)):
        with pytest.raises(CheckpointError, match=f"is not for pictures of {side} pixels"):
            require_same_padding(dataclasses.replace(spec, resolution=side), fixed)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    """A small network of transformers' own, with statistics that tell, and its saved folder."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.EfficientNetConfig(
        image_size=76,  # 38, 19, 10, 5: the third and the sixth stage meet odd sides
        width_coefficient=0.5,
        depth_coefficient=0.6,
        hidden_dim=640,
        depthwise_padding=[3, 9],
        batch_norm_eps=3e-3,
        num_labels=3,
        id2label={0: "ant", 1: "bee", 2: "wasp"},
    )
    model = transformers.EfficientNetForImageClassification(config).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.8, 2)
                module.bias.normal_(std=0.3)
                module.running_mean.normal_(std=0.1)  # type: ignore[union-attr]
                module.running_var.uniform_(0.1, 0.5)  # type: ignore[union-attr]
            elif isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.normal_(std=module.weight[0].numel() ** -0.5)
    folder = tmp_path_factory.mktemp("saved")
    model.save_pretrained(folder)
    return model, folder


def test_its_own_files_give_its_own_logits(small: tuple[nn.Module, Path]) -> None:
    peer, folder = small
    loaded = load_checkpoint(folder)
    assert (loaded.spec.num_classes, loaded.spec.bn_eps, loaded.spec.padding) == (3, 3e-3, "same")
    assert (loaded.classes, loaded.spec.resolution) == (("ant", "bee", "wasp"), 76)
    images = torch.randn(2, 3, 76, 76)
    with torch.inference_mode():
        theirs = peer(images).logits
    assert (theirs[0] - theirs[1]).abs().max() > 0.01
    assert away(loaded, images, theirs) <= 1e-5
    for other in ({"bn_eps": 1e-5}, {"padding": "symmetric"}):
        changed = dataclasses.replace(loaded, spec=dataclasses.replace(loaded.spec, **other))
        assert away(changed, images, theirs) > 1e-3


def away(loaded: LoadedWeights, images: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference from the logits `theirs`, through the largest of these."""
    with torch.inference_mode():
        ours = instantiate(loaded)(images.clone())
    return float((ours - theirs).abs().max() / theirs.abs().max())


def with_config(folder: Path, **change: object) -> Bundle:
    """The saved folder with a changed configuration."""
    config = {**json.loads((folder / "config.json").read_text()), **change}
    weights = (folder / "model.safetensors").read_bytes()
    return from_files({"model.safetensors": weights, "config.json": json.dumps(config).encode()})


@pytest.mark.parametrize("change", [{"hidden_act": "relu"}, {"batch_norm_eps": 0.1}])
def test_a_folder_is_computed_as_its_configuration_says(
    small: tuple[nn.Module, Path], change: dict[str, Any]
) -> None:
    transformers = pytest.importorskip("transformers")
    peer, folder = small
    config = transformers.EfficientNetConfig.from_pretrained(folder, **change)
    other = transformers.EfficientNetForImageClassification(config).eval()
    other.load_state_dict(peer.state_dict())
    images = torch.randn(2, 3, 76, 76)
    with torch.inference_mode():
        theirs, plain = other(images).logits, peer(images).logits
    assert float((theirs - plain).abs().max() / theirs.abs().max()) > 1e-2
    assert away(load_checkpoint(with_config(folder, **change)), images, theirs) <= 1e-5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pooling_type": "max"}, "pooling_type differs"),
        ({"hidden_act": "gelu"}, "activation 'gelu' is not built here"),
        ({"depthwise_padding": [3]}, "depthwise_padding is not for pictures of 76 pixels"),
        ({"image_size": 80}, "depthwise_padding is not for pictures of 80 pixels"),
        ({"problem_type": "regression"}, "neither classes nor probabilities"),
    ],
)
def test_a_folder_that_cannot_be_followed_is_refused(
    small: tuple[nn.Module, Path], tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    _, folder = small
    bundle = with_config(folder, **change)
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint(bundle)
    for name, data in {bundle.file_name: bundle.data, **bundle.beside}.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(CheckpointError, match=reason):  # nor is it passed over beside a file
        load_checkpoint(tmp_path / bundle.file_name)


def test_numbers_of_a_regression_are_logits_where_a_person_says_so(
    small: tuple[nn.Module, Path],
) -> None:
    bundle = with_config(small[1], problem_type="regression")
    assert load_checkpoint(bundle, activation="sigmoid").activation == "sigmoid"


def test_a_checkpoint_named_as_googles_gets_their_pictures(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.EfficientNetConfig(
        width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280, image_size=224, num_labels=4
    )
    transformers.EfficientNetForImageClassification(config).save_pretrained(tmp_path)
    for architecture in ("google/efficientnet-b0", None):
        loaded = load_checkpoint(tmp_path / "model.safetensors", architecture=architecture)
        assert (loaded.spec.name, loaded.spec.padding) == ("b0", "same")
        assert loaded.spec.num_classes == 4
        assert loaded.preprocessing == Preprocessing(
            resize=224, crop=224, interpolation="nearest", squash=True
        )
    (tmp_path / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"looks like b0, named as in transformers\); give"):
        load_checkpoint(tmp_path / "model.safetensors")


def test_a_body_without_a_head_is_told(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.EfficientNetConfig(
        width_coefficient=0.5, depth_coefficient=0.5, hidden_dim=640, image_size=64
    )
    transformers.EfficientNetModel(config).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="EfficientNetModel, which has no classification he"):
        load_checkpoint(tmp_path)


def test_names_for_the_same_tensors_come_with_what_they_change() -> None:
    assert suggestion("b0", "timm") == (
        "tf_efficientnet_b0 if it was trained with same padding and batch-norm eps 0.001, or "
        "efficientnet_b0 if with symmetric padding and batch-norm eps 1e-05: the tensors do not "
        "tell"
    )
    assert suggestion("v2-b0", "timm") == "tf_efficientnetv2_b0"
    assert suggestion("v2-rw-t", "timm") == "efficientnetv2_rw_t"
    assert suggestion("edge-m", "timm").startswith("tf_efficientnet_em if")
    assert suggestion("b0", "torchvision") == "b0"
