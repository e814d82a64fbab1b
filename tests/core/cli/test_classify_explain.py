"""`effnet classify` and `effnet explain`: the contract, on a small network and on real photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from PIL.ImageFile import ImageFile

from effnet_core.attribution import METHODS, attribute
from effnet_core.engines.predictor import Predictor
from effnet_core.images import decode, decoding
from effnet_core.images.samples import load_sample, sample_images
from effnet_core.weights import load_checkpoint

Effnet = Callable[..., Any]
LABELS = ("ant", "bee", "cat")


@pytest.fixture
def weights(effnet: Effnet, tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    network = ("--phi", "-6", "--resolution", "64", "--num-classes", "3", "--seed", "1")
    assert effnet("build", *network, "--out", path).code == 0
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS))
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "first.png", tmp_path / "second.jpg"
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(first)
    second.write_bytes(load_sample(sample_images()[0].name))
    return first, second


def test_classify_answers_as_the_predictor(
    effnet: Effnet, weights: Path, labels: Path, pictures: tuple[Path, Path]
) -> None:
    options = ("--weights", weights, "--classes", labels, "--top", "2", "--device", "cpu")
    answer = effnet("classify", *pictures, *options, "--json")
    assert answer.code == 0
    assert [entry["image"] for entry in answer.json] == [str(path) for path in pictures]
    predictor = Predictor(load_checkpoint(weights, classes=LABELS), device="cpu")
    for entry, path in zip(answer.json, pictures, strict=True):
        assert entry["engine"].startswith("ONNX Runtime")
        assert {"padding", "bn_eps", "preprocessing", "preprocessing_source"} <= entry.keys()
        assert (entry["device"], entry["dtype"]) == ("cpu", "float32")
        assert entry["weights"] == "small.safetensors"
        assert entry["milliseconds"] > 0
        expected = predictor.predict_bytes(path.read_bytes(), top_k=2).top
        assert [(top["index"], top["label"]) for top in entry["top"]] == [
            (top.index, top.label) for top in expected
        ]
        found = [top["probability"] for top in entry["top"]]
        assert found == pytest.approx([top.probability for top in expected], rel=1e-5)
    text = effnet("classify", pictures[0], *options).out
    assert "small.safetensors on cpu in float32" in text
    assert text.count("Preprocessing (metadata): shorter edge to 73 px (bicubic), central") == 1
    assert "mean 0.485 0.456 0.406, std 0.229 0.224 0.225\nClass names: given\n" in text
    assert answer.json[0]["top"][0]["label"] in text


def test_every_picture_is_decoded_once(
    effnet: Effnet,
    weights: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoded: list[int] = []
    refuse = decoding.refuse_costly

    def counted(image: ImageFile, data: bytes) -> None:
        decoded.append(len(data))
        refuse(image, data)

    monkeypatch.setattr(decoding, "refuse_costly", counted)
    sizes = [path.stat().st_size for path in pictures]
    assert effnet("classify", *pictures, "--weights", weights, "--device", "cpu").code == 0
    assert decoded == sizes
    decoded.clear()
    options = ("--weights", weights, "--device", "cpu", "--out", tmp_path / "overlay.png")
    assert effnet("explain", pictures[1], *options).code == 0
    assert decoded == sizes[1:]


def test_a_bad_picture_does_not_stop_the_others(
    effnet: Effnet, weights: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    disguised = tmp_path / "script.png"
    disguised.write_text("#!/bin/sh\n")
    absent = tmp_path / "absent.png"
    paths = (pictures[0], disguised, absent, tmp_path, pictures[1])
    answer = effnet("classify", *paths, "--weights", weights, "--json")
    assert answer.code == 1
    assert ["top" in entry for entry in answer.json] == [True, False, False, False, True]
    for entry in answer.json[1:4]:
        assert list(entry) == ["image", "error"]
        assert entry["error"].endswith(".")
    text = effnet("classify", *paths, "--weights", weights)
    assert text.code == 1
    assert f"effnet: {disguised}: The file is not a readable picture" in text.err


def test_autocast_is_for_cuda(effnet: Effnet, weights: Path, pictures: tuple[Path, Path]) -> None:
    answer = effnet("classify", pictures[0], "--weights", weights, "--device", "cpu", "--autocast")
    assert (answer.code, answer.out) == (2, "")
    assert "Autocast needs a CUDA device" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--weights", "b0"), 1, "`effnet weights get"),
        (("--weights", "absent.safetensors"), 1, "absent.safetensors"),
        (("--weights", "b00"), 2, "No weights are called"),
        (("--weights", "b0", "--top", "0"), 2, "at least 1"),
    ],
)
def test_classify_refuses(
    effnet: Effnet,
    pictures: tuple[Path, Path],
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    answer = effnet("classify", pictures[0], *arguments, "--json")
    assert answer.code == code
    assert sentence in answer.json["error"]
    assert sentence in answer.err


def test_class_names_must_be_as_many_as_the_outputs(
    effnet: Effnet, weights: Path, labels: Path, pictures: tuple[Path, Path]
) -> None:
    labels.write_text("ant\nbee\n")
    answer = effnet("classify", pictures[0], "--weights", weights, "--classes", labels)
    assert answer.code == 1
    assert "2 class names" in answer.err


def test_explain_writes_the_overlay_and_the_raw_map(
    effnet: Effnet, weights: Path, labels: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    out, raw = tmp_path / "overlay.png", tmp_path / "map.npy"
    named = ("--weights", weights, "--classes", labels, "--device", "cpu")
    answer = effnet("explain", pictures[0], *named, "--out", out, "--raw", raw, "--json")
    assert answer.code == 0
    result = answer.json
    loaded = load_checkpoint(weights, classes=LABELS)
    predictor = Predictor(loaded, device="cpu")
    prediction = predictor.predict(decode(pictures[0].read_bytes()), top_k=1)
    assert result["class"]["index"] == prediction.top[0].index
    assert result["class"]["label"] == prediction.top[0].label
    expected = attribute(
        predictor.model, predictor.inputs(prediction.view), class_index=prediction.top[0].index
    )
    found = np.load(raw, allow_pickle=False)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected.raw, rel=1e-4, abs=1e-6)
    assert result["grid"] == list(found.shape) == [2, 2]
    assert result["range"] == [float(found.min()), float(found.max())]
    assert result["stage"] == loaded.spec.stage_count + 1
    assert result["weak"] is expected.weak
    assert (result["out"], result["raw"]) == (str(out), str(raw))
    with Image.open(out) as overlay:
        assert (overlay.format, overlay.size) == ("PNG", (64, 64))


def test_explain_takes_class_stage_and_opacity(
    effnet: Effnet, weights: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    arguments = ("explain", pictures[0], "--weights", weights, "--out", tmp_path / "o.png")
    result = effnet(*arguments, "--class", "2", "--stage", "1", "--opacity", "0", "--json").json
    assert (result["class"]["index"], result["stage"], result["grid"]) == (2, 1, [32, 32])
    predictor = Predictor(load_checkpoint(weights))
    view = predictor.predict(decode(pictures[0].read_bytes())).view
    with Image.open(tmp_path / "o.png") as overlay:  # at opacity 0 nothing but the picture
        assert np.array_equal(np.asarray(overlay), np.asarray(view))
    text = effnet(*arguments, "--stage", "1").out
    assert "at stage 1: 32 × 32 values" in text
    assert "\nPreprocessing (metadata): shorter edge to 73 px" in text
    assert "\nClass names: numbered, no names known\n" in text


@pytest.mark.parametrize("stage", ["last", "3"])
def test_explain_takes_several_classes(
    effnet: Effnet, weights: Path, pictures: tuple[Path, Path], tmp_path: Path, stage: str
) -> None:
    shared = ("explain", pictures[0], "--weights", weights, "--stage", stage, "--json")
    files = ("--out", tmp_path / "o.png", "--raw", tmp_path / "m.npy")
    several = effnet(*shared, *files, "--class", "2", "--class", "0", "--class", "2").json["maps"]
    assert [found["class"]["index"] for found in several] == [2, 0]
    for found in several:
        index = found["class"]["index"]
        assert found["out"] == str(tmp_path / f"o-{index}.png") and Path(found["out"]).is_file()
        one_file = ("--out", tmp_path / "one.png", "--raw", tmp_path / "one.npy")
        alone = effnet(*shared, *one_file, "--class", str(index)).json
        assert alone.keys() == found.keys()
        assert np.load(found["raw"]) == pytest.approx(np.load(alone["raw"]), rel=1e-4, abs=1e-6)
    assert not (tmp_path / "o.png").exists()


def test_explain_takes_the_most_probable_classes(
    effnet: Effnet, weights: Path, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    shared = ("explain", pictures[0], "--weights", weights, "--out", tmp_path / "o.png", "--json")
    maps = effnet(*shared, "--top-classes", "2").json["maps"]
    top = Predictor(load_checkpoint(weights)).predict(decode(pictures[0].read_bytes()), top_k=2).top
    assert [found["class"]["index"] for found in maps] == [one.index for one in top]
    assert effnet(*shared, "--top-classes", "1").json["class"]["index"] == top[0].index
    refused = effnet(*shared, "--top-classes", "0")
    assert refused.code == 2 and "At least one class" in refused.json["error"]
    assert effnet(*shared, "--top-classes", "2", "--class", "1").code == 2


def test_a_librarys_checkpoint_says_whose_preprocessing_it_gets(
    effnet: Effnet, pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    path = tmp_path / "theirs.pth"
    torch.save(torchvision.models.efficientnet_b1(num_classes=2).state_dict(), path)
    text = effnet("classify", pictures[0], "--weights", path, "--architecture", "b1").out
    assert "Preprocessing (torchvision's defaults for b1): shorter edge to 255 px" in text


QUICK = {
    "integrated-gradients": {"steps": 4},
    "occlusion": {"window": 32, "stride": 32},
    "saliency": {"samples": 2, "absolute": False},
}


@pytest.mark.parametrize("method", [method.id for method in METHODS])
def test_every_method_can_be_asked_for(
    effnet: Effnet, weights: Path, pictures: tuple[Path, Path], tmp_path: Path, method: str
) -> None:
    chosen = QUICK.get(method, {})
    options = [f"--set={name}={value}" for name, value in chosen.items()]
    answer = effnet(
        *("explain", pictures[0], "--weights", weights, "--method", method),
        *(*options, "--out", tmp_path / "o.png", "--json"),
    )
    assert answer.code == 0, answer.err
    assert answer.json["method"] == method
    assert answer.json["classified_by"].startswith("ONNX Runtime")
    assert chosen.items() <= answer.json["parameters"].items()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("--out o.jpg", 2, "must be a .png file"),
        ("--out o.png --raw map.txt", 2, "must be a .npy file"),
        ("--out o.png --method tea-leaves", 2, "Unknown attribution method"),
        ("--out o.png --stage middle", 2, "whole number"),
        ("--out o.png --stage 9", 2, "from 0 (stem)"),
        ("--out o.png --class 3", 2, "classes 0 to 2"),
        ("--out o.png --opacity 2", 2, "between 0 and 1"),
        ("--out o.png --set steps", 2, "name=value"),
        ("--out o.png --set steps=4", 2, "has no parameter"),
        ("--out o.png --method occlusion --set window=1", 2, "from 4 to 512"),
        ("--out o.png --method occlusion --stage 2", 2, "no stage"),
        ("", 2, "--out"),
    ],
)
def test_explain_refuses(
    effnet: Effnet,
    weights: Path,
    pictures: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = effnet("explain", pictures[0], "--weights", weights, *arguments.split())
    assert answer.code == code
    assert sentence in answer.err
    assert not list(tmp_path.glob("o.*"))


def test_explain_refuses_a_bad_picture(effnet: Effnet, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    answer = effnet(
        "explain", tmp_path / "bad.png", "--weights", weights, "--out", tmp_path / "o.png"
    )
    assert answer.code == 1
    assert "picture" in answer.err


def test_help_names_every_method_and_parameter(
    effnet: Effnet, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        effnet("explain", "--help")
    text = capsys.readouterr().out
    for method in METHODS:
        assert method.id in text
        assert all(parameter.name in text for parameter in method.parameters)


def test_photos_are_recognised_and_explained(
    effnet: Effnet, photos: tuple[Path, ...], v2b0_weights: Path, tmp_path: Path
) -> None:
    weights = ("--weights", v2b0_weights, "--architecture", "tf_efficientnetv2_b0")
    answer = effnet("classify", *photos[:4], *weights, "--json")
    assert answer.code == 0
    # The file names carry the class: "n01498041_stingray.JPEG".
    wanted = [path.stem.split("_", 1)[1].replace("_", " ") for path in photos[:4]]
    tops = [[top["label"].lower() for top in entry["top"]] for entry in answer.json]
    assert sum(name in labels for name, labels in zip(wanted, tops, strict=True)) >= 3
    explained = effnet("explain", photos[0], *weights, "--out", tmp_path / "o.png", "--json").json
    assert explained["grid"] == [7, 7]
    assert explained["weak"] is False
