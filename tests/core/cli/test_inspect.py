"""`effnet inspect`: what was understood, in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from effnet_core.architecture.names import scaled
from effnet_core.network.build import build
from tests.core.weights.reading.brought import CASES

FIELDS = (
    *("kind", "trainer", "style", "unwrapped"),
    *("architecture", "architecture_source", "padding", "bn_eps"),
    *("classes", "classes_source", "preprocessing", "preprocessing_source"),
    *("activation", "activation_source", "ignored", "guess"),
)

Effnet = Callable[..., Any]


def test_the_fields_of_a_folder(effnet: Effnet, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.container == "folder with config.json")
    path = case.write(tmp_path)
    found = effnet("inspect", path, "--json").json
    assert tuple(found) == FIELDS
    assert (found["kind"], found["trainer"], found["style"]) == ("folder", "timm", "timm")
    assert found["classes"] == ["ant", "bee", "fly", "moth", "wasp"]
    assert (found["padding"], found["bn_eps"], found["activation"]) == (
        "symmetric",
        1e-5,
        "softmax",
    )
    assert found["preprocessing"]["crop"] == 224
    words = effnet("inspect", path).out
    assert "b0 (config.json)" in words and "config.json (label_names)" in words


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A file that holds two small networks and says nothing."""
    state = build(scaled(-6, num_classes=3), seed=0).state_dict()
    torch.save(
        {"teacher": state, "student": {f"net.{k}": v for k, v in state.items()}}, tmp_path / "x.pt"
    )
    return tmp_path / "x.pt"


def test_every_guess_can_be_overruled(effnet: Effnet, two: Path, tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text(scaled(-6, num_classes=3).to_json())
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    refused = effnet("inspect", two)
    assert refused.code == 1
    assert "holds 2 networks (teacher, student.net)" in refused.err
    silent = effnet("inspect", two, "--weights-key", "student", "--json")
    assert (silent.code, silent.json["architecture"]) == (0, None)
    assert silent.json["unwrapped"] == ['key "student"', 'prefix "net."']
    given = effnet(
        "inspect", two, "--weights-key", "teacher", "--architecture", tmp_path / "spec.json",
        "--classes", tmp_path / "names.txt", "--crop", 64, "--mean", 0.5, 0.5, 0.5, "--json",
    ).json  # fmt: skip
    assert given["classes"] == ["a", "b", "c"]
    assert [given[f"{name}_source"] for name in ("architecture", "classes")] == ["given"] * 2
    assert given["preprocessing_source"] == (
        "given; resize, interpolation, std: architecture's defaults"
    )
    assert given["preprocessing"]["mean"] == [0.5] * 3
    assert effnet("inspect", two, "--weights-key", "nobody").code == 2


@pytest.mark.parametrize(
    ("options", "changed", "source"),
    [
        (("--crop", 112), {"crop": 112, "resize": 120}, "given; resize, interpolation, mean, std"),
        (("--resize", 300), {"resize": 300}, "given; crop, interpolation, mean, std"),
        (("--interpolation", "nearest"), {"interpolation": "nearest"}, "given; resize, crop, mean"),
        (("--crop-mode", "center"), {"squash": False}, "given; resize, crop, interpolation, mean"),
    ],
)
def test_only_what_is_given_of_the_preprocessing_is_overruled(
    effnet: Effnet, tmp_path: Path, options: tuple[Any, ...], changed: dict[str, Any], source: str
) -> None:
    state = build(scaled(-6, num_classes=3), seed=0).state_dict()
    torch.save(state, tmp_path / "pytorch_model.bin")
    (tmp_path / "spec.json").write_text(scaled(-6, num_classes=3).to_json())
    said = {"crop_mode": "squash", "input_size": [3, 224, 224], "crop_pct": 0.93}
    said |= {"interpolation": "bilinear", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    (tmp_path / "config.json").write_text(json.dumps(said))
    command = ("inspect", tmp_path, "--architecture", tmp_path / "spec.json", "--json")
    before, after = effnet(*command).json, effnet(*command, *options).json
    assert before["preprocessing_source"] == "config.json" and before["preprocessing"]["squash"]
    assert after["preprocessing"] == {**before["preprocessing"], **changed}
    assert after["preprocessing_source"].startswith(source)
    assert after["preprocessing_source"].endswith(": config.json")


@pytest.mark.parametrize(
    ("name", "sentence"), [("x.rar", "is a RAR archive"), ("x.pkl", "no other kind is ever opened")]
)
def test_other_files_get_a_sentence(
    effnet: Effnet, tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / name).write_bytes(b"Rar!\x1a\x07\x00" if name == "x.rar" else b"pickle")
    refused = effnet("inspect", tmp_path / name)
    assert refused.code == 1 and sentence in refused.err


def test_a_folder_is_imported_with_what_lies_beside_it(effnet: Effnet, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.container == "folder with config.json")
    assert effnet("weights", "import", case.write(tmp_path), "--name", "insects").code == 0
    (record,) = (r for r in effnet("weights", "list", "--json").json if r["id"] == "insects")
    assert record["classes_source"] == "config.json (label_names)"
    assert record["num_classes"] == 5
