"""What lies beside weights is followed, and said; held against timm's own transform and model."""

from __future__ import annotations

import argparse
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_model_data_config
from timm.models import save_for_hf

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import CheckpointError, DataError, EffnetError
from effnet_core.images import Preprocessing
from effnet_core.images.samples import load_sample
from effnet_core.weights import LoadedWeights, instantiate, load_checkpoint, understand
from effnet_core.weights.reading import bundles, companions
from effnet_core.weights.reading.computation import Computation
from effnet_core.weights.reading.understood import Understood
from tests.core.weights.reading.networks import network, spread

LABELS = ["ant", "bee", "fly", "moth", "wasp"]
FED = {
    "input_size": (3, 160, 160),
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "interpolation": "bilinear",
    "crop_pct": 1.0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.nn.Module]:
    """timm's own folder of a network with random weights that spread, fed in an unusual way."""
    torch.manual_seed(3)
    model = timm.create_model("tf_efficientnet_b0", num_classes=5).eval()
    spread(model)
    torch.nn.init.normal_(model.get_parameter("classifier.weight"), std=0.1)
    place = tmp_path_factory.mktemp("hub") / "insects"
    save_for_hf(
        model,
        str(place),
        model_config={"label_names": LABELS},
        safe_serialization="both",
        data_config=FED,
    )
    return place, model


def timms(place: Path, model: torch.nn.Module, picture: Image.Image) -> np.ndarray[Any, Any]:
    """Probabilities by timm's model and its transform, made from its own configuration."""
    cfg = json.loads((place / "config.json").read_text())["pretrained_cfg"]
    transform = create_transform(**resolve_model_data_config(model, pretrained_cfg=cfg))
    with torch.inference_mode():
        found: np.ndarray[Any, Any] = model(transform(picture)[None]).softmax(1)[0].numpy()
    return found


def ours(loaded: LoadedWeights, picture: Image.Image) -> np.ndarray[Any, Any]:
    return Predictor(loaded, device="cpu").predict(picture).probabilities


def test_timms_folder_answers_as_timm_does(folder: tuple[Path, torch.nn.Module]) -> None:
    place, model = folder
    loaded = load_checkpoint(place)
    assert loaded.classes == tuple(LABELS)
    assert loaded.classes_source == "config.json (label_names)"
    assert loaded.preprocessing_source == "config.json"
    assert loaded.understood is not None
    assert loaded.understood.architecture_source == "config.json"
    assert (loaded.spec.padding, loaded.spec.bn_eps) == ("same", 1e-3)
    usual = load_checkpoint(place / "model.safetensors", preprocessing=Preprocessing.imagenet(224))
    changes = []
    for name in ("chelsea", "coffee", "astronaut"):
        picture = Image.open(io.BytesIO(load_sample(name))).convert("RGB")
        theirs = timms(place, model, picture)
        assert np.abs(ours(loaded, picture) - theirs).max() <= 1e-3
        changes.append(np.abs(ours(usual, picture) - theirs).max())
    assert max(changes) > 0.05  # so a file read without its configuration would show


def test_file_folder_zip_and_files_sent_together_are_one(
    folder: tuple[Path, torch.nn.Module], tmp_path: Path
) -> None:
    place, _ = folder
    first = load_checkpoint(place)
    sent = {name: (place / name).read_bytes() for name in ("config.json", "pytorch_model.bin")}
    flat, nested = tmp_path / "flat.zip", tmp_path / "nested.ZIP"
    flat.write_bytes(zip_of(sent, zipfile.ZIP_STORED))
    nested.write_bytes(zip_of({f"hub/insects/{name}": data for name, data in sent.items()}))
    for given, kind in (
        (place / "pytorch_model.bin", "file"),
        (flat, "zip"),
        (nested, "zip"),
        (bundles.from_files(sent), "files"),
        (bundles.from_files({"insects.zip": flat.read_bytes()}), "zip"),
    ):
        again = load_checkpoint(given)
        assert again.understood is not None and again.understood.kind == kind
        assert (again.spec, again.classes, again.preprocessing) == (
            first.spec,
            first.classes,
            first.preprocessing,
        )
        assert all(np.array_equal(again.tensors[k], v) for k, v in first.tensors.items())


