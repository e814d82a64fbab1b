"""Whose preprocessing a checkpoint gets that does not say its own: its library's, as told there."""

from __future__ import annotations

import dataclasses
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torchvision.models import get_model_weights

from effnet_core.architecture.aliases import timm_name
from effnet_core.architecture.names import VARIANTS, architecture, variant
from effnet_core.data.tables import TIMM_FILE, read
from effnet_core.images import Preprocessing
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet
from effnet_core.weights import load_checkpoint
from effnet_core.weights.convert import with_conventions
from effnet_core.weights.key_names import Style
from effnet_core.weights.packaged import PackagedWeights, packaged_weights
from effnet_core.weights.published_preprocessing import published_preprocessing

SCRIPT = Path(__file__).parents[3] / "scripts" / "preprocessing_from_timm.py"
HALF = (0.5, 0.5, 0.5)

SaveAs = Callable[[Path, EfficientNet, Style], Path]


def defaults(name: str, style: Style) -> tuple[Preprocessing, str]:
    return published_preprocessing(with_conventions(architecture(name), style), style, name)


def test_timms_settings_are_what_timm_says_now() -> None:
    assert list(read(TIMM_FILE)) == runpy.run_path(str(SCRIPT))["table"]()


@pytest.mark.parametrize(
    "name",
    [*(f"efficientnet_b{n}" for n in range(8)), *(f"efficientnet_v2_{size}" for size in "sml")],
)
def test_torchvisions_names_mean_torchvisions_transform(name: str) -> None:
    transform = get_model_weights(name).DEFAULT.transforms()
    preprocessing, source = defaults(name, "torchvision")
    assert preprocessing == Preprocessing(
        resize=transform.resize_size[0],
        crop=transform.crop_size[0],
        interpolation=transform.interpolation.value,
        mean=tuple(transform.mean),
        std=tuple(transform.std),
    )
    assert source == f"torchvision's defaults for {architecture(name).name}"


# As timm 1.0.31 prints them: resize is the floor of test size / crop share.
TIMM = [
    ("tf_efficientnetv2_b0", 256, 224, "bicubic", None),
    ("tf_efficientnetv2_b3", 333, 300, "bicubic", HALF),
    ("tf_efficientnetv2_s", 384, 384, "bicubic", HALF),
    ("tf_efficientnetv2_m", 480, 480, "bicubic", HALF),
    ("tf_efficientnetv2_l", 480, 480, "bicubic", HALF),
    ("tf_efficientnet_b0", 256, 224, "bicubic", None),
    ("tf_efficientnet_b0.ap_in1k", 256, 224, "bicubic", HALF),
    ("tf_efficientnet_b8", 704, 672, "bicubic", HALF),
    ("tf_efficientnet_lite0", 256, 224, "bicubic", HALF),
    ("tf_efficientnet_lite3", 331, 300, "bilinear", HALF),
    ("tf_efficientnet_lite4", 413, 380, "bilinear", HALF),
    ("efficientnet_b1", 288, 288, "bicubic", HALF),
    ("efficientnet_b1.ft_in1k", 256, 256, "bicubic", None),
    ("efficientnet_b4", 384, 384, "bicubic", None),
    ("efficientnet_lite0", 256, 224, "bicubic", None),
]


@pytest.mark.parametrize(("name", "resize", "crop", "interpolation", "half"), TIMM)
def test_timms_names_mean_timms_settings(
    name: str, resize: int, crop: int, interpolation: str, half: tuple[float, float, float] | None
) -> None:
    preprocessing, source = defaults(name, "timm")
    expected = Preprocessing(
        resize=resize,
        crop=crop,
        interpolation=interpolation,
        squash=name in ("tf_efficientnetv2_b3", "tf_efficientnetv2_m", "tf_efficientnetv2_l"),
    )
    if half is not None:
        expected = dataclasses.replace(expected, mean=half, std=half)
    assert preprocessing == expected
    assert source.startswith(f"timm's defaults for {name}")


def test_a_squashed_picture_is_told() -> None:
    preprocessing, _ = defaults("tf_efficientnetv2_m", "timm")
    assert preprocessing.in_words.startswith("both edges to 480 px")


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_has_timms_settings_with_either_padding(name: str) -> None:
    for asked in filter(None, (name, timm_name(name, tensorflow=True))):
        _, source = defaults(asked, "timm")
        assert source.startswith("timm's defaults for ")
        as_tensorflow = with_conventions(architecture(asked), "timm").padding == "same"
        assert ("tf_" in source) == as_tensorflow


@pytest.mark.parametrize(("name", "side"), [("lite0", 224), ("lite3", 280), ("lite4", 300)])
def test_lukemelas_named_lite_is_the_references(name: str, side: int) -> None:
    preprocessing, source = defaults(name, "lukemelas")
    assert preprocessing == Preprocessing(resize=side + 32, crop=side, mean=HALF, std=HALF)
    assert source == "EfficientNet-Lite's reference evaluation"


@pytest.mark.parametrize("weights", packaged_weights(), ids=lambda weights: weights.id)
def test_packaged_weights_are_prepared_for_as_lukemelas_named_ones(
    weights: PackagedWeights,
) -> None:
    assert defaults(weights.architecture, "lukemelas")[0] == weights.preprocessing


def test_lukemelas_weights_are_tensorflows() -> None:
    preprocessing, source = defaults("b2", "lukemelas")
    assert (preprocessing.resize, preprocessing.crop) == (292, 260)
    assert source == "timm's defaults for tf_efficientnet_b2"


@pytest.mark.parametrize(
    ("name", "style"), [("b2", "own"), ("lite0", "torchvision"), ("v2-b0", "torchvision")]
)
def test_where_no_library_speaks_imagenets_usual_evaluation_is_taken(
    name: str, style: Style
) -> None:
    assert defaults(name, style) == (
        Preprocessing.imagenet(variant(name).resolution),
        "architecture's defaults",
    )


@pytest.mark.parametrize(
    ("style", "crop", "source"),
    [("torchvision", 288, "torchvision's defaults for b2"), ("timm", 260, "timm's defaults for")],
)
def test_a_checkpoint_of_a_named_architecture_gets_its_librarys(
    tmp_path: Path, torch_file: SaveAs, style: Style, crop: int, source: str
) -> None:
    path = torch_file(tmp_path / "b2.pth", build(variant("b2", num_classes=3), seed=0), style)
    loaded = load_checkpoint(path, architecture="tf_efficientnet_b2")
    assert loaded.preprocessing.crop == loaded.spec.resolution == crop
    assert loaded.preprocessing_source.startswith(source)


@pytest.mark.parametrize("style", ["torchvision", "timm", "lukemelas"])
def test_a_spec_is_taken_as_it_is_also_under_a_published_name(
    tmp_path: Path, torch_file: SaveAs, style: Style
) -> None:
    own = dataclasses.replace(variant("b0", num_classes=3), bn_eps=2e-4, resolution=96)
    path = torch_file(tmp_path / "own.pth", build(own, seed=0), style)
    file = tmp_path / "b0.json"
    file.write_text(own.to_json())
    for given in (own, str(file)):
        loaded = load_checkpoint(path, architecture=given)
        assert loaded.spec == own
        assert loaded.preprocessing_source == "architecture's defaults"
        assert loaded.preprocessing == Preprocessing.imagenet(96)
    assert torch.equal(
        loaded.state_dict["classifier.bias"], build(own, seed=0).state_dict()["classifier.bias"]
    )
    named = load_checkpoint(path, architecture="b0")
    assert named.spec.bn_eps == (1e-3 if style == "lukemelas" else 1e-5)
