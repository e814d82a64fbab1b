"""The last layer and the first: written otherwise, missing, several; one channel and four."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import functional

from effnet_core.attribution import attribute
from effnet_core.cost import analyze
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.weights import LoadedWeights, instantiate, load_checkpoint, save_checkpoint
from tests.core.weights.reading.networks import network, spread


def loaded_from(model: nn.Module, path: Path, **options: Any) -> LoadedWeights:
    torch.save(model.state_dict(), path)
    return load_checkpoint(path, architecture="efficientnet_b0", **options)


def b0(**options: Any) -> Any:
    torch.manual_seed(0)
    made = timm.create_model("efficientnet_b0", num_classes=3, **options).eval()
    spread(made)
    return made


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (nn.Sequential(nn.Dropout(0.5), nn.Linear(1280, 7)), "last layer 'classifier.1'"),
        (nn.Sequential(nn.Sequential(nn.Flatten(), nn.Linear(1280, 7))), "'classifier.0.1'"),
        (nn.Linear(1280, 7, bias=False), "'classifier' has no bias: 0"),
        (nn.Sequential(nn.Dropout(), nn.Linear(1280, 7, bias=False)), "no bias: 0"),
    ],
)
def test_one_linear_layer_is_the_classifier_however_it_is_written(
    head: nn.Module, words: str, tmp_path: Path
) -> None:
    model = b0()
    model.classifier = head.eval()
    loaded = loaded_from(model, tmp_path / "x.pth")
    assert loaded.understood is not None and words in loaded.understood.unwrapped[-1]
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        theirs, ours = model(images), instantiate(loaded)(images.clone())
    assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


def test_torchvisions_and_lukemelas_heads_too(tmp_path: Path) -> None:
    for style, place in (("torchvision", "classifier"), ("lukemelas", "_fc.1")):
        state = dict(network(style).state_dict())
        own = "classifier.1" if style == "torchvision" else "_fc"
        for leaf in ("weight", "bias"):
            state[f"{place}.{leaf}"] = state.pop(f"{own}.{leaf}")
        torch.save(state, tmp_path / "x.pth")
        loaded = load_checkpoint(tmp_path / "x.pth", architecture="efficientnet_b0")
        assert np.array_equal(loaded.tensors["classifier.weight"], state[f"{place}.weight"])


def test_other_heads_get_a_true_sentence(tmp_path: Path) -> None:
    model = b0()
    model.classifier = nn.Sequential(nn.Linear(1280, 256), nn.ReLU(), nn.Linear(256, 7))
    with pytest.raises(CheckpointError, match=r"has 2 linear layers \(1,280 → 256 → 7\)"):
        loaded_from(model, tmp_path / "x.pth")
    model.classifier = nn.Sequential(nn.BatchNorm1d(1280), nn.Linear(1280, 7))
    with pytest.raises(CheckpointError, match=r"also classifier\.0\.bias"):
        loaded_from(model, tmp_path / "x.pth")
    headless = timm.create_model("efficientnet_b0", num_classes=0)
    for bare in (headless, timm.create_model("efficientnet_b0", features_only=True)):
        with pytest.raises(CheckpointError, match="is a feature extractor: it has no classifier"):
            loaded_from(bare, tmp_path / "x.pth")


def test_a_layer_behind_a_whole_network_is_not_dropped_in_silence(tmp_path: Path) -> None:
    content = {f"net.{name}": value for name, value in b0().state_dict().items()}
    torch.save({**content, "fc.weight": torch.ones(2, 3)}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=r"holds fc\.weight beside the whole network"):
        load_checkpoint(tmp_path / "x.pth", architecture="b0")
    alone = load_checkpoint(tmp_path / "x.pth", architecture="b0", weights_key="net")
    assert alone.understood is not None
    assert (alone.spec.num_classes, alone.understood.ignored) == (3, ("fc.weight",))


def test_what_evaluation_never_reads_is_ignored_and_listed(tmp_path: Path) -> None:
    state = b0().state_dict()
    plain = loaded_from(b0(), tmp_path / "plain.pth")
    state["bn1.num_batches_tracked"] = torch.tensor(float("inf"))
    state["bn2.num_batches_tracked"] = torch.tensor([3, 4], dtype=torch.int32)
    state["blocks.0.0.bn1.num_batches_tracked"] = torch.tensor(True)
    for name in ("total_ops", "blocks.0.0.total_ops", "conv_stem.total_params"):
        state[name] = torch.tensor([float("nan")], dtype=torch.float64)
    state["n_averaged"] = torch.tensor(7)
    torch.save(state, tmp_path / "x.pth")
    loaded = load_checkpoint(tmp_path / "x.pth", architecture="efficientnet_b0")
    for name, values in plain.tensors.items():
        assert np.array_equal(loaded.tensors[name], values), name
    assert loaded.understood is not None
    assert loaded.understood.ignored == (
        "bn1.num_batches_tracked and 2 more num_batches_tracked",
        "total_ops and 1 more total_ops",
        "conv_stem.total_params",
        "n_averaged",
    )


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, LoadedWeights]:
    model = b0(in_chans=1)
    nn.init.normal_(model.get_parameter("classifier.weight"), std=0.1)
    return model, loaded_from(model, tmp_path_factory.mktemp("grey") / "grey.pth")


def test_one_channel_is_fed_grey(grey: tuple[nn.Module, LoadedWeights]) -> None:
    model, loaded = grey
    assert loaded.spec.in_channels == 1
    fed = loaded.preprocessing
    assert fed.mean == pytest.approx(((0.485 + 0.456 + 0.406) / 3,))
    assert fed.std == pytest.approx(((0.229 + 0.224 + 0.225) / 3,))
    assert "fed grey, whose mean and std are the mean of" in loaded.preprocessing_source
    picture = Image.effect_mandelbrot((300, 256), (-2, -1, 1, 1), 40).convert("RGB")
    picture.paste((200, 30, 90), (60, 40, 200, 150))  # grey must weigh the colours
    view = functional.center_crop(functional.resize(picture, 256, Image.Resampling.BICUBIC), 224)
    one = functional.to_tensor(functional.to_grayscale(view))
    with torch.inference_mode():
        theirs = model(((one - fed.mean[0]) / fed.std[0])[None]).softmax(1)[0].numpy()
    for engine in ("auto", "eager"):
        predictor = Predictor(loaded, device="cpu", engine=engine)
        assert np.abs(predictor.predict(picture).probabilities - theirs).max() <= 1e-3


def test_a_grey_network_is_priced_verified_saved_and_explained(
    grey: tuple[nn.Module, LoadedWeights], tmp_path: Path
) -> None:
    model, loaded = grey
    assert analyze(loaded.spec).totals.params == sum(p.numel() for p in model.parameters())
    path = tmp_path / "again.safetensors"
    save_checkpoint(path, instantiate(loaded), preprocessing=loaded.preprocessing)
    again = load_checkpoint(path)
    assert (again.spec, again.preprocessing) == (loaded.spec, loaded.preprocessing)
    predictor = Predictor(again, device="cpu")
    pixels = predictor.predict(Image.new("RGB", (224, 224), (9, 99, 200))).pixels
    inputs = predictor.inputs(pixels)
    assert inputs.shape == (1, 1, 224, 224)
    for method in ("grad-cam", "integrated-gradients"):
        found = attribute(
            predictor, inputs, class_index=0, method=method, preprocessing=again.preprocessing
        )
        assert found.raw.max() > 0


def test_given_colours_are_made_grey_and_grey_can_be_given(
    grey: tuple[nn.Module, LoadedWeights], tmp_path: Path
) -> None:
    fed = Preprocessing(resize=90, crop=64, mean=(0.2, 0.3, 0.4), std=(0.1, 0.2, 0.3))
    loaded = loaded_from(grey[0], tmp_path / "x.pth", preprocessing=fed)
    assert loaded.preprocessing.mean == pytest.approx((0.3,))
    one = Preprocessing(resize=90, crop=64, mean=(0.1,), std=(0.7,))
    loaded = loaded_from(grey[0], tmp_path / "x.pth", preprocessing=one)
    assert (loaded.preprocessing, loaded.preprocessing_source) == (one, "given")
    for mean, std in (((0.1,), (0.1, 0.2, 0.3)), ((0.1, 0.2), (0.1, 0.2))):
        with pytest.raises(InvalidInput, match="three numbers each"):
            Preprocessing(resize=90, crop=64, mean=mean, std=std)


@pytest.mark.parametrize("channels", [2, 4])
def test_other_stems_are_told(channels: int, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"takes {channels} channels; photos have 3"):
        loaded_from(b0(in_chans=channels), tmp_path / "x.pth")