def config(**values: object) -> companions.Statement:
    (found,) = companions.statements({"config.json": json.dumps(values).encode()})
    return found


def test_labels_are_described_and_gaps_numbered() -> None:
    found = config(
        num_classes=4,
        label_names={"0": "n01", "1": "n02", "3": "n04"},
        label_descriptions={"n01": "tench", "n04": "shark"},
    )
    assert found.classes == ("tench", "n02", "class 2", "shark")
    assert found.classes_field == "label_descriptions"


def test_older_configurations_hold_everything_at_the_root() -> None:
    found = config(architecture="efficientnet_b1", input_size=[3, 240, 240], crop_pct=0.9)
    assert (found.architecture, found.settings.crop, found.settings.crop_ratio) == (
        "efficientnet_b1",
        240,
        0.9,
    )
    at_test = config(pretrained_cfg={"input_size": [3, 256, 256], "test_input_size": [3, 288, 288]})
    assert at_test.settings.crop == 288  # timm evaluates at its test size


def test_transformers_configuration_names_the_variant_and_the_classes() -> None:
    found = config(
        architectures=["EfficientNetForImageClassification"],
        model_type="efficientnet",
        width_coefficient=1.1,
        depth_coefficient=1.2,
        image_size=260,
        hidden_dim=1408,
        id2label={"1": "yes", "0": "no"},
    )
    assert isinstance(found.architecture, ArchitectureSpec) and not found.refused
    assert found.architecture.name == "b2"
    assert (found.classes, found.trainer) == (("no", "yes"), "transformers")
    assert (found.num_classes, found.settings.crop) == (2, 260)
    unnamed = config(model_type="efficientnet", id2label={"0": "LABEL_0", "1": "LABEL_1"})
    assert unnamed.classes is None


def test_what_timm_says_of_the_computation_is_taken_or_refused() -> None:
    made = {"act_layer": "relu", "bn_eps": 0.01, "pad_type": "same", "in_chans": 3}
    found = config(architecture="efficientnet_b0", global_pool="avg", model_args=made)
    assert found.computation == Computation(activation="relu", bn_eps=0.01, padding="same")
    for values, sentence in (
        ({"global_pool": "max"}, "global_pool = 'max'"),
        ({"model_args": {"global_pool": "catavgmax"}}, "global_pool = 'catavgmax'"),
        ({"model_args": {"act_layer": "gelu"}}, "act_layer = 'gelu'"),
        ({"model_args": {"pad_type": "valid"}}, "pad_type = 'valid'"),
        ({"model_args": {"bn_eps": "x"}}, "bn_eps = 'x'"),
        ({"model_args": {"norm_layer": "groupnorm"}}, "norm_layer = 'groupnorm'"),
        ({"model_args": {"output_stride": 16}}, "output_stride = 16"),
    ):
        assert sentence in config(architecture="efficientnet_b0", **values).refused


@pytest.mark.parametrize("made", [{"act_layer": "relu"}, {"bn_eps": 0.1}, {"pad_type": "same"}])
def test_a_network_is_computed_as_timm_made_it(tmp_path: Path, made: dict[str, Any]) -> None:
    theirs = timm.create_model("efficientnet_b0", num_classes=5, **made).eval()
    theirs.load_state_dict(network("timm").state_dict())
    save_for_hf(theirs, str(tmp_path), model_args=made)
    torch.save(
        {
            "arch": "efficientnet_b0",
            "state_dict": theirs.state_dict(),
            "args": argparse.Namespace(
                model="efficientnet_b0", gp=None, bn_eps=made.get("bn_eps"), model_kwargs=made
            ),
        },
        tmp_path / "last.pth.tar",
    )
    images = torch.randn(2, 3, 128, 128)
    with torch.inference_mode():
        wanted, plain = theirs(images), network("timm")(images)
    assert float((wanted - plain).abs().max() / wanted.abs().max()) > 1e-3
    for place in (tmp_path, tmp_path / "last.pth.tar"):
        loaded = load_checkpoint(place)
        with torch.inference_mode():
            ours = instantiate(loaded)(images.clone())
        assert float((ours - wanted).abs().max() / wanted.abs().max()) <= 1e-5
        assert loaded.understood is not None
        assert "; " in loaded.understood.architecture_source  # the change is said


def test_max_pooling_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    model = timm.create_model("efficientnet_b0", num_classes=5, global_pool="max")
    made = {"global_pool": "max"}
    save_for_hf(model, str(tmp_path), model_args=made, safe_serialization=True)
    for place in (tmp_path, tmp_path / "model.safetensors"):
        with pytest.raises(CheckpointError, match="global_pool = 'max'"):
            load_checkpoint(place)
    (tmp_path / "config.json").unlink()
    args = argparse.Namespace(model="efficientnet_b0", gp="max", bn_eps=None)
    torch.save({"state_dict": model.state_dict(), "args": args}, tmp_path / "x.pth.tar")
    with pytest.raises(CheckpointError, match="args in the checkpoint says global_pool = 'max'"):
        load_checkpoint(tmp_path / "x.pth.tar")


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ({"interpolation": "bilinear"}, {"interpolation": "bilinear"}),
        ({"std": [0.5, 0.5, 0.5]}, {"std": (0.5,) * 3}),
        ({"img_size": 192}, {"crop": 192}),
    ],
)
def test_every_argument_of_timms_is_read(
    tmp_path: Path, said: dict[str, Any], held: dict[str, Any]
) -> None:
    args = argparse.Namespace(**{"model": "efficientnet_b0", "gp": None, "bn_eps": None, **said})
    path = tmp_path / "x.pth.tar"
    torch.save({"state_dict": network("timm").state_dict(), "args": args}, path)
    found = load_checkpoint(path)
    assert {name: getattr(found.preprocessing, name) for name in held} == held
    assert found.preprocessing_source.startswith("args in the checkpoint; ")


def preprocessor(**values: object) -> companions.Settings:
    data = json.dumps(values).encode()
    (found,) = companions.statements({"preprocessor_config.json": data})
    return found.settings


def test_transformers_preprocessor_is_worked_out_by_hand() -> None:
    found = preprocessor(
        size={"shortest_edge": 256},
        crop_size={"height": 224, "width": 224},
        do_center_crop=True,
        resample=3,
        image_mean=[0.4, 0.5, 0.6],
        image_std=[0.2, 0.25, 0.5],
    )
    assert (found.resize, found.crop, found.crop_mode) == (256, 224, "center")
    assert found.interpolation == "bicubic"
    assert found.mean == pytest.approx((0.4, 0.5, 0.6)) and found.std == pytest.approx(
        (0.2, 0.25, 0.5)
    )
    # include_top divides by the std a second time: ((x − m) / s) / s
    again = preprocessor(
        image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.25, 0.5], include_top=True, size=224
    )
    assert again.std == pytest.approx((0.04, 0.0625, 0.25))
    # x / 127.5 − 1 is (x / 255 − 0.5) / 0.5
    shifted = preprocessor(rescale_factor=1 / 127.5, rescale_offset=True, do_normalize=False)
    assert shifted.mean == pytest.approx((0.5,) * 3) and shifted.std == pytest.approx((0.5,) * 3)


def beside(folder: tuple[Path, torch.nn.Module], **companions: dict[str, Any]) -> Understood:
    sent = {f"{name}.json": json.dumps(values).encode() for name, values in companions.items()}
    weights = (folder[0] / "model.safetensors").read_bytes()
    return understand(bundles.from_files({"model.safetensors": weights, **sent}))


def test_pictures_are_squashed_where_a_configuration_says_so(
    folder: tuple[Path, torch.nn.Module],
) -> None:
    found = beside(
        folder,
        config={"architecture": "b0"},
        preprocessor_config={"size": {"height": 240, "width": 240}, "resample": 0},
    ).preprocessing
    assert found is not None and found.squash
    assert (found.resize, found.crop, found.interpolation) == (240, 240, "nearest")
    timms_own = beside(folder, config={"architecture": "b0", "crop_mode": "squash"}).preprocessing
    plain = beside(folder, config={"architecture": "b0"}).preprocessing
    assert timms_own is not None and plain is not None
    assert timms_own.squash and not plain.squash


def test_labels_that_do_not_exclude_each_other_have_a_sigmoid_each(
    folder: tuple[Path, torch.nn.Module],
) -> None:
    several = {"architecture": "b0", "problem_type": "multi_label_classification"}
    found = beside(folder, config=several)
    assert (found.activation, found.activation_source) == ("sigmoid", "config.json")
    one = {"architecture": "b0", "problem_type": "single_label_classification"}
    assert beside(folder, config=one).activation == "softmax"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("config.json", "[1]", "it is not an object"),
        ("config.json", "{", "not valid JSON"),
        ("config.json", '{"num_classes": -1}', "num_classes"),
        ("config.json", '{"num_classes": 4, "architecture": "efficientnet_b0"}', "4 classes, but"),
        ("config.json", '{"architecture": "resnet50"}', "No EfficientNet is called"),
        ("config.json", '{"input_size": [3, 224, 256]}', "224 × 256 pixels is not square"),
        ("config.json", '{"mean": [0.5, 0.5, 0.5], "crop_pct": 2}', "crop_pct"),
        ("config.json", '{"std": [0, 1, 1]}', "std"),
        ("config.json", '{"architecture": "b0", "input_size": [3, 9, 9]}', "cannot be followed"),
        ("config.json", '{"architecture": "b0", "interpolation": "random"}', "interpolation"),
        ("config.json", '{"architecture": "b0", "crop_mode": "border"}', "crop mode 'border'"),
        ("preprocessor_config.json", '{"do_rescale": false}', "0 to 255"),
        ("preprocessor_config.json", '{"resample": 9}', "resample"),
        ("preprocessor_config.json", '{"size": {"height": 2, "width": 3}}', "not square"),
    ],
)
def test_what_cannot_be_followed_is_told(
    folder: tuple[Path, torch.nn.Module], name: str, text: str, sentence: str
) -> None:
    sent = {
        "model.safetensors": (folder[0] / "model.safetensors").read_bytes(),
        "config.json": b'{"architecture": "b0"}',
        name: text.encode(),
    }
    with pytest.raises(EffnetError, match=sentence) as told:
        understand(bundles.from_files(sent))
    assert len(str(told.value)) < 400


def test_a_stray_configuration_beside_a_file_is_left_out_and_named(
    folder: tuple[Path, torch.nn.Module], tmp_path: Path
) -> None:
    shutil.copy(folder[0] / "model.safetensors", tmp_path)
    for text in ('{"architecture": "resnet50"}', '{"num_classes": 1000}', "no JSON"):
        (tmp_path / "config.json").write_text(text)
        said = understand(tmp_path / "model.safetensors", architecture="b0")
        if "resnet" in text:  # a given architecture overrules the name
            assert not said.ignored
            said = understand(tmp_path / "model.safetensors")
            assert said.architecture is None
        assert said.ignored[0].startswith("config.json beside the file: ")


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def test_zips_and_folders_without_one_clear_weights_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no weights file; expected one of"):
        bundles.from_zip(zip_of({"a.txt": b"x"}), "a.zip")
    with pytest.raises(CheckpointError, match="holds 2 weights files"):
        bundles.from_zip(zip_of({"a.pth": b"x", "b.pth": b"y"}), "a.zip")
    assert bundles.from_zip(zip_of({"a.pth": b"x", "model.safetensors": b"y"}), "a").data == b"y"
    assert (
        bundles.from_zip(zip_of({"in/b.pth": b"x", "__MACOSX/in/._b.pth": b"y"}), "a").data == b"x"
    )
    with pytest.raises(DataError, match="not a plain relative path"):
        bundles.from_zip(zip_of({"../a.pth": b"x"}), "a.zip")
    with pytest.raises(DataError, match="larger than"):
        bundles.from_zip(zip_of({"a.pth": bytes(2**26)}), "bomb.zip")
    with pytest.raises(CheckpointError, match="holds no weights file"):
        load_checkpoint(tmp_path)
    saved = io.BytesIO()
    torch.save({"a": torch.ones(1)}, saved)
    with pytest.raises(CheckpointError, match="is a PyTorch file that is called a zip"):
        bundles.from_zip(saved.getvalue(), "x.zip")


def test_a_companion_past_its_bound_is_told(
    folder: tuple[Path, torch.nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "MAX_COMPANION_BYTES", 100)
    with pytest.raises(CheckpointError, match=r"config\.json beside the weights has .* up to 100"):
        load_checkpoint(folder[0])
